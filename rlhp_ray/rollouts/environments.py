"""N environments of one task, stepped one after the other into preallocated arrays.

Gymnasium's vector environments copy observations and merge infos at every step; here a step writes its results where
the fragment keeps them. An episode that ends is reset in the same step, and its last observation is set aside.
"""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import numpy.typing as npt

from rlhp_ray.tasks import Task
from rlhp_ray.types import Array, FloatArray, IntArray


class Environments:
    """N environments. `observations` [N, ...] is always what the policy sees next."""

    def __init__(self, task: Task, count: int, rng: np.random.Generator) -> None:
        self._task = task
        self._rng = rng
        self._envs: list[gym.Env[Any, Any]] = [task.make_env() for _ in range(count)]
        space = task.observation_space
        dtype = np.uint8 if space.dtype == np.uint8 else np.float32
        self.observations: Array = np.empty((count, *(space.shape or ())), dtype=dtype)
        self.states = np.zeros((count, task.state_size), dtype=np.float64)
        self.episode_ids: IntArray = np.zeros(count, dtype=np.int64)
        self.episode_steps: IntArray = np.zeros(count, dtype=np.int64)
        for index, env in enumerate(self._envs):
            self.observations[index], _ = env.reset(seed=int(rng.integers(2**31)))
            self._begin(index)

    def __len__(self) -> int:
        return len(self._envs)

    def step(
        self,
        actions: Array,
        rewards: FloatArray,
        terminated: npt.NDArray[np.bool_],
        truncated: npt.NDArray[np.bool_],
        final_observations: Array,
    ) -> None:
        """Take one step in each environment.

        Writes rewards, terminated and truncated [N], and where an episode ended its last observation.
        """
        read_state = self._task.read_state if self._task.state_size else None
        self.episode_steps += 1
        for index, env in enumerate(self._envs):
            observation, reward, ended, cut, _ = env.step(actions[index])
            rewards[index] = reward
            terminated[index] = ended
            truncated[index] = cut and not ended
            if ended or cut:
                final_observations[index] = observation
                observation, _ = env.reset()
                self._begin(index)
            elif read_state is not None:
                read_state(env, self.states[index])
            self.observations[index] = observation

    def _begin(self, index: int) -> None:
        self.episode_ids[index] = self._rng.integers(2**62)
        self.episode_steps[index] = 0
        if self._task.state_size:
            self._task.read_state(self._envs[index], self.states[index])

    def close(self) -> None:
        """Close every environment."""
        for env in self._envs:
            env.close()  # type: ignore[no-untyped-call]  # Gymnasium leaves it untyped
