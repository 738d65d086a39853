"""A task whose every frame tells which it is: what a fragment stores can be compared with what the policy saw."""

from __future__ import annotations

import gymnasium as gym
import numpy as np

from rlhp_ray.tasks import Task

SIDE, STACK, EPISODE_STEPS = 36, 4, 7


class CountingEnvironments:
    """Environments whose frames count up; an episode ends unseen after EPISODE_STEPS, and the stack runs on."""

    def __init__(self, count: int, rng: np.random.Generator) -> None:
        self._rng = rng
        self._count = 10 * np.arange(count)
        self.observations = np.zeros((count, STACK, SIDE, SIDE), dtype=np.uint8)
        self.observations[:, -1] = self._count[:, None, None]
        self.final_observations = self.observations
        self.states = np.zeros((count, 1), dtype=np.uint8)
        self.states[:, 0] = self._count
        self.episode_ids = rng.integers(2**62, size=count)
        self.episode_steps = np.zeros(count, dtype=np.int64)
        self.rewards, self.scores = np.zeros((2, count), dtype=np.float32)
        self.terminated, self.truncated, self.ended = np.zeros((3, count), dtype=np.bool_)
        self.seen: list[np.ndarray] = []  # every observation that a step was taken on

    def __len__(self) -> int:
        return len(self._count)

    @property
    def frames(self) -> np.ndarray:
        """The newest."""
        return self.observations[:, -1]

    def step(self, actions: np.ndarray) -> None:
        """Count on; the reward is the count, and 100 less at an end, of which the score knows nothing."""
        self.seen.append(self.observations.copy())
        self.scores[:] = self._count
        self._count += 1
        self.ended[:] = self.episode_steps == EPISODE_STEPS - 1
        self.rewards[:] = self.scores - 100 * self.ended
        self.observations[:, :-1] = self.observations[:, 1:].copy()
        self.observations[:, -1] = self._count[:, None, None]
        self.states[:, 0] = self._count
        self.episode_steps = np.where(self.ended, 0, self.episode_steps + 1)
        self.episode_ids = np.where(self.ended, self.episode_ids + 1, self.episode_ids)

    def close(self) -> None:
        """Nothing to free."""


class _Spaces(gym.Env):
    """What a Task asks an environment about."""

    observation_space = gym.spaces.Box(0, 255, (STACK, SIDE, SIDE), np.uint8)
    action_space = gym.spaces.Discrete(3)


class CountingTask(Task):
    """Stacks of four frames of one value each."""

    frames_per_observation = STACK
    state_shape = (1,)
    state_dtype = np.dtype(np.uint8)

    def environments(self, count: int, rng: np.random.Generator) -> CountingEnvironments:
        """So many counters."""
        return CountingEnvironments(count, rng)


def counting() -> Task:
    """The task, for `counting_task:counting`."""
    task = CountingTask(_Spaces)
    task.state_shape = (1,)
    return task
