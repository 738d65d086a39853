"""The policy and its value function: an RLlib RLModule that carries its own normalisation.

Vectors: two MLPs, on observations normalised by their moments. Images: one convolutional network for both.
Observation moments and the value's scale are buffers of the module: they travel with its weights, so every
EnvRunner normalises alike, and a checkpoint of the weights is a checkpoint of the normalisation.
Source: PPO (Schulman et al. 2017); PopArt (van Hasselt et al. 2016) for the value's scale; Mnih et al. 2015 for the
convolutional network.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import gymnasium as gym
import numpy as np
import torch
from ray.rllib.core.columns import Columns
from ray.rllib.core.rl_module.apis.value_function_api import ValueFunctionAPI
from ray.rllib.core.rl_module.torch import TorchRLModule
from torch import Tensor, nn

from rlhp_ray.agent.networks import Acted, NatureCNN, in_unit_range, mlp

OBSERVATION_CLIP = 10.0
VARIANCE_EPSILON = 1e-8
_HALF_LOG_2PI = 0.5 * math.log(2.0 * math.pi)


class Evaluated(NamedTuple):
    """What a policy and its value function say of B observations and the actions that were taken."""

    action_logp: Tensor  # [B]
    entropy: Tensor  # [B]
    values: Tensor  # [B], normalised
    outputs: Tensor  # [B, outputs]: a Gaussian's means, a categorical's logits


class ActorCritic(TorchRLModule, ValueFunctionAPI):  # type: ignore[misc]  # RLlib is untyped
    """Gaussian (Box) or categorical (Discrete) policy and a value function, on vectors or uint8 images [C, H, W].

    `model_config`: `hidden_sizes` (of vectors' networks), `initial_log_std`, `learned_log_std` (else it is a buffer,
    which the learner sets).
    """

    obs_mean: Tensor
    obs_var: Tensor
    obs_count: Tensor
    log_std: Tensor
    low: Tensor
    high: Tensor
    value_mean: Tensor
    value_std: Tensor

    def setup(self) -> None:
        """Build the networks (RLlib calls this)."""
        space = self.observation_space
        self.images = space.dtype == np.uint8 and len(space.shape) == 3
        self.continuous = isinstance(self.action_space, gym.spaces.Box)
        outputs = int(np.prod(self.action_space.shape)) if self.continuous else int(self.action_space.n)
        if self.images:
            self.trunk: nn.Module = NatureCNN(*space.shape)
            sizes: tuple[int, ...] = (NatureCNN.FEATURES,)
        else:
            self.trunk = nn.Identity()
            size = int(np.prod(space.shape))
            sizes = (size, *self.model_config["hidden_sizes"])
            self.register_buffer("obs_mean", torch.zeros(size))
            self.register_buffer("obs_var", torch.ones(size))
            self.register_buffer("obs_count", torch.zeros((), dtype=torch.float64))
        self.policy = mlp((*sizes, outputs), nn.Tanh, last_gain=0.01)
        self.value = mlp((*sizes, 1), nn.Tanh, last_gain=1.0)
        if self.continuous:
            log_std = torch.full((outputs,), float(self.model_config["initial_log_std"]))
            if self.model_config["learned_log_std"]:
                self.log_std = nn.Parameter(log_std)
            else:
                self.register_buffer("log_std", log_std)
            for name in ("low", "high"):
                bound = torch.from_numpy(getattr(self.action_space, name).astype(np.float32).reshape(-1))
                self.register_buffer(name, bound, persistent=False)
        self.register_buffer("value_mean", torch.zeros(()))
        self.register_buffer("value_std", torch.ones(()))

    # Acting -----------------------------------------------------------------------------------------------------

    def normalize(self, observations: Tensor) -> Tensor:
        """What the networks read of raw observations [B, ...].

        Vectors [B, D] with zero mean and unit variance, clipped; images [B, C, H, W] in 0..1.
        """
        if self.images:
            return in_unit_range(observations)
        flat = observations.reshape(len(observations), -1)
        scaled = (flat - self.obs_mean) * torch.rsqrt(self.obs_var + VARIANCE_EPSILON)
        return scaled.clamp_(-OBSERVATION_CLIP, OBSERVATION_CLIP)

    def act(self, observations: Tensor, generator: torch.Generator) -> Acted:
        """Sample actions for raw observations [B, ...].

        Values come with images' actions, whose features they share; vectors' are cheaper for many rows at once.
        """
        features = self.trunk(self.normalize(observations))
        values = self.in_reward_units(self.value(features).squeeze(-1)) if self.images else None
        outputs = self.policy(features)
        if self.continuous:
            noise = torch.randn(outputs.shape, generator=generator)
            logp = -(0.5 * noise.square() + self.log_std + _HALF_LOG_2PI).sum(-1)
            return Acted(outputs + noise * self.log_std.exp(), logp, values)
        log_probabilities = outputs.log_softmax(-1)
        actions = torch.multinomial(log_probabilities.exp(), 1, generator=generator)
        return Acted(actions.squeeze(-1), log_probabilities.gather(-1, actions).squeeze(-1), values)

    def act_greedily(self, observations: Tensor) -> Tensor:
        """The deterministic policy's actions for raw observations [B, ...]."""
        outputs: Tensor = self.policy(self.trunk(self.normalize(observations)))
        return outputs if self.continuous else outputs.argmax(-1)

    def values(self, observations: Tensor) -> Tensor:
        """Values [B] of raw observations [B, ...], in units of the reward."""
        return self.in_reward_units(self.value(self.trunk(self.normalize(observations))).squeeze(-1))

    def in_reward_units(self, normalized: Tensor) -> Tensor:
        """Values of normalised ones."""
        return normalized * self.value_std + self.value_mean

    # Learning (normalised observations, so that a batch is normalised once) -----------------------------------------

    def evaluate_actions(self, normalized: Tensor, actions: Tensor) -> Evaluated:
        """Probabilities and values of a minibatch."""
        features = self.trunk(normalized)
        outputs = self.policy(features)
        values = self.value(features).squeeze(-1)
        if self.continuous:
            scaled = (actions - outputs) * (-self.log_std).exp()
            logp = -0.5 * scaled.square().sum(-1) - (self.log_std + _HALF_LOG_2PI).sum()
            entropy = (self.log_std + 0.5 + _HALF_LOG_2PI).sum().expand(len(actions))
            return Evaluated(logp, entropy, values, outputs)
        log_probabilities = outputs.log_softmax(-1)
        logp = log_probabilities.gather(-1, actions.unsqueeze(-1)).squeeze(-1)
        return Evaluated(logp, -(log_probabilities.exp() * log_probabilities).sum(-1), values, outputs)

    def beyond_bounds(self, means: Tensor) -> Tensor:
        """Squared distance [B] of a Gaussian's means [B, D] from the nearest action that isn't clipped."""
        return (means - means.clamp(self.low, self.high)).square().sum(-1)

    @torch.no_grad()
    def observe(self, count: int, mean: Tensor, variance: Tensor) -> None:
        """Merge the moments [D] of `count` raw observations into the normalisation's (Chan et al. 1979)."""
        total = float(self.obs_count) + count
        share = count / total
        delta = mean - self.obs_mean
        self.obs_var.copy_(
            (1 - share) * self.obs_var + share * variance + share * (1 - share) * delta.square()
            if self.obs_count > 0
            else variance
        )
        self.obs_mean.add_(delta * share)
        self.obs_count.fill_(total)

    @torch.no_grad()
    def reset_networks(self) -> None:
        """Draw policy and value anew; the normalisation stays."""
        fresh = type(self)(
            observation_space=self.observation_space,
            action_space=self.action_space,
            inference_only=False,
            model_config=self.model_config,
        )
        for parameter, new in zip(self.parameters(), fresh.parameters(), strict=True):
            parameter.copy_(new)

    @torch.no_grad()
    def rescale_values(self, mean: float, std: float) -> None:
        """Change the value's scale and leave its function as it is (PopArt)."""
        last: Any = self.value[-1]
        ratio = float(self.value_std) / std
        last.bias.mul_(ratio).add_((float(self.value_mean) - mean) / std)
        last.weight.mul_(ratio)
        self.value_mean.fill_(mean)
        self.value_std.fill_(std)

    # RLlib's interface --------------------------------------------------------------------------------------------

    def _forward(self, batch: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
        outputs = self.policy(self.trunk(self.normalize(batch[Columns.OBS])))
        if self.continuous:
            outputs = torch.cat([outputs, self.log_std.expand_as(outputs)], dim=-1)
        return {Columns.ACTION_DIST_INPUTS: outputs}

    def compute_values(self, batch: dict[str, Any], embeddings: Any = None) -> Tensor:
        """Values [B] of a batch's observations (RLlib's ValueFunctionAPI)."""
        return self.values(batch[Columns.OBS])
