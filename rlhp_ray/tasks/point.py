"""A point on a line that should go to a target: the smallest task whose best is known, for tests of learning.

Its reward is a simple function of observation and action, so a reward predictor can be compared with the truth.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import gymnasium
import numpy as np

from rlhp_ray.tasks.task import Task
from rlhp_ray.types import FloatArray

EPISODE_STEPS = 50
REACH = 0.2  # the longest move of a step
MOVES = (-1.0, 0.0, 1.0)  # of the discrete actions


class PointEnv(gymnasium.Env[FloatArray, Any]):
    """Observation: position and target, both in [-1, 1]. The action moves the position; reward: minus the distance.

    A continuous action in [-1, 1] moves by REACH times it; a discrete one by REACH left, not at all, or right.
    """

    def __init__(self, *, discrete: bool = False, hide_reward: bool = False) -> None:
        self.metadata = {"render_modes": [], "render_fps": 10}
        self.observation_space = gymnasium.spaces.Box(-1.0, 1.0, (2,), np.float32)
        self.action_space = (
            gymnasium.spaces.Discrete(3) if discrete else gymnasium.spaces.Box(-1.0, 1.0, (1,), np.float32)
        )
        self._discrete = discrete
        self._hide_reward = hide_reward
        self._position, self._target = 0.0, 0.0

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[FloatArray, dict[str, Any]]:
        """Position and target anywhere."""
        super().reset(seed=seed)
        self._position, self._target = self.np_random.uniform(-1.0, 1.0, 2).tolist()
        return self._observe(), {}

    def step(self, action: Any) -> tuple[FloatArray, float, bool, bool, dict[str, Any]]:
        """Move; the reward is NaN where it is hidden."""
        move = MOVES[int(action)] if self._discrete else min(1.0, max(-1.0, float(action[0])))
        self._position = min(1.0, max(-1.0, self._position + REACH * move))
        reward = math.nan if self._hide_reward else -abs(self._target - self._position)
        return self._observe(), reward, False, False, {}

    def _observe(self) -> FloatArray:
        return np.array([self._position, self._target], dtype=np.float32)


def best_return(position: float, target: float, steps: int = EPISODE_STEPS) -> float:
    """The greatest return, with continuous actions, of so many steps: straight to the target, then still."""
    distance = abs(target - position)
    return -sum(max(0.0, distance - REACH * step) for step in range(1, steps + 1))


def _make(**options: Any) -> gymnasium.Env[FloatArray, Any]:
    return gymnasium.wrappers.TimeLimit(PointEnv(**options), EPISODE_STEPS)


def _task(**options: Any) -> Callable[[], Task]:
    return partial(Task, partial(_make, **options), description="The point should go to the target and stay there.")


POINTS: dict[str, Callable[[], Task]] = {
    "point": _task(),
    "point-discrete": _task(discrete=True),
    "point-nan": _task(hide_reward=True),  # shows that the true reward reaches no learner
}
