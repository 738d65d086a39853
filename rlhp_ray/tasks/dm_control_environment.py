"""An environment of the DeepMind Control Suite, like Gymnasium's own MuJoCo environments; imported where it is made."""

from __future__ import annotations

import gymnasium
from dm_control import suite
from shimmy import DmControlCompatibilityV0

from rlhp_ray.tasks.headless import mujoco
from rlhp_ray.tasks.task import Env


class DmControlEnv(DmControlCompatibilityV0):  # type: ignore[misc]  # shimmy is untyped
    """With MuJoCo's model and state where a task looks for them."""

    def __init__(self, domain: str, task: str) -> None:
        """ValueError where the suite has no such task."""
        self.loaded = suite.load(domain, task)
        super().__init__(self.loaded)

    @property
    def model(self) -> mujoco.MjModel:
        """The robot and its world."""
        return self.loaded.physics.model.ptr

    @property
    def data(self) -> mujoco.MjData:
        """Where they are."""
        return self.loaded.physics.data.ptr


def make(domain: str, task: str, *, episode_steps: int) -> Env:
    """With observations as one vector, in the order of the suite's names for their parts."""
    return gymnasium.wrappers.TimeLimit(
        gymnasium.wrappers.FlattenObservation(DmControlEnv(domain, task)), episode_steps
    )
