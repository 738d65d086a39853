"""The paper's eight robotics tasks, on Gymnasium's v5 MuJoCo environments (paper, section 3.1.1 and appendix A.1).

Changed as the paper changed them: no episode terminates, since its end would tell the agent what to avoid; leaving the
healthy range costs reward instead; torque costs nothing. The penalty for a step is as large as Gymnasium's bonus for a
healthy one; hopper's is three times that, so that falling never pays: tumbling forward makes 2.5 m/s.

What has fallen hardly gets up again, and with Gymnasium's 1000 steps nearly all of an untrained policy's data would be
of it: in trials hopper learned to crawl, and the pendulum hardly anything. So hopper and walker2d have episodes of 400
steps (3.2 s), the pendulums of 100 (4 and 5 s), and hopper, walker2d and the double pendulum are set up anew once they
have lain for a clip. To the agent that is a time limit, not an end: the value of what would have come counts.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import partial
from typing import Any, SupportsFloat

import gymnasium

from rlhp_ray.tasks.planar import Health, PlanarTask
from rlhp_ray.tasks.rendering import Camera
from rlhp_ray.tasks.task import CLIP_SECONDS, Env, Task


class PenaltyInsteadOfEnd(gymnasium.Wrapper[Any, Any, Any, Any]):
    """Goes on where the environment would end the episode, with so much less reward for each step spent there.

    After `fallen_steps` of them in a row the episode is cut off as by a time limit; None: it never is.
    """

    def __init__(self, env: Env, penalty: float, fallen_steps: int | None = None) -> None:
        super().__init__(env)
        self._penalty = penalty
        self._fallen_steps = fallen_steps
        self._unhealthy_steps = 0  # in a row

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """The environment's reset."""
        self._unhealthy_steps = 0
        return self.env.reset(seed=seed, options=options)

    def step(self, action: Any) -> tuple[Any, SupportsFloat, bool, bool, dict[str, Any]]:
        """The environment's step, never terminated."""
        observation, reward, unhealthy, truncated, info = self.env.step(action)
        self._unhealthy_steps = self._unhealthy_steps + 1 if unhealthy else 0
        if unhealthy:
            reward = float(reward) - self._penalty
        return observation, reward, False, truncated or self._unhealthy_steps == self._fallen_steps, info


def make_plain(
    env_id: str,
    *,
    episode_steps: int | None = None,
    unhealthy_penalty: float | None = None,
    fallen_steps: int | None = None,
    **options: Any,
) -> Env:
    """Gymnasium's environment without its checking wrappers, for speed; the time limit stays, or is `episode_steps`."""
    spec = gymnasium.registry[env_id]
    limit = spec.max_episode_steps if episode_steps is None else episode_steps
    bare = dataclasses.replace(spec, order_enforce=False, disable_env_checker=True, max_episode_steps=None)
    env: Env = gymnasium.make(bare, **options)
    if unhealthy_penalty is not None:
        env = PenaltyInsteadOfEnd(env, unhealthy_penalty, fallen_steps)
    return env if limit is None else gymnasium.wrappers.TimeLimit(env, limit)


def _task(
    env_id: str, description: str, camera: Camera, *, clip_seconds: float = CLIP_SECONDS, **options: Any
) -> Callable[[], Task]:
    make = partial(make_plain, env_id, **options)
    return partial(Task, make, description=description, camera=camera, clip_seconds=clip_seconds)


def _planar_task(
    env_id: str,
    description: str,
    camera: Camera,
    *,
    health: Health | None,
    velocity_clip: float | None,
    clip_seconds: float = CLIP_SECONDS,
    episode_steps: int | None = None,
) -> Callable[[], Task]:
    """The same for a robot in a plane: `health` says when it is unhealthy, and Gymnasium's environment is told so."""
    make = partial(
        make_plain,
        env_id,
        episode_steps=episode_steps,
        unhealthy_penalty=None if health is None else health.penalty,
        fallen_steps=None if health is None else health.fallen_steps,
        ctrl_cost_weight=0.0,
    )
    return partial(
        PlanarTask,
        make,
        description=description,
        camera=camera,
        clip_seconds=clip_seconds,
        health=health,
        velocity_clip=velocity_clip,
    )


ROBOTICS: dict[str, Callable[[], Task]] = {
    "half-cheetah": _planar_task(
        "HalfCheetah-v5",
        "The two-legged animal should run to the right, as fast as it can.",
        Camera(2.9, elevation=-12.0, lookat=(0.0, 0.0, 0.4)),
        health=None,
        velocity_clip=None,
    ),
    "hopper": _planar_task(
        "Hopper-v5",
        "The one-legged robot should hop to the right, as far as it can, and stay upright.",
        Camera(3.2, elevation=-10.0, lookat=(0.0, 0.0, 0.75)),
        health=Health(penalty=3.0, fallen_steps=63),
        velocity_clip=10.0,
        clip_seconds=0.5,
        episode_steps=400,
    ),
    "walker2d": _planar_task(
        "Walker2d-v5",
        "The two-legged robot should walk to the right, as far as it can, and stay upright.",
        Camera(3.2, elevation=-10.0, lookat=(0.0, 0.0, 0.75)),
        health=Health(
            penalty=1.0, least_height=0.8, most_height=2.0, most_angle=1.0, bounded_state=False, fallen_steps=188
        ),
        velocity_clip=10.0,
        episode_steps=400,
    ),
    "ant": _task(
        "Ant-v5",
        "The four-legged robot should walk to the right, as far as it can, and stay on its feet.",
        Camera(4.0, elevation=-30.0, lookat=(0.0, 0.0, 0.3)),
        unhealthy_penalty=1.0,
        ctrl_cost_weight=0.0,
    ),
    "swimmer": _task(
        "Swimmer-v5",
        "The snake should swim to the right, as far as it can. You see it from above.",
        Camera(5.5, elevation=-75.0),
        ctrl_cost_weight=0.0,
    ),
    "reacher": _task(
        "Reacher-v5",
        "The tip of the arm should get to the red dot quickly and stay there. You see it from above.",
        Camera(0.78, elevation=-90.0, body=0),
        episode_steps=150,  # 3 s: Gymnasium's 50 steps are 1 s, shorter than a clip
        reward_control_weight=0.0,
    ),
    "inverted-double-pendulum": _task(
        "InvertedDoublePendulum-v5",
        "The cart should keep both poles standing straight up, and stay near the middle.",
        Camera(3.4, elevation=-5.0, body=0),
        episode_steps=100,
        unhealthy_penalty=10.0,
        fallen_steps=30,
    ),
    "inverted-pendulum": _task(
        "InvertedPendulum-v5",
        "The cart should keep the pole standing straight up.",
        Camera(2.4, elevation=-5.0, lookat=(0.0, 0.0, 0.25), body=0),
        episode_steps=100,
        unhealthy_penalty=1.0,
    ),
}
