"""The policy module: normalisation, value scale, probabilities."""

from __future__ import annotations

import gymnasium as gym
import numpy as np
import pytest
import torch

from rlhp_ray.agent.module import ActorCritic


def _module(action_space: gym.Space, size: int = 3) -> ActorCritic:
    torch.manual_seed(0)
    return ActorCritic(
        observation_space=gym.spaces.Box(-np.inf, np.inf, (size,)),
        action_space=action_space,
        inference_only=False,
        model_config={"hidden_sizes": (16, 16), "initial_log_std": -0.3},
    )


BOX = gym.spaces.Box(-1, 1, (2,))
DISCRETE = gym.spaces.Discrete(3)


def test_moments_of_batches_are_those_of_all_rows() -> None:
    module = _module(BOX)
    rows = torch.randn(1000, 3, generator=torch.Generator().manual_seed(1)) * torch.tensor([1.0, 5.0, 0.1]) + 3.0
    for part in rows.split([10, 400, 590]):
        module.observe(len(part), part.mean(0), part.var(0, correction=0))
    torch.testing.assert_close(module.obs_mean, rows.mean(0), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(module.obs_var, rows.var(0, correction=0), rtol=1e-4, atol=1e-5)
    normalized = module.normalize(rows)
    assert normalized.mean(0).abs().max() < 1e-4
    assert (normalized.std(0) - 1).abs().max() < 1e-2


def test_rescaling_values_leaves_the_value_function_as_it_is() -> None:
    module = _module(BOX)
    observations = torch.randn(20, 3)
    before = module.values(observations)
    module.rescale_values(mean=12.0, std=34.0)
    torch.testing.assert_close(module.values(observations), before, rtol=1e-4, atol=1e-4)
    assert float(module.value_std) == 34.0


@pytest.mark.parametrize("space", [BOX, DISCRETE])
def test_the_learner_s_probabilities_are_those_of_acting(space: gym.Space) -> None:
    module = _module(space)
    observations = torch.randn(64, 3)
    actions, logp, _ = module.act(observations, torch.Generator().manual_seed(0))
    again, entropy, values = module.evaluate_actions(module.normalize(observations), actions)
    torch.testing.assert_close(again, logp, rtol=1e-4, atol=1e-5)
    assert entropy.shape == values.shape == (64,)


def test_probabilities_are_torch_s_own() -> None:
    module = _module(BOX)
    observations = torch.randn(8, 3)
    actions, logp, _ = module.act(observations, torch.Generator().manual_seed(0))
    mean = module.act_greedily(observations)
    normal = torch.distributions.Normal(mean, module.log_std.exp())
    torch.testing.assert_close(logp, normal.log_prob(actions).sum(-1), rtol=1e-4, atol=1e-5)
    _, entropy, _ = module.evaluate_actions(module.normalize(observations), actions)
    torch.testing.assert_close(entropy, normal.entropy().sum(-1), rtol=1e-4, atol=1e-5)


def test_state_carries_the_normalisation() -> None:
    module, other = _module(BOX), _module(BOX)
    module.observe(100, torch.full((3,), 1.0), torch.full((3,), 4.0))
    module.rescale_values(1.0, 2.0)
    other.set_state(module.get_state())
    observations = torch.randn(5, 3)
    torch.testing.assert_close(other.act_greedily(observations), module.act_greedily(observations))
    torch.testing.assert_close(other.values(observations), module.values(observations))
