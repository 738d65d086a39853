"""Gymnasium's CartPole without an end, for agents with discrete actions: a pole that has fallen lies for half a second.

CartPole-v1 pays 1 for each step until the pole falls, so all clips of one length are worth the same and a comparison
teaches nothing. Here a step with a fallen pole pays 0 and the episode goes on, as in the robotics tasks.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, SupportsFloat

import gymnasium
from gymnasium.envs.classic_control.cartpole import CartPoleEnv

from rlhp_ray.tasks.robotics import PenaltyInsteadOfEnd
from rlhp_ray.tasks.task import Env, Task

EPISODE_STEPS = 500  # as CartPole-v1's
FALLEN_STEPS = 25  # half a second, a clip


class _GoesOn(gymnasium.Wrapper[Any, Any, Any, Any]):
    """CartPole pays nothing and complains where it is stepped after its end; here each step is as the first beyond."""

    def step(self, action: Any) -> tuple[Any, SupportsFloat, bool, bool, dict[str, Any]]:
        """CartPole's step."""
        self.env.unwrapped.steps_beyond_terminated = None  # type: ignore[attr-defined]  # CartPole's
        return self.env.step(action)


def _make() -> Env:
    env = PenaltyInsteadOfEnd(_GoesOn(CartPoleEnv()), 1.0, FALLEN_STEPS)
    return gymnasium.wrappers.TimeLimit(env, EPISODE_STEPS)


CART_POLE: dict[str, Callable[[], Task]] = {
    "cart-pole": partial(
        Task, _make, description="The cart should keep the pole standing, and stay near the middle.", clip_seconds=0.5
    )
}
