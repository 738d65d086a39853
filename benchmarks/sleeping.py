"""An environment whose step takes 50 ms and no CPU, as one behind a network or a machine would."""

from __future__ import annotations

import time
from typing import Any

import gymnasium
import numpy as np

SECONDS = 0.05


class Sleeping(gymnasium.Env[Any, Any]):
    """A point on a line, asleep."""

    observation_space = gymnasium.spaces.Box(-np.inf, np.inf, (17,), np.float32)
    action_space = gymnasium.spaces.Box(-1, 1, (6,), np.float32)

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        """Zeros."""
        super().reset(seed=seed)
        return np.zeros(17, np.float32), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Sleep."""
        time.sleep(SECONDS)
        return self.np_random.normal(size=17).astype(np.float32), float(action[0]), False, False, {}


def make() -> gymnasium.Env[Any, Any]:
    """As a task of one's own: benchmarks.sleeping:make."""
    return gymnasium.wrappers.TimeLimit(Sleeping(), 200)
