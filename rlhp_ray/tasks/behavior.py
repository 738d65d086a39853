"""A robot's behaviour that no reward of Gymnasium's describes: a hidden objective for oracles, measures for people.

Christiano et al. 2017, section 3.2: what is hard to write down as a reward is taught by a person. So that it can be
taught without one as well, and its success be counted, each behaviour here has an objective that an oracle may judge
by, and measures read from the simulator's state.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Protocol

import gymnasium
import numpy as np

from rlhp_ray.tasks.headless import mujoco
from rlhp_ray.tasks.task import Env, Task
from rlhp_ray.types import Array, BoolArray

FLOOR = "floor"  # the name of the ground's geom in Gymnasium's models


class Behavior(Protocol):
    """What a robot should do. A state holds qpos, then qvel."""

    feet: ClassVar[tuple[str, ...]]  # geoms of the model

    def reward(self, before: Array, after: Array, action: Array, touching: BoolArray) -> float:
        """The hidden objective for one step from state to state; `touching`: which feet are on the ground after it."""
        ...

    def measures(self, states: Array, touching: BoolArray) -> dict[str, float]:
        """Figures of an episode by its states [T, nq + nv] and which feet [T, F] are on the ground; success first."""
        ...


class Feet:
    """Tells which geoms of a robot touch the ground."""

    def __init__(self, model: mujoco.MjModel, names: Sequence[str]) -> None:
        self._model = model
        self._floor = model.geom(FLOOR).id
        self._feet = np.array([model.geom(name).id for name in names])

    def on_ground(self, data: mujoco.MjData) -> BoolArray:
        """Which feet [F] touch it, by the simulator's own contacts."""
        pairs = data.contact.geom
        touched = pairs[(pairs == self._floor).any(axis=1)]
        return np.isin(self._feet, touched)

    def over_time(self, states: Array) -> BoolArray:
        """Which feet [T, F] touch the ground in each of the states [T, nq + nv]."""
        data = mujoco.MjData(self._model)
        touching = np.empty((len(states), len(self._feet)), dtype=np.bool_)
        for step, state in enumerate(states):
            data.qpos[:], data.qvel[:] = np.split(state, [self._model.nq])
            mujoco.mj_fwdPosition(self._model, data)
            touching[step] = self.on_ground(data)
        return touching


class BehaviorEnv(gymnasium.Wrapper[Any, Any, Any, Any]):
    """A robot that is paid for a behaviour, and never terminated."""

    def __init__(self, env: Env, behavior: Behavior) -> None:
        super().__init__(env)
        robot: Any = env.unwrapped
        self._data = robot.data
        self._behavior = behavior
        self._feet = Feet(robot.model, behavior.feet)

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """The environment's step, with the behaviour's reward."""
        before = self._state()
        observation, _, _, truncated, info = self.env.step(action)
        reward = self._behavior.reward(before, self._state(), action, self._feet.on_ground(self._data))
        return observation, float(reward), False, truncated, info

    def _state(self) -> Array:
        return np.concatenate([self._data.qpos, self._data.qvel])


class TurnsSeen(gymnasium.ObservationWrapper[Any, Any, Any]):
    """An observed angle that grows with every turn becomes its sine and cosine, at the same place."""

    def __init__(self, env: Env, angle: int) -> None:
        super().__init__(env)
        self._angle = angle
        (size,) = env.observation_space.shape or (0,)
        self.observation_space = gymnasium.spaces.Box(-np.inf, np.inf, (size + 1,), np.float64)

    def observation(self, observation: Array) -> Array:
        """[size + 1]."""
        before, angle, after = np.split(observation, [self._angle, self._angle + 1])
        return np.concatenate([before, np.sin(angle), np.cos(angle), after])


class BehaviorTask(Task):
    """A task whose true reward is a behaviour's objective, and whose success is the behaviour's first measure."""

    measured = True

    def __init__(self, make: Callable[[], Env], *, behavior: Behavior, **options: Any) -> None:
        """`make` makes an environment that is paid for `behavior`; the other options are Task's."""
        super().__init__(make, **options)
        self.behavior = behavior

    def measures(self, states: Array) -> dict[str, float]:
        """The behaviour's, of an episode by its states [T, nq + nv]."""
        assert self._model is not None
        return self.behavior.measures(states, Feet(self._model, self.behavior.feet).over_time(states))
