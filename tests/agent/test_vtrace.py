"""V-trace against the paper's sums, and against what it must be on the learner's own steps."""

from __future__ import annotations

import numpy as np
import pytest

from rlhp_ray.agent.vtrace import v_trace
from rlhp_ray.rollouts.advantages import advantages, next_values


def _steps(seed: int, ratio_scale: float, ends: float = 0.1):
    rng = np.random.default_rng(seed)
    shape = (3, 25)
    rewards, finals = rng.normal(size=(2, *shape)).astype(np.float32)
    values = rng.normal(size=(3, 26)).astype(np.float32)
    terminated = rng.random(shape) < ends
    truncated = (rng.random(shape) < ends) & ~terminated
    ratios = np.exp(ratio_scale * rng.normal(size=shape)).astype(np.float32)
    return ratios, rewards, values, finals, terminated, truncated


def _by_definition(ratios, rewards, values, finals, terminated, truncated, gamma, trace_lambda):
    """Equation 1 of Espeholt et al. with the traces of remark 2, one sum a step, in double precision."""
    envs, steps = rewards.shape
    following = next_values(values, finals, terminated, truncated).astype(np.float64)
    done = terminated | truncated
    targets, result = np.zeros((envs, steps)), np.zeros((envs, steps))
    for n in range(envs):
        for s in range(steps):
            targets[n, s], traces = values[n, s], 1.0
            for t in range(s, steps):
                delta = min(1.0, ratios[n, t]) * (rewards[n, t] + gamma * following[n, t] - values[n, t])
                targets[n, s] += gamma ** (t - s) * traces * delta
                if done[n, t]:
                    break
                traces *= trace_lambda * min(1.0, ratios[n, t])
        for s in range(steps):
            bootstrap = following[n, s]
            if not done[n, s] and s + 1 < steps:
                bootstrap = trace_lambda * targets[n, s + 1] + (1 - trace_lambda) * values[n, s + 1]
            result[n, s] = rewards[n, s] + gamma * bootstrap - values[n, s]
    return result, targets


@pytest.mark.parametrize("trace_lambda", [1.0, 0.9])
def test_equals_the_paper_s_sums_off_policy_and_across_ends(trace_lambda: float) -> None:
    steps = _steps(0, ratio_scale=0.5)
    assert (steps[0] > 1).any() and (steps[0] < 1).any() and steps[4].any() and steps[5].any()
    got = v_trace(*steps, gamma=0.9, trace_lambda=trace_lambda)
    expected = _by_definition(*steps, gamma=0.9, trace_lambda=trace_lambda)
    for one, other in zip(got, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


def test_on_policy_targets_are_n_step_returns() -> None:
    ratios, rewards, values, finals, *ends = _steps(1, ratio_scale=0.0, ends=0.0)
    _, targets = v_trace(ratios, rewards, values, finals, *ends, gamma=0.9, trace_lambda=1.0)
    steps = rewards.shape[1]
    for s in (0, 10, steps - 1):
        discounts = 0.9 ** np.arange(steps - s)
        n_step = rewards[:, s:] @ discounts + 0.9 ** (steps - s) * values[:, -1]
        np.testing.assert_allclose(targets[:, s], n_step, rtol=1e-4, atol=1e-5)


def test_on_policy_advantages_are_gae_s() -> None:
    ratios, rewards, values, finals, terminated, truncated = _steps(2, ratio_scale=0.0)
    got, targets = v_trace(ratios, rewards, values, finals, terminated, truncated, gamma=0.99, trace_lambda=0.95)
    following = next_values(values, finals, terminated, truncated)
    gae = advantages(rewards, values[:, :-1], following, terminated | truncated, gamma=0.99, gae_lambda=0.95)
    np.testing.assert_allclose(got, gae, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(targets, gae + values[:, :-1], rtol=1e-4, atol=1e-5)
