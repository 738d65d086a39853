"""Robots in a plane, all at once, beside Gymnasium's environments one by one."""

from __future__ import annotations

import numpy as np
import pytest

from rlhp_ray.tasks import load_task
from rlhp_ray.tasks.planar import Health, PlanarEnvironments
from rlhp_ray.tasks.stepped import SteppedEnvironments

COUNT, STEPS = 3, 450  # beyond the time limit, and beyond a fall of a clip's length
ARRAYS = ("observations", "states", "episode_steps", "episode_ids", "rewards", "terminated", "truncated", "ended")


@pytest.mark.parametrize("name", ["half-cheetah", "hopper", "walker2d"])
def test_the_numbers_are_gymnasium_s(name: str) -> None:
    task = load_task(name)
    together = task.environments(COUNT, np.random.default_rng(1))
    one_by_one = SteppedEnvironments(task, COUNT, np.random.default_rng(1))
    assert isinstance(together, PlanarEnvironments)
    low, high = task.action_space.low, task.action_space.high
    rng = np.random.default_rng(2)
    ends = 0
    for t in range(STEPS if name != "half-cheetah" else 1_010):
        for array in ARRAYS:
            np.testing.assert_array_equal(getattr(together, array), getattr(one_by_one, array), f"{array} at {t}")
        ends += int(together.ended.sum())
        cut = together.truncated
        np.testing.assert_array_equal(together.final_observations[cut], one_by_one.final_observations[cut])
        actions = rng.uniform(low, high, (COUNT, *low.shape)).astype(np.float32)
        together.step(actions)
        one_by_one.step(actions)
    assert ends >= COUNT
    together.close()
    one_by_one.close()


def test_a_robot_out_of_bounds_is_unhealthy() -> None:
    health = Health(penalty=1.0)
    upright = np.array([[0.0, 1.25, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]]).repeat(4, axis=0)
    upright[1, 1] = 0.6  # low
    upright[2, 2] = -0.3  # tilted
    upright[3, 11] = 120.0  # a joint that races
    assert health.of(upright).tolist() == [True, False, False, False]
