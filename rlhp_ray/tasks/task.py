"""A task: environments, what a person is told, how long a clip is, and how it is drawn.

The first thing of the flow: rollouts make environments from it, the segment store cuts clips of its length, teachers
see its sentence and its frames (paper, section 2.2 and appendices A and B).
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from functools import cached_property
from typing import Any

import gymnasium
import numpy as np
import numpy.typing as npt

from rlhp_ray.errors import TaskError
from rlhp_ray.interfaces import Environments
from rlhp_ray.tasks.headless import mujoco
from rlhp_ray.tasks.rendering import Camera, ClipRenderer
from rlhp_ray.tasks.scene import Scene
from rlhp_ray.tasks.stepped import SteppedEnvironments
from rlhp_ray.types import Array

Env = gymnasium.Env[Any, Any]

ANY_GOAL = "You decide what should be done here: choose the clip that comes closer to it."
CLIP_SECONDS = 1.5  # paper, appendix A.1
_STEPS_PER_SECOND = 20.0  # where an environment doesn't say `render_fps`
_SHOWN_PER_SECOND = 30.0  # frames; more can't be told apart and cost a browser dear
_QPOS_QVEL = mujoco.mjtState.mjSTATE_QPOS.value | mujoco.mjtState.mjSTATE_QVEL.value


class Task:
    """What an agent is to be taught, and in which environment. Never changed once made.

    `make` makes one environment, whose step returns the true reward; that reward is for oracles and evaluation only.
    """

    frames_per_observation = 1  # F; the policy sees [F, *frame_shape] where it is more than one
    state_dtype: np.dtype[Any] = np.dtype(np.float64)
    measured = False

    @property
    def images(self) -> bool:
        """Whether observations are images [C, H, W]."""
        space = self.observation_space
        return space.dtype == np.uint8 and space.shape is not None and len(space.shape) == 3

    def __init__(
        self,
        make: Callable[[], Env],
        *,
        description: str = ANY_GOAL,
        clip_seconds: float = CLIP_SECONDS,
        camera: Camera | None = None,
    ) -> None:
        env = make()
        self._make = make
        self.name = ""  # load_task gives it
        self.description = description
        self.observation_space = env.observation_space
        self.action_space = env.action_space
        self.episode_steps = _episode_steps(env)
        self._model = _model_of(env)
        self.state_shape: tuple[int, ...] = (0 if self._model is None else self._model.nq + self._model.nv,)
        self.frames_per_second = _steps_per_second(env, self._model)
        self.clip_steps = max(1, math.floor(clip_seconds * self.frames_per_second + 0.5))
        if self._model is not None:
            self._camera = camera or Camera.of(env, self._model)
        env.close()  # type: ignore[no-untyped-call]  # Gymnasium leaves it untyped

    def with_name(self, name: str, clip_steps: int | None = None) -> Task:
        """The same task under this name, with clips of so many steps if that is given."""
        task = copy.copy(self)
        task.name = name
        task.clip_steps = clip_steps or self.clip_steps
        return task

    @property
    def frame_shape(self) -> tuple[int, ...]:
        """Of one frame: the observation's own where it is a single one."""
        shape = self.observation_space.shape or ()
        return shape if self.frames_per_observation == 1 else shape[1:]

    @property
    def drawable(self) -> bool:
        """Whether clips can be drawn from recorded states."""
        return self.state_shape != (0,)

    @property
    def clip_seconds(self) -> float:
        """How long a clip lasts at the environment's own pace."""
        return self.clip_steps / self.frames_per_second

    @property
    def shown_every(self) -> int:
        """Steps from one shown frame to the next: `states[:: task.shown_every]` shows about 30 frames a second."""
        return max(1, round(self.frames_per_second / _SHOWN_PER_SECOND))

    def environments(self, count: int, rng: np.random.Generator) -> Environments:
        """So many environments, seeded from the generator."""
        return SteppedEnvironments(self, count, rng)

    def make_env(self) -> Env:
        """A new environment, without checking wrappers; at the time limit a step says truncated."""
        return self._make()

    def read_state(self, env: Env, out: npt.NDArray[np.float64]) -> None:
        """Write qpos, then qvel, of an environment of this task into `out`; nothing where it isn't drawable."""
        if self._model is not None:
            mujoco.mj_getState(self._model, env.unwrapped.data, out, _QPOS_QVEL)  # type: ignore[attr-defined]  # MuJoCo's

    def render(self, states: Array, *, width: int, height: int) -> npt.NDArray[np.uint8]:
        """Frames [K, height, width, 3] of states [K, *state_shape], without a display. TaskError where that fails."""
        return self._renderer.render(states, width, height)

    @cached_property
    def scene(self) -> Scene | None:
        """What a browser needs to draw its clips itself; None where only frames can be had."""
        return None if self._model is None else Scene(self._model, self._camera)

    def measures(self, states: Array) -> dict[str, float]:
        """The task's own figures of an episode, by its states [T, *state_shape]; the first is its success.

        A task that is `measured` has some, the others none.
        """
        return {}

    def check(self) -> None:
        """TaskError where the method can't work with this task's spaces, or no clip fits into an episode."""
        observations, actions = self.observation_space, self.action_space
        if not isinstance(observations, gymnasium.spaces.Box) or len(observations.shape) not in (1, 3):
            raise TaskError(
                f"{self.name} gives observations of {observations}, but only a Box of one axis (a vector) or three "
                "(an image) can be used: wrap the environment so that it gives one of these."
            )
        if not (
            (isinstance(actions, gymnasium.spaces.Discrete) and actions.start == 0)
            or (isinstance(actions, gymnasium.spaces.Box) and len(actions.shape) == 1)
        ):
            raise TaskError(
                f"{self.name} takes actions of {actions}, but only a Box of one axis or Discrete actions counted "
                "from 0 can be used: wrap the environment so that it takes one of these."
            )
        if self.episode_steps is not None and self.clip_steps > self.episode_steps:
            raise TaskError(
                f"A clip of {self.clip_steps} steps doesn't fit into an episode of {self.name}, which has "
                f"{self.episode_steps}: set segments.clip_steps to {self.episode_steps} or fewer."
            )

    @cached_property
    def _renderer(self) -> ClipRenderer:
        if self._model is None:
            raise TaskError(
                f"{self.name} can't be drawn from recorded states, since its environment isn't MuJoCo's: "
                "choose a MuJoCo task where clips or a video are wanted."
            )
        return ClipRenderer(self._model, self._camera)


def _model_of(env: Env) -> mujoco.MjModel | None:
    model, data = getattr(env.unwrapped, "model", None), getattr(env.unwrapped, "data", None)
    return model if isinstance(model, mujoco.MjModel) and isinstance(data, mujoco.MjData) else None


def _steps_per_second(env: Env, model: mujoco.MjModel | None) -> float:
    if model is not None and hasattr(env.unwrapped, "dt"):
        return float(1.0 / env.unwrapped.dt)
    return float(env.unwrapped.metadata.get("render_fps") or _STEPS_PER_SECOND)


def _episode_steps(env: Env) -> int | None:
    if env.has_wrapper_attr("_max_episode_steps"):  # gymnasium.wrappers.TimeLimit's; specs leave it out at times
        return int(env.get_wrapper_attr("_max_episode_steps"))
    return None
