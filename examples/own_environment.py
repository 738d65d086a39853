"""Your own environment: a boat in a current, that should stay at its buoy.

    rlhp-ray train examples/own_environment.yaml

Any gymnasium.Env will do. Its reward is never shown to the agent: here the oracle compares clips by it, and the run is
evaluated on it at the end. Where a person compares the clips it may be 0.
"""

from typing import Any, ClassVar

import gymnasium
import numpy as np

from rlhp_ray.tasks import Task

EPISODE_STEPS = 50


class Boat(gymnasium.Env):
    """Observation: where the boat is, with the buoy at 0, and the current's speed. Action: the boat's own speed."""

    metadata: ClassVar = {"render_fps": 10}  # steps a second, so a clip of 1.5 s has 15
    observation_space = gymnasium.spaces.Box(-3.0, 3.0, (2,))
    action_space = gymnasium.spaces.Box(-1.0, 1.0, (1,))

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[np.ndarray, dict]:
        super().reset(seed=seed)
        self.position, self.current = self.np_random.uniform(-1.0, 1.0), self.np_random.uniform(-0.5, 0.5)
        return self.observe(), {}

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool, bool, dict]:
        self.position = float(np.clip(self.position + 0.2 * (action[0] + self.current), -3.0, 3.0))
        return self.observe(), -abs(self.position), False, False, {}

    def observe(self) -> np.ndarray:
        return np.array([self.position, self.current], np.float32)


def hold_the_boat() -> Task:
    """The task: the environment, and what a person who compares the clips is told."""
    return Task(
        lambda: gymnasium.wrappers.TimeLimit(Boat(), EPISODE_STEPS),
        description="The boat should stay as close to its buoy as it can.",
        clip_seconds=1.5,
    )
