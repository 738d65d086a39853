"""DQN: double Q-learning with a target network (Mnih et al. 2015; van Hasselt et al. 2016), for Discrete actions.

Explores by epsilon-greedy; epsilon is a buffer of the module, so that it travels with the weights.
"""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import torch
from ray.rllib.core import DEFAULT_MODULE_ID
from ray.rllib.core.columns import Columns
from ray.rllib.core.rl_module.apis import InferenceOnlyAPI
from ray.rllib.core.rl_module.torch import TorchRLModule
from torch import Tensor, nn
from torch.nn import functional

from rlhp_ray.agent.learner import on_a_line
from rlhp_ray.agent.networks import Acted, NatureCNN, follow, in_unit_range, mlp
from rlhp_ray.agent.off_policy import OffPolicyAlgorithm, ReplayLearner
from rlhp_ray.errors import TaskError


class QNetwork(TorchRLModule, InferenceOnlyAPI):  # type: ignore[misc]  # RLlib is untyped
    """Q-values of all actions, on vectors or uint8 images [C, H, W], and their target's.

    `model_config`: `hidden_sizes` (of vectors' networks).
    """

    epsilon: Tensor  # probability of a random action

    def setup(self) -> None:
        """Build the networks (RLlib calls this)."""
        if not isinstance(self.action_space, gym.spaces.Discrete):
            raise TaskError(
                f"agent.algorithm=dqn learns Discrete actions, and this task's are {self.action_space}: choose sac, "
                "ppo or appo."
            )
        space = self.observation_space
        self.images = space.dtype == np.uint8 and len(space.shape) == 3
        self.actions = int(self.action_space.n)
        self.q, self.target = self._network(), self._network()
        self.target.load_state_dict(self.q.state_dict())
        self.target.requires_grad_(False)
        self.register_buffer("epsilon", torch.ones(()))

    def _network(self) -> nn.Sequential:
        space = self.observation_space
        if self.images:
            return nn.Sequential(NatureCNN(*space.shape), *mlp((NatureCNN.FEATURES, self.actions), nn.ReLU, 1.0))
        sizes = (int(np.prod(space.shape)), *self.model_config["hidden_sizes"], self.actions)
        return nn.Sequential(nn.Flatten(), *mlp(sizes, nn.ReLU, 1.0))

    def normalize(self, observations: Tensor) -> Tensor:
        """What the networks read of raw observations [B, ...]: images in 0..1, vectors as they are."""
        return in_unit_range(observations) if self.images else observations.to(torch.float32)

    def act(self, observations: Tensor, generator: torch.Generator) -> Acted:
        """Epsilon-greedy actions for raw observations [B, ...]."""
        count = len(observations)
        random = torch.rand(count, generator=generator) < self.epsilon
        drawn = torch.randint(self.actions, (count,), generator=generator)
        actions = torch.where(random, drawn, self.act_greedily(observations))
        return Acted(actions, torch.zeros(count), None)

    def act_greedily(self, observations: Tensor) -> Tensor:
        """The best actions for raw observations [B, ...]."""
        values: Tensor = self.q(self.normalize(observations))
        return values.argmax(-1)

    def get_non_inference_attributes(self) -> list[str]:
        """What a runner needs not (RLlib's InferenceOnlyAPI)."""
        return ["target"]

    def _forward(self, batch: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
        return {Columns.ACTION_DIST_INPUTS: self.q(self.normalize(batch[Columns.OBS]))}


class DQNLearner(ReplayLearner):
    """Steps towards the target network's value of the action that the online one prefers."""

    figures = ("value_loss", "mean_value", "exploration")

    def configure_optimizers_for_module(self, module_id: str, config: Any = None) -> None:
        """Adam, as one fused step."""
        params = list(self.module[module_id].unwrapped().q.parameters())
        optimizer = torch.optim.Adam(params, lr=1.0, fused=True)  # RLlib sets the rate
        self.register_optimizer(module_id=module_id, optimizer=optimizer, params=params, lr_or_lr_schedule=config.lr)

    def build(self) -> None:
        """Find the networks and what steps them once."""
        super().build()
        module = self.trained
        assert isinstance(module, QNetwork)
        self._trained, self._optimizer = module, self.get_optimizer(DEFAULT_MODULE_ID)
        self._params, self._target_params = list(module.q.parameters()), list(module.target.parameters())

    def gradient_step(self, rows: dict[str, Tensor]) -> Tensor:
        """Huber loss of the temporal difference; the target follows slowly."""
        module, part = self._trained, self._part
        observations = module.normalize(rows["observations"])
        following = module.normalize(rows["next_observations"])
        with torch.no_grad():
            best = module.q(following).argmax(-1, keepdim=True)
            next_values = module.target(following).gather(-1, best).squeeze(-1)
            targets = torch.where(rows["terminated"], rows["rewards"], rows["rewards"] + part.gamma * next_values)
        values = module.q(observations).gather(-1, rows["actions"].unsqueeze(-1)).squeeze(-1)
        loss = functional.smooth_l1_loss(values, targets)
        self._optimizer.zero_grad()
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(self._params, part.max_grad_norm, foreach=True)
        self._optimizer.step()
        follow(self._target_params, self._params, part.target_rate)
        return torch.stack([loss.detach(), values.detach().mean(), module.epsilon])

    def after_gradient_based_update(self, *, timesteps: dict[str, Any]) -> None:
        """RLlib's, and epsilon for the steps to come."""
        super().after_gradient_based_update(timesteps=timesteps)
        steps = max(timesteps.values(), default=0)
        part = self._part
        self._trained.epsilon.fill_(on_a_line(1.0, part.exploration_final, steps / part.exploration_env_steps))


class DQN(OffPolicyAlgorithm):
    """Double DQN on a replay buffer."""

    learner_class = DQNLearner
    module_class = QNetwork
