"""GAE against its definition, term by term."""

from __future__ import annotations

import numpy as np

from rlhp_ray.rollouts.advantages import advantages, next_values


def _by_definition(rewards, values, following, done, gamma, gae_lambda):
    """Sum of (gamma lambda)^k delta_{t+k}, up to the end of the episode or of the fragment."""
    envs, steps = rewards.shape
    result = np.zeros((envs, steps))
    for n in range(envs):
        for t in range(steps):
            weight = 1.0
            for k in range(t, steps):
                result[n, t] += weight * (rewards[n, k] + gamma * following[n, k] - values[n, k])
                weight *= gamma * gae_lambda
                if done[n, k]:
                    break
    return result


def test_equals_the_definition_across_episode_ends() -> None:
    rng = np.random.default_rng(0)
    shape = (3, 40)
    rewards, finals = rng.normal(size=(2, *shape)).astype(np.float32)
    values = rng.normal(size=(3, 41)).astype(np.float32)
    terminated = rng.random(shape) < 0.1
    truncated = (rng.random(shape) < 0.1) & ~terminated
    following = next_values(values, finals, terminated, truncated)
    done = terminated | truncated
    assert done.sum() > 5
    got = advantages(rewards, values[:, :-1], following, done, gamma=0.9, gae_lambda=0.8)
    expected = _by_definition(rewards, values[:, :-1], following, done, 0.9, 0.8)
    np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-5)


def test_next_value_is_zero_after_termination_and_the_final_observation_s_after_truncation() -> None:
    values = np.array([[1.0, 2.0, 3.0, 4.0]], dtype=np.float32)
    finals = np.array([[7.0, 8.0, 9.0]], dtype=np.float32)
    terminated = np.array([[True, False, False]])
    truncated = np.array([[False, True, False]])
    following = next_values(values, finals, terminated, truncated)
    assert following.ravel().tolist() == [0.0, 8.0, 4.0]


def test_two_episodes_in_one_trace_equal_each_alone() -> None:
    rng = np.random.default_rng(1)
    rewards, values, following = rng.normal(size=(3, 1, 10)).astype(np.float32)
    done = np.zeros((1, 10), dtype=bool)
    done[:, [4, 9]] = True
    both = advantages(rewards, values, following, done, gamma=0.99, gae_lambda=0.95)
    for part in (slice(0, 5), slice(5, 10)):
        pieces = (array[:, part] for array in (rewards, values, following, done))
        alone = advantages(*pieces, gamma=0.99, gae_lambda=0.95)
        np.testing.assert_allclose(both[:, part], alone, rtol=1e-6)
