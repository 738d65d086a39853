"""PPO's update in arrays: RLlib's Learner, its module and its optimiser, with a minibatch loop of our own.

RLlib's loop logs metrics, checks every gradient and slices Python batches at each of the 160 minibatches of an update;
on small networks that costs more than the mathematics. Loss: Schulman et al. 2017, equation 9.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from ray.rllib.algorithms.ppo.torch.ppo_torch_learner import PPOTorchLearner
from ray.rllib.core import ALL_MODULES, DEFAULT_MODULE_ID
from ray.rllib.core.learner.training_data import TrainingData
from ray.rllib.utils.metrics import NUM_ENV_STEPS_TRAINED_LIFETIME
from torch import Tensor

from rlhp_ray.types import Array

MODULE_PREFIX = "module/"
_OPTIMIZER = "optimizer/"
VALUE_SCALE_RATE = 0.1  # how fast the value's scale follows the batches' targets


class ArrayPPOLearner(PPOTorchLearner):  # type: ignore[misc]  # RLlib is untyped
    """Updates an ActorCritic from the arrays of `Fragment.learner_arrays`."""

    def build(self) -> None:
        """Build RLlib's learner; minibatches are drawn by a generator of the run's seed."""
        super().build()
        self._generator = torch.Generator().manual_seed(int(self.config.seed or 0))

    def configure_optimizers_for_module(self, module_id: str, config: Any = None) -> None:
        """Adam over all parameters, as one fused step."""
        params = self.get_parameters(self.module[module_id])
        optimizer = torch.optim.Adam(params, lr=config.lr, eps=1e-5, fused=True)
        self.register_optimizer(module_id=module_id, optimizer=optimizer, params=params, lr_or_lr_schedule=config.lr)

    def update(self, *, training_data: TrainingData, timesteps: Any = None, **kwargs: Any) -> Any:
        """One PPO update (all epochs and minibatches) from one batch; returns RLlib's metrics."""
        training_data.validate()
        training_data.solve_refs()
        config = self.config
        module = self._actor_critic()
        (batch,) = training_data.batch.policy_batches.values()
        data = {name: torch.from_numpy(array) for name, array in batch.items()}
        self._weights_seq_no += 1

        first_time = bool(module.obs_count == 0)
        if first_time:
            module.observe(data["observations"])
        targets = data["value_targets"]
        self._follow_value_scale(module, targets, first_time)
        normalized_targets = (targets - module.value_mean) / module.value_std
        advantages = data["advantages"]
        advantages = (advantages - advantages.mean()) / (advantages.std() + 1e-8)
        observations = module.normalize(data["observations"])
        actions, old_logp = data["actions"], data["action_logp"]

        optimizer = self.get_optimizer(DEFAULT_MODULE_ID)
        params = list(module.parameters())
        sums = torch.zeros(5)
        minibatches = 0
        for _ in range(config.num_epochs):
            for rows in torch.split(torch.randperm(len(actions), generator=self._generator), config.minibatch_size):
                logp, entropy, values = module.evaluate_actions(observations[rows], actions[rows])
                log_ratio = logp - old_logp[rows]
                ratio = log_ratio.exp()
                advantage = advantages[rows]
                clipped = ratio.clamp(1 - config.clip_param, 1 + config.clip_param)
                policy_loss = -torch.min(advantage * ratio, advantage * clipped).mean()
                value_loss = (values - normalized_targets[rows]).square().mean()
                loss = policy_loss + config.vf_loss_coeff * value_loss
                if config.entropy_coeff:
                    loss = loss - config.entropy_coeff * entropy.mean()
                optimizer.zero_grad()
                loss.backward()
                torch.nn.utils.clip_grad_norm_(params, config.grad_clip, foreach=True)
                optimizer.step()
                minibatches += 1
                with torch.no_grad():
                    sums += torch.stack(
                        [
                            policy_loss,
                            value_loss,
                            entropy.mean(),
                            (ratio - 1 - log_ratio).mean(),
                            (ratio != clipped).float().mean(),
                        ]
                    )
        if not first_time:
            module.observe(data["observations"])
        self._log(sums / minibatches, len(actions))
        self.after_gradient_based_update(timesteps=timesteps or {})
        return self.metrics.reduce()

    def snapshot(self) -> dict[str, Array]:
        """All that the learner would need to go on: weights, Adam's moments, the generator, the count of updates."""
        arrays = {f"{MODULE_PREFIX}{name}": array for name, array in self._actor_critic().arrays().items()}
        for index, moments in self.get_optimizer(DEFAULT_MODULE_ID).state_dict()["state"].items():
            arrays |= {f"{_OPTIMIZER}{index}/{name}": np.asarray(value) for name, value in moments.items()}
        arrays["generator"] = self._generator.get_state().numpy()
        arrays["weights_seq_no"] = np.asarray(self._weights_seq_no)
        return arrays

    def restore(self, arrays: dict[str, Array]) -> None:
        """Go on from a snapshot."""
        self._actor_critic().load_arrays(
            {
                name.removeprefix(MODULE_PREFIX): array
                for name, array in arrays.items()
                if name.startswith(MODULE_PREFIX)
            }
        )
        optimizer = self.get_optimizer(DEFAULT_MODULE_ID)
        moments: dict[int, dict[str, Tensor]] = {}
        for name, array in arrays.items():
            if name.startswith(_OPTIMIZER):
                index, field = name.removeprefix(_OPTIMIZER).split("/")
                moments.setdefault(int(index), {})[field] = torch.from_numpy(array.copy())
        optimizer.load_state_dict({**optimizer.state_dict(), "state": moments})
        self._generator.set_state(torch.from_numpy(arrays["generator"].copy()))
        self._weights_seq_no = int(arrays["weights_seq_no"])

    def _actor_critic(self) -> Any:
        return self.module[DEFAULT_MODULE_ID].unwrapped()

    def _follow_value_scale(self, module: Any, targets: Tensor, first_time: bool) -> None:
        rate = 1.0 if first_time else VALUE_SCALE_RATE
        mean = (1 - rate) * float(module.value_mean) + rate * float(targets.mean())
        std = (1 - rate) * float(module.value_std) + rate * float(targets.std())
        module.rescale_values(mean, max(std, 1e-4))

    def _log(self, means: Tensor, env_steps: int) -> None:
        names = ("policy_loss", "value_loss", "entropy", "kl", "clip_fraction")
        for name, value in zip(names, means.tolist(), strict=True):
            self.metrics.log_value((DEFAULT_MODULE_ID, name), value, window=1)
        self.metrics.log_value((ALL_MODULES, NUM_ENV_STEPS_TRAINED_LIFETIME), env_steps, reduce="lifetime_sum")
