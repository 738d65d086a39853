"""Tasks of the DeepMind Control Suite, through shimmy: what most later work on preferences is measured on.

Tassa et al. 2018 (arXiv 1801.00690). Labels, env steps and returns of PEBBLE (Lee et al. 2021) and what followed it are
of these. The reward of a step is between 0 and 1; an episode has 1,000 steps and never terminates.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from rlhp_ray.errors import TaskError
from rlhp_ray.tasks.task import ANY_GOAL, Env, Task

PREFIX = "dm_control/"  # of the suite's tasks, as in `dm_control/walker-walk`
EPISODE_STEPS = 1_000


def dm_control_task(name: str, description: str = ANY_GOAL) -> Task:
    """The task of `DOMAIN-TASK`. TaskError where the suite has none; ImportError where a package isn't installed."""
    domain, _, task = name.partition("-")
    try:
        return Task(partial(_make, domain, task), description=description)
    except ValueError as error:
        raise TaskError(f"{PREFIX}{name}: {error}.") from error


def _make(domain: str, task: str) -> Env:
    from rlhp_ray.tasks.dm_control_environment import make  # seconds to import, for those who use it

    return make(domain, task, episode_steps=EPISODE_STEPS)


DM_CONTROL: dict[str, Callable[[], Task]] = {
    "walker-walk": partial(
        dm_control_task, "walker-walk", "The two-legged robot should walk to the right, upright and at a brisk pace."
    ),
    "cheetah-run": partial(
        dm_control_task, "cheetah-run", "The two-legged animal should run to the right, as fast as it can."
    ),
    "quadruped-walk": partial(
        dm_control_task, "quadruped-walk", "The four-legged robot should walk forward, upright on its feet."
    ),
}
