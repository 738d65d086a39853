"""The point on a line: its best return is known, and its reward can be hidden."""

from __future__ import annotations

import numpy as np
import pytest

from rlhp_ray.tasks import load_task
from rlhp_ray.tasks.point import EPISODE_STEPS, REACH, best_return


def greedy_return(name: str, seed: int) -> tuple[float, float]:
    """Return of going straight to the target, and the best there is."""
    env = load_task(name).make_env()
    (position, target), _ = env.reset(seed=seed)
    best = best_return(float(position), float(target))
    total, truncated, steps = 0.0, False, 0
    while not truncated:
        way = (target - position) / REACH
        action = np.array([way], dtype=np.float32) if name == "point" else int(np.rint(np.clip(way, -1, 1))) + 1
        (position, target), reward, terminated, truncated, _ = env.step(action)
        assert not terminated
        assert reward == pytest.approx(-abs(float(target) - float(position)), abs=1e-6)
        total, steps = total + float(reward), steps + 1
    assert steps == EPISODE_STEPS
    return total, best


@pytest.mark.parametrize("seed", range(5))
def test_going_straight_to_the_target_is_best(seed: int) -> None:
    total, best = greedy_return("point", seed)
    assert total == pytest.approx(best, abs=1e-4)


@pytest.mark.parametrize("seed", range(5))
def test_discrete_moves_end_within_half_a_move_of_the_target(seed: int) -> None:
    total, best = greedy_return("point-discrete", seed)
    assert best - EPISODE_STEPS * REACH / 2 <= total <= best + 1e-4


def test_the_hidden_reward_is_nan() -> None:
    env = load_task("point-nan").make_env()
    env.reset(seed=0)
    assert np.isnan(float(env.step(np.zeros(1, dtype=np.float32))[1]))


def test_a_point_has_no_state_to_draw() -> None:
    task = load_task("point")
    assert (task.state_shape, task.clip_steps, task.episode_steps) == ((0,), 15, EPISODE_STEPS)
    task.read_state(task.make_env(), np.empty(0))
