"""The update that PPO and APPO share, in arrays: RLlib's Learner, its module and its optimiser, our minibatch loop.

RLlib's loop logs metrics, checks every gradient and slices Python batches at each of the 160 minibatches of an update;
on small networks that costs more than the mathematics. Loss: Schulman et al. 2017, equation 9.
"""

from __future__ import annotations

import abc
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from ray.rllib.core import ALL_MODULES, DEFAULT_MODULE_ID
from ray.rllib.core.learner.torch.torch_learner import TorchLearner
from ray.rllib.core.learner.training_data import TrainingData
from ray.rllib.utils.metrics import NUM_ENV_STEPS_SAMPLED_LIFETIME, NUM_ENV_STEPS_TRAINED_LIFETIME
from torch import Tensor

from rlhp_ray.agent import collective
from rlhp_ray.agent.batch import SequenceBatch
from rlhp_ray.agent.module import ActorCritic
from rlhp_ray.config.schema import AgentPart
from rlhp_ray.types import Array

AGENT = "agent"  # the key of learner_config_dict that holds the AgentPart
FIGURES = ("policy_loss", "value_loss", "entropy", "kl", "clip_fraction")
MODULE_PREFIX = "module/"
_OPTIMIZER = "optimizer/"
VALUE_SCALE_RATE = 0.1  # how fast the value's scale follows the batches' targets


