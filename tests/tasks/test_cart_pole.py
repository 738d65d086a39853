"""CartPole without an end."""

from __future__ import annotations

import warnings

from rlhp_ray.tasks import load_task


def test_a_pole_that_fell_pays_nothing_and_is_set_up_again_after_half_a_second() -> None:
    env = load_task("cart-pole").make_env()
    env.reset(seed=0)
    rewards = []
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        while True:
            observation, reward, terminated, truncated, _ = env.step(0)
            assert not terminated
            rewards.append(reward)
            fallen = abs(observation[2]) > 0.2095 or abs(observation[0]) > 2.4  # CartPole's bounds
            assert reward == (0.0 if fallen else 1.0)
            if truncated:
                break
    assert rewards[-25:] == [0.0] * 25 and 1.0 in rewards[:-25] and len(rewards) < 60


def test_a_pole_that_is_balanced_stands_to_the_end() -> None:
    env = load_task("cart-pole").make_env()
    observation, _ = env.reset(seed=0)
    total, truncated = 0.0, False
    while not truncated:
        observation, reward, _, truncated, _ = env.step(int(observation @ [0.02, 0.1, 1.0, 0.5] > 0))
        total += float(reward)
    assert total == 500.0
