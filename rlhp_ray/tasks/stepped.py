"""N Gymnasium environments of one task, stepped one after the other into arrays that are there already.

Gymnasium's vector environments copy observations and merge infos at every step; here a step writes into the same
arrays again. An episode that ends is reset in the same step, and its last observation is set aside.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import gymnasium as gym
import numpy as np

from rlhp_ray.types import Array, BoolArray, FloatArray, IntArray

if TYPE_CHECKING:
    from rlhp_ray.tasks.task import Task


class SteppedEnvironments:
    """N environments of a task whose observation is one frame; Environments."""

    def __init__(self, task: Task, count: int, rng: np.random.Generator) -> None:
        self._task = task
        self._rng = rng
        self._envs: list[gym.Env[Any, Any]] = [task.make_env() for _ in range(count)]
        space = task.observation_space
        dtype = np.uint8 if space.dtype == np.uint8 else np.float32
        self.observations: Array = np.empty((count, *(space.shape or ())), dtype=dtype)
        self.final_observations = np.zeros_like(self.observations)
        self.states: Array = np.zeros((count, *task.state_shape), dtype=task.state_dtype)
        self.episode_ids: IntArray = np.zeros(count, dtype=np.int64)
        self.episode_steps: IntArray = np.zeros(count, dtype=np.int64)
        self.rewards: FloatArray = np.zeros(count, dtype=np.float32)
        self.terminated: BoolArray = np.zeros(count, dtype=np.bool_)
        self.truncated: BoolArray = np.zeros(count, dtype=np.bool_)
        self.ended: BoolArray = np.zeros(count, dtype=np.bool_)
        for index, env in enumerate(self._envs):
            self.observations[index], _ = env.reset(seed=int(rng.integers(2**31)))
            self._begin(index)

    def __len__(self) -> int:
        return len(self._envs)

    @property
    def frames(self) -> Array:
        """The observations, which are one frame each."""
        return self.observations

    @property
    def scores(self) -> FloatArray:
        """The rewards."""
        return self.rewards

    def step(self, actions: Array) -> None:
        """Take one step in each environment and write what came of it into the arrays."""
        read_state = self._task.read_state if self._task.drawable else None
        self.episode_steps += 1
        for index, env in enumerate(self._envs):
            observation, self.rewards[index], terminated, truncated, _ = env.step(actions[index])
            self.terminated[index] = terminated
            self.truncated[index] = truncated and not terminated
            self.ended[index] = terminated or truncated
            if self.ended[index]:
                self.final_observations[index] = observation
                observation, _ = env.reset()
                self._begin(index)
            elif read_state is not None:
                read_state(env, self.states[index])
            self.observations[index] = observation

    def _begin(self, index: int) -> None:
        self.episode_ids[index] = self._rng.integers(2**62)
        self.episode_steps[index] = 0
        if self._task.drawable:
            self._task.read_state(self._envs[index], self.states[index])

    def close(self) -> None:
        """Close every environment."""
        for env in self._envs:
            env.close()  # type: ignore[no-untyped-call]  # Gymnasium leaves it untyped