class SequenceLearner(TorchLearner, abc.ABC):  # type: ignore[misc]  # RLlib is untyped
    """Updates an ActorCritic from sequences. With others it shares a batch and stays equal to them.

    What several learners need in common (gradients, moments of observations, targets and advantages) is averaged over
    them, so that each takes the same step.
    """

    columns: ClassVar[Sequence[str]]  # the arrays of a fragment that it learns from

    @abc.abstractmethod
    def estimate(self, batch: SequenceBatch) -> tuple[Tensor, Tensor]:
        """Advantages and value targets of the batch's rows, both [B], in units of the reward."""

    def build(self) -> None:
        """Build RLlib's learner; minibatches are drawn by a generator of the run's seed."""
        torch.set_num_threads(1)
        super().build()
        self._part: AgentPart = self.config.learner_config_dict[AGENT]
        self._generator = torch.Generator().manual_seed(int(self.config.seed or 0))
        collective.share(self.actor_critic)

    def _make_modules_ddp_if_necessary(self) -> None:
        """Leave the module as it is: `collective` averages what DDP would, and what it wouldn't."""

    def configure_optimizers_for_module(self, module_id: str, config: Any = None) -> None:
        """Adam over all parameters, as one fused step; RLlib sets its rate after each update."""
        params = self.get_parameters(self.module[module_id])
        rate = config.lr if isinstance(config.lr, float) else config.lr[0][1]
        optimizer = torch.optim.Adam(params, lr=rate, eps=1e-5, fused=True)
        self.register_optimizer(module_id=module_id, optimizer=optimizer, params=params, lr_or_lr_schedule=config.lr)

    @property
    def actor_critic(self) -> ActorCritic:
        """The module that is trained."""
        module: ActorCritic = self.module[DEFAULT_MODULE_ID].unwrapped()
        return module

    def update(self, *, training_data: TrainingData, timesteps: Any = None, **kwargs: Any) -> Any:
        """One update (all epochs and minibatches) from one batch of sequences; returns RLlib's metrics."""
        training_data.validate()
        training_data.solve_refs()
        (arrays,) = training_data.batch.policy_batches.values()
        module, part = self.actor_critic, self._part
        batch = SequenceBatch(dict(arrays), module)
        first_time = self._weights_seq_no == 0
        self._weights_seq_no += 1

        moments = None if module.images else collective.moments(batch.raw_vectors())
        if first_time and moments is not None:
            module.observe(*moments)
        batch.normalize()
        advantages, targets = self.estimate(batch)
        self._follow_value_scale(targets, first_time)
        _, mean, variance = collective.moments(advantages)
        rows_of = {
            "advantages": ((advantages - mean) / (variance.sqrt() + 1e-8)).float(),
            "value_targets": (targets - module.value_mean) / module.value_std,
            "actions": batch.tensors["actions"],
            "action_logp": batch.tensors["action_logp"],
        }

        optimizer = self.get_optimizer(DEFAULT_MODULE_ID)
        params = list(module.parameters())
        self._sums = torch.zeros(len(FIGURES))
        minibatches = 0
        for _ in range(part.num_epochs):
            order = torch.randperm(len(batch), generator=self._generator)
            for rows in torch.split(order, part.minibatch_size // collective.learners()):
                evaluated = module.evaluate_actions(batch.observations(rows), rows_of["actions"][rows])
                loss: Any = self.compute_loss_for_module(
                    module_id=DEFAULT_MODULE_ID,
                    config=self.config,
                    batch={name: tensor[rows] for name, tensor in rows_of.items()},
                    fwd_out=evaluated,
                )
                optimizer.zero_grad()
                loss.backward()
                collective.average_gradients(params)
                torch.nn.utils.clip_grad_norm_(params, part.max_grad_norm, foreach=True)
                optimizer.step()
                minibatches += 1
        if not first_time and moments is not None:
            module.observe(*moments)
        self._log(collective.mean(self._sums / minibatches), len(batch) * collective.learners())
        self.after_gradient_based_update(timesteps=timesteps or {})
        return self.metrics.reduce()

    def compute_loss_for_module(
        self, *, module_id: str, config: Any, batch: dict[str, Tensor], fwd_out: tuple[Tensor, Tensor, Tensor]
    ) -> Tensor:
        """PPO's loss of a minibatch, from log-probabilities, entropies and normalised values of its rows."""
        logp, entropy, values = fwd_out
        part = self._part
        log_ratio = logp - batch["action_logp"]
        ratio = log_ratio.exp()
        clipped = ratio.clamp(1 - part.clip, 1 + part.clip)
        policy_loss = -torch.min(batch["advantages"] * ratio, batch["advantages"] * clipped).mean()
        value_loss = (values - batch["value_targets"]).square().mean()
        loss = policy_loss + part.value_coefficient * value_loss
        if part.entropy_coefficient:
            loss = loss - part.entropy_coefficient * entropy.mean()
        with torch.no_grad():
            divergence, clip_fraction = (ratio - 1 - log_ratio).mean(), (ratio != clipped).float().mean()
            self._sums += torch.stack([policy_loss, value_loss, entropy.mean(), divergence, clip_fraction])
        return loss

    def snapshot(self) -> dict[str, Array]:
        """All that a learner would need to go on: weights, Adam's moments, the generator, the count of updates."""
        arrays = {f"{MODULE_PREFIX}{name}": array for name, array in self.actor_critic.arrays().items()}
        for index, moments in self.get_optimizer(DEFAULT_MODULE_ID).state_dict()["state"].items():
            arrays |= {f"{_OPTIMIZER}{index}/{name}": np.asarray(value) for name, value in moments.items()}
        arrays["generator"] = self._generator.get_state().numpy()
        arrays["weights_seq_no"] = np.asarray(self._weights_seq_no)
        return arrays

    def restore(self, arrays: dict[str, Array], *, env_steps: int) -> None:
        """Go on from a snapshot taken after so many env steps."""
        self.actor_critic.load_arrays(
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
        self.after_gradient_based_update(timesteps={NUM_ENV_STEPS_SAMPLED_LIFETIME: env_steps})  # the rate of then

    def _follow_value_scale(self, targets: Tensor, first_time: bool) -> None:
        module = self.actor_critic
        rate = 1.0 if first_time else VALUE_SCALE_RATE
        _, mean, variance = collective.moments(targets)
        following_mean = (1 - rate) * float(module.value_mean) + rate * float(mean)
        following_std = (1 - rate) * float(module.value_std) + rate * float(variance.sqrt())
        module.rescale_values(following_mean, max(following_std, 1e-4))

    def _log(self, means: Tensor, env_steps: int) -> None:
        for name, value in zip(FIGURES, means.tolist(), strict=True):
            self.metrics.log_value((DEFAULT_MODULE_ID, name), value, window=1)
        self.metrics.log_value((ALL_MODULES, NUM_ENV_STEPS_TRAINED_LIFETIME), env_steps, reduce="lifetime_sum")
