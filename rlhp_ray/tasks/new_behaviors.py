"""Behaviours that are easier to judge than to program: what the paper taught (section 3.2), and two more.

Robots that lie count for nothing here, and torque costs nothing. Angles are of the torso: forwards is positive.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar

import numpy as np

from rlhp_ray.tasks.behavior import Behavior, BehaviorEnv, BehaviorTask, TurnsSeen
from rlhp_ray.tasks.rendering import Camera
from rlhp_ray.tasks.robotics import make_plain
from rlhp_ray.tasks.task import Env, Task
from rlhp_ray.types import Array, BoolArray

TURN = 2 * math.pi


class Backflips:
    """Hopper turns over backwards, again and again.

    The objective is the one that OpenAI wrote by hand for the paper's backflip, in its announcement of 13 June 2017:
    how fast the torso turns backwards, more so when it is high up and its joints push.
    """

    feet: ClassVar[tuple[str, ...]] = ("foot_geom",)

    def reward(self, before: Array, after: Array, action: Array, touching: BoolArray) -> float:
        """Turning backwards."""
        height = after[1]
        forwards, _, turning, *joints = np.clip(after[6:], -10.0, 10.0)
        return float(-turning * (1.0 + 0.3 * height + 0.1 * np.dot(action, joints) - 0.05 * forwards))

    def measures(self, states: Array, touching: BoolArray) -> dict[str, float]:
        """Complete turns backwards, each after the foot has been on the ground since the one before."""
        turns, landed, turned = 0, False, 0.0
        for angle, (foot,) in zip(states[:, 2] - states[0, 2], touching, strict=True):
            landed |= bool(foot)
            if angle <= turned - TURN:
                turned -= TURN
                turns += landed
                landed = False
        return {"backward turns": float(turns)}


class OneLeg:
    """Half-cheetah runs on its hind leg, its front foot in the air."""

    feet: ClassVar[tuple[str, ...]] = ("bfoot", "ffoot")
    seconds = 0.05  # a step

    def reward(self, before: Array, after: Array, action: Array, touching: BoolArray) -> float:
        """Speed, while it is the right way up and the front foot is off the ground."""
        if touching[1] or not _upright(after[2]):
            return -1.0
        return float(after[0] - before[0]) / self.seconds

    def measures(self, states: Array, touching: BoolArray) -> dict[str, float]:
        """Metres forward made properly, all metres forward, share of the time with the front foot off the ground."""
        proper = ~touching[1:, 1] & _upright(states[1:, 2])
        return {
            "metres on one leg": float(np.diff(states[:, 0])[proper].sum()),
            "metres forward": float(states[-1, 0] - states[0, 0]),
            "front foot off the ground": float((~touching[:, 1]).mean()),
        }


class Marching:
    """Walker lifts one foot after the other and stays where it is."""

    feet: ClassVar[tuple[str, ...]] = ("foot_geom", "foot_left_geom")

    def reward(self, before: Array, after: Array, action: Array, touching: BoolArray) -> float:
        """Thighs that swing against each other over one foot on the ground; standing up; no way made."""
        if not self._stands(after):
            return -1.0
        swing = min(abs(after[12] - after[15]), 6.0) / 6.0
        return float(swing * (touching.sum() == 1) - min(abs(after[9]), 2.0) - 0.2 * min(abs(after[0]), 2.0))

    def measures(self, states: Array, touching: BoolArray) -> dict[str, float]:
        """Steps, one foot after the other, while it stands within a metre of its place; metres away at the end."""
        alone = np.where(touching.sum(axis=1) == 1, touching.argmax(axis=1), -1)  # which foot; -1: neither or both
        alone[~np.array([self._stands(state) for state in states]) | (np.abs(states[:, 0]) > 1.0)] = -1
        feet = alone[alone >= 0]
        return {
            "steps in place": float((np.diff(feet) != 0).sum()),
            "metres away": float(abs(states[-1, 0] - states[0, 0])),
        }

    @staticmethod
    def _stands(state: Array) -> bool:
        return bool(0.8 < state[1] < 2.0 and abs(state[2]) < 1.0)


class ThreeLegs:
    """Ant walks with its front left leg in the air."""

    feet: ClassVar[tuple[str, ...]] = ("left_ankle_geom", "right_ankle_geom", "third_ankle_geom", "fourth_ankle_geom")
    seconds = 0.05

    def reward(self, before: Array, after: Array, action: Array, touching: BoolArray) -> float:
        """Speed, while it is on its feet and the front left leg is off the ground."""
        if touching[0] or not self._on_its_feet(after):
            return -1.0
        return float(after[0] - before[0]) / self.seconds

    def measures(self, states: Array, touching: BoolArray) -> dict[str, float]:
        """Metres forward made properly, all metres forward, share of the time on its feet with the leg in the air."""
        proper = ~touching[:, 0] & self._on_its_feet(states.T)
        return {
            "metres on three legs": float(np.diff(states[:, 0])[proper[1:]].sum()),
            "metres forward": float(states[-1, 0] - states[0, 0]),
            "on its feet, leg off the ground": float(proper.mean()),
        }

    @staticmethod
    def _on_its_feet(state: Array) -> Any:
        """Of a state, or of each of several in columns: neither low nor in the air, and not on its back."""
        up = 1.0 - 2.0 * (state[4] ** 2 + state[5] ** 2)  # of the torso's upward axis, by its quaternion w, x, y, z
        return (state[2] > 0.2) & (state[2] < 1.0) & (up > 0.0)


def _upright(angle: Array) -> Array:
    return np.cos(angle) > 0.0


def _make(env_id: str, behavior: Behavior, episode_steps: int, angle: int | None, **options: Any) -> Env:
    env: Env = BehaviorEnv(make_plain(env_id, episode_steps=episode_steps, **options), behavior)
    return env if angle is None else TurnsSeen(env, angle)


def _task(
    env_id: str,
    behavior: Behavior,
    description: str,
    camera: Camera,
    *,
    episode_steps: int,
    clip_seconds: float,
    angle: int | None = None,
    **options: Any,
) -> Callable[[], Task]:
    make = partial(_make, env_id, behavior, episode_steps, angle, **options)
    return partial(
        BehaviorTask, make, behavior=behavior, description=description, camera=camera, clip_seconds=clip_seconds
    )


NEW_BEHAVIORS: dict[str, Callable[[], Task]] = {
    "hopper-backflip": _task(
        "Hopper-v5",
        Backflips(),
        "The one-legged robot should turn over backwards in the air, land on its foot, and do it again.",
        Camera(3.2, elevation=-10.0, lookat=(0.0, 0.0, 0.75)),
        episode_steps=500,  # 4 s
        clip_seconds=0.8,
        angle=1,
        terminate_when_unhealthy=False,
    ),
    "half-cheetah-one-leg": _task(
        "HalfCheetah-v5",
        OneLeg(),
        "The animal should run to the right on its hind leg alone, its front foot never on the ground.",
        Camera(2.9, elevation=-12.0, lookat=(0.0, 0.0, 0.4)),
        episode_steps=1000,
        clip_seconds=1.5,
    ),
    "walker2d-march": _task(
        "Walker2d-v5",
        Marching(),
        "The two-legged robot should march in place: lift one foot after the other, and stay where it is.",
        Camera(3.2, elevation=-10.0, lookat=(0.0, 0.0, 0.75)),
        episode_steps=400,
        clip_seconds=1.5,
        unhealthy_penalty=0.0,  # what it is paid is said by Marching alone
        fallen_steps=188,  # as walker2d
    ),
    "ant-three-legs": _task(
        "Ant-v5",
        ThreeLegs(),
        "The four-legged robot should walk to the right on three legs, the one at its front left in the air.",
        Camera(4.0, elevation=-30.0, lookat=(0.0, 0.0, 0.3)),
        episode_steps=1000,
        clip_seconds=1.5,
        terminate_when_unhealthy=False,
    ),
}
