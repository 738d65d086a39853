"""SAC: soft actor-critic with twin critics and an adapted temperature (Haarnoja et al. 2018, arXiv 1812.05905).

Both critics are one batched network, and gradients are taken of what is stepped only. Critics and policy are stepped
at once, by gradients of the same weights, so that two threads can compute them beside each other: on small networks
that is quicker than two threads for each product of matrices. Vectors and Box actions.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import gymnasium as gym
import numpy as np
import torch
from ray.rllib.core import DEFAULT_MODULE_ID
from ray.rllib.core.columns import Columns
from ray.rllib.core.rl_module.apis import InferenceOnlyAPI
from ray.rllib.core.rl_module.torch import TorchRLModule
from torch import Tensor, nn
from torch.nn import functional

from rlhp_ray.agent.networks import Acted, follow, mlp
from rlhp_ray.agent.off_policy import OffPolicyAlgorithm, ReplayLearner
from rlhp_ray.errors import TaskError
from rlhp_ray.predictor import MemberLinear

LOG_STD_BOUNDS = (-5.0, 2.0)
CRITICS = 2
_HALF_LOG_2PI = 0.5 * math.log(2.0 * math.pi)


class Critics(nn.Module):
    """Q-values of the twins [2, B], of observations [B, D] and actions [B, A] in -1..1."""

    def __init__(self, inputs: int, hidden_sizes: Sequence[int]) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(int(torch.randint(2**62, ())))
        sizes = itertools.pairwise((inputs, *hidden_sizes, 1))
        self.layers = nn.ModuleList(MemberLinear(CRITICS, i, o, generator) for i, o in sizes)

    def forward(self, observations: Tensor, actions: Tensor) -> Tensor:
        features = torch.cat([observations, actions], dim=1).t()
        for layer in self.layers[:-1]:
            features = functional.relu_(layer(features))
        values: Tensor = self.layers[-1](features)
        return values.squeeze(1)


class Squashed(NamedTuple):
    """Actions of a tanh-Gaussian, in -1..1, and their log-probabilities."""

    actions: Tensor  # [B, A]
    logp: Tensor  # [B]


class SoftActorCritic(TorchRLModule, InferenceOnlyAPI):  # type: ignore[misc]  # RLlib is untyped
    """A tanh-Gaussian policy on vectors, twin critics and their targets. `model_config`: `hidden_sizes`."""

    center: Tensor
    half_range: Tensor

    def setup(self) -> None:
        """Build the networks (RLlib calls this)."""
        space, actions = self.observation_space, self.action_space
        bounded = isinstance(actions, gym.spaces.Box) and np.isfinite([actions.low, actions.high]).all()
        if not bounded or len(space.shape) != 1:
            raise TaskError(
                f"agent.algorithm=sac learns vectors with bounded Box actions, and this task has observations of "
                f"{space} and actions of {actions}: choose ppo, appo or dqn."
            )
        size, self.outputs = int(np.prod(space.shape)), int(np.prod(actions.shape))
        hidden = tuple(self.model_config["hidden_sizes"])
        self.policy = mlp((size, *hidden, 2 * self.outputs), nn.ReLU, last_gain=0.01)
        self.critics, self.targets = Critics(size + self.outputs, hidden), Critics(size + self.outputs, hidden)
        self.targets.load_state_dict(self.critics.state_dict())
        self.targets.requires_grad_(False)
        self.log_temperature = nn.Parameter(torch.zeros(()))
        self.register_buffer("center", torch.as_tensor((actions.high + actions.low) / 2, dtype=torch.float32))
        self.register_buffer("half_range", torch.as_tensor((actions.high - actions.low) / 2, dtype=torch.float32))

    def new_critics(self) -> None:
        """Draw the critics' weights anew, in place."""
        inputs, hidden = int(np.prod(self.observation_space.shape)) + self.outputs, self.model_config["hidden_sizes"]
        drawn = Critics(inputs, tuple(hidden)).state_dict()
        self.critics.load_state_dict(drawn)
        self.targets.load_state_dict(drawn)

    def sample(self, observations: Tensor, noise: Tensor) -> Squashed:
        """Actions for observations [B, D] by noise [B, A]."""
        mean, log_std = self.policy(observations).chunk(2, dim=-1)
        log_std = log_std.clamp(*LOG_STD_BOUNDS)
        before = mean + noise * log_std.exp()
        logp = -(0.5 * noise.square() + log_std + _HALF_LOG_2PI).sum(-1)
        # log(1 - tanh(x)^2), without overflow
        squash = 2.0 * (math.log(2.0) - before - functional.softplus(-2.0 * before)).sum(-1)
        return Squashed(before.tanh(), logp - squash)

    def act(self, observations: Tensor, generator: torch.Generator) -> Acted:
        """Sample actions for raw observations [B, D]."""
        noise = torch.randn((len(observations), self.outputs), generator=generator)
        squashed = self.sample(observations.to(torch.float32), noise)
        return Acted(self.center + self.half_range * squashed.actions, squashed.logp, None)

    def act_greedily(self, observations: Tensor) -> Tensor:
        """The deterministic policy's actions for raw observations [B, D]."""
        mean, _ = self.policy(observations.to(torch.float32)).chunk(2, dim=-1)
        actions: Tensor = self.center + self.half_range * mean.tanh()
        return actions

    def get_non_inference_attributes(self) -> list[str]:
        """What a runner needs not (RLlib's InferenceOnlyAPI)."""
        return ["critics", "targets", "log_temperature"]

    def _forward(self, batch: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
        return {Columns.ACTION_DIST_INPUTS: self.policy(batch[Columns.OBS])}


class SACLearner(ReplayLearner):
    """One step of critics, policy and temperature on each minibatch."""

    figures = ("policy_loss", "value_loss", "entropy", "temperature")

    def configure_optimizers_for_module(self, module_id: str, config: Any = None) -> None:
        """An Adam for each of the three, as fused steps."""
        module = self.module[module_id].unwrapped()
        for name, params in (
            ("critics", list(module.critics.parameters())),
            ("policy", list(module.policy.parameters())),
            ("temperature", [module.log_temperature]),
        ):
            optimizer = torch.optim.Adam(params, lr=1.0, fused=True)  # RLlib sets the rate
            self.register_optimizer(
                module_id=module_id,
                optimizer_name=name,
                optimizer=optimizer,
                params=params,
                lr_or_lr_schedule=config.lr,
            )

    def build(self) -> None:
        """Find the networks and what steps them once, not at each of the many steps."""
        super().build()
        module = self.trained
        assert isinstance(module, SoftActorCritic)
        self._trained = module
        self._beside: ThreadPoolExecutor | None = None
        if self._part.learner_threads > 1:
            torch.set_num_threads(self._part.learner_threads // 2)  # of each of the two
            self._beside = ThreadPoolExecutor(1, thread_name_prefix="policy-gradient")
        self._steps = dict(self.get_optimizers_for_module(DEFAULT_MODULE_ID))
        self._policy_params, self._critic_params = list(module.policy.parameters()), list(module.critics.parameters())
        self._target_params = list(module.targets.parameters())

    def forget_values(self) -> None:
        """New critics, and their targets; without Adam's moments of the old ones."""
        self._trained.new_critics()
        self._steps["critics"].state.clear()

    def gradient_step(self, rows: dict[str, Tensor]) -> Tensor:
        """Equations 5, 7 and 18 of the paper, all by the weights before the step."""
        module, part = self._trained, self._part
        observations, following = rows["observations"], rows["next_observations"]
        taken = (rows["actions"] - module.center) / module.half_range
        noise = torch.randn((2, *taken.shape), generator=self._generator).to(self.device)
        temperature = module.log_temperature.detach().exp()

        def of_policy() -> tuple[tuple[Tensor, ...], Tensor, Tensor]:
            actions, logp = module.sample(observations, noise[1])
            loss = (temperature * logp - module.critics(observations, actions).amin(0)).mean()
            return torch.autograd.grad(loss, self._policy_params), loss.detach(), -logp.detach().mean()

        def of_critics() -> tuple[tuple[Tensor, ...], Tensor]:
            with torch.no_grad():
                next_actions, next_logp = module.sample(following, noise[0])
                next_values = module.targets(following, next_actions).amin(0) - temperature * next_logp
                targets = torch.where(rows["terminated"], rows["rewards"], rows["rewards"] + part.gamma * next_values)
            loss = (module.critics(observations, taken) - targets).square().mean(1).sum()
            return torch.autograd.grad(loss, self._critic_params), loss.detach()

        of_policy_then = self._beside.submit(of_policy).result if self._beside else of_policy
        critic_gradients, value_loss = of_critics()
        policy_gradients, policy_loss, entropy = of_policy_then()
        self._step("critics", self._critic_params, critic_gradients)
        self._step("policy", self._policy_params, policy_gradients)
        # of log_temperature x (entropy - target)
        self._step("temperature", [module.log_temperature], [entropy + module.outputs])
        follow(self._target_params, self._critic_params, part.target_rate)
        return torch.stack([policy_loss, value_loss, entropy, temperature])

    def _step(self, name: str, params: list[nn.Parameter], gradients: Sequence[Tensor]) -> None:
        for parameter, gradient in zip(params, gradients, strict=True):
            parameter.grad = gradient
        self._steps[name].step()


class SAC(OffPolicyAlgorithm):
    """Soft actor-critic on a replay buffer."""

    learner_class = SACLearner
    module_class = SoftActorCritic
