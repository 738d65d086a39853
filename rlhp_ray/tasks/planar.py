"""Half-cheetah, hopper and walker2d, all environments at once: only the physics are stepped one by one.

These robots move in a plane and see their joints' positions and velocities, so what Gymnasium's `step` computes around
MuJoCo's in Python, a third to a half of a step's time, is done here for all of them in a few array operations. The
numbers are Gymnasium's to the last bit (tests/tasks/test_planar.py).
"""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from rlhp_ray.tasks.headless import mujoco
from rlhp_ray.tasks.stepped import SteppedEnvironments
from rlhp_ray.tasks.task import Task
from rlhp_ray.types import Array, BoolArray

if TYPE_CHECKING:
    from rlhp_ray.interfaces import Environments

OUT_OF_BOUNDS = 100.0  # of hopper's state: more is unhealthy


@dataclasses.dataclass(frozen=True, slots=True)
class Health:
    """When a robot is healthy, and what that is worth a step. Defaults are hopper's in Gymnasium, but for `penalty`."""

    penalty: float  # of an unhealthy step
    reward: float = 1.0  # of a healthy step
    least_height: float = 0.7
    most_height: float = math.inf
    most_angle: float = 0.2
    bounded_state: bool = True  # all but the place along the track and the height stay within OUT_OF_BOUNDS
    fallen_steps: int | None = None  # so many unhealthy steps in a row cut the episode off; None: never

    def of(self, states: Array) -> BoolArray:
        """Which robots [N] are healthy, by qpos and qvel [N, nq + nv]."""
        height, angle = states[:, 1], states[:, 2]
        healthy: BoolArray = (height > self.least_height) & (height < self.most_height)
        healthy &= np.abs(angle) < self.most_angle
        if self.bounded_state:
            healthy &= (np.abs(states[:, 2:]) < OUT_OF_BOUNDS).all(axis=1)
        return healthy


class PlanarTask(Task):
    """A task of a robot in a plane, whose true reward is its speed and its health."""

    def __init__(
        self,
        *args: Any,
        health: Health | None,
        velocity_clip: float | None,
        **kwargs: Any,
    ) -> None:
        """`health`: None where the robot can't fall; `velocity_clip`: of what it observes. The others are Task's."""
        super().__init__(*args, **kwargs)
        self.health, self.velocity_clip = health, velocity_clip

    def environments(self, count: int, rng: np.random.Generator) -> Environments:
        """So many environments, seeded from the generator."""
        return PlanarEnvironments(self, count, rng)


class PlanarEnvironments(SteppedEnvironments):
    """N robots; Environments."""

    def __init__(self, task: PlanarTask, count: int, rng: np.random.Generator) -> None:
        super().__init__(task, count, rng)
        self._health, self._velocity_clip = task.health, task.velocity_clip
        self._limit = task.episode_steps
        robots: list[Any] = [env.unwrapped for env in self._envs]
        self._frame_skip, self._seconds = int(robots[0].frame_skip), float(robots[0].dt)
        self._simulations = [(robot.model, robot.data, robot.data.ctrl) for robot in robots]
        self._positions = [robot.data.qpos for robot in robots]
        self._velocities = [robot.data.qvel for robot in robots]
        self._joints = len(self._positions[0])
        self._unhealthy_steps = np.zeros(count, dtype=np.int64)  # in a row

    def step(self, actions: Array) -> None:
        """Take one step in each environment and write what came of it into the arrays."""
        states, joints = self.states, self._joints
        place_before = states[:, 0].copy()
        for (model, data, control), action in zip(self._simulations, actions, strict=True):
            control[:] = action
            mujoco.mj_step(model, data, nstep=self._frame_skip)
        np.stack(self._positions, out=states[:, :joints])
        np.stack(self._velocities, out=states[:, joints:])
        rewards = (states[:, 0] - place_before) / self._seconds
        self.episode_steps += 1
        self.truncated[:] = False if self._limit is None else self.episode_steps == self._limit
        if self._health is not None:
            healthy = self._health.of(states)
            rewards += healthy * self._health.reward
            rewards -= ~healthy * self._health.penalty
            self._unhealthy_steps = np.where(healthy, 0, self._unhealthy_steps + 1)
            if self._health.fallen_steps is not None:
                self.truncated |= self._unhealthy_steps == self._health.fallen_steps
        self.rewards[:] = rewards
        self.ended[:] = self.truncated
        self._observe()
        for index in np.flatnonzero(self.truncated):
            self.final_observations[index] = self.observations[index]
            self.observations[index], _ = self._envs[index].reset()
            self._unhealthy_steps[index] = 0
            self._begin(int(index))

    def _observe(self) -> None:
        joints = self._joints
        self.observations[:, : joints - 1] = self.states[:, 1:joints]
        velocities = self.states[:, joints:]
        if self._velocity_clip is not None:
            velocities = np.clip(velocities, -self._velocity_clip, self._velocity_clip)
        self.observations[:, joints - 1 :] = velocities
