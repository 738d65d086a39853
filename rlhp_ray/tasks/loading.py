"""From a task's name to the task: one of ours, a Gymnasium id, or the user's own `module:function`."""

from __future__ import annotations

import difflib
import importlib
from functools import partial
from typing import Any, NoReturn

import gymnasium

from rlhp_ray.errors import OwnCodeError, TaskError
from rlhp_ray.own_code import call_own, import_own
from rlhp_ray.tasks.atari import ATARI, AtariTask, Game, is_atari
from rlhp_ray.tasks.cart_pole import CART_POLE
from rlhp_ray.tasks.dm_control import DM_CONTROL, PREFIX, dm_control_task
from rlhp_ray.tasks.new_behaviors import NEW_BEHAVIORS
from rlhp_ray.tasks.point import POINTS
from rlhp_ray.tasks.robotics import ROBOTICS, make_plain
from rlhp_ray.tasks.task import Task

TASKS = ROBOTICS | NEW_BEHAVIORS | DM_CONTROL | ATARI | CART_POLE | POINTS


def load_task(name: str, clip_steps: int | None = None) -> Task:
    """The task of this name, with its own clip length unless `clip_steps` is given; TaskError where it can't be used.

    A name is one of ours (`hopper`), a Gymnasium id as it is (`Hopper-v5`), a task of the DeepMind Control Suite
    (`dm_control/fish-swim`), or `module:function` of the user's own, importable from the working directory; the
    function returns a Task, or a new gymnasium.Env at each call.
    """
    try:
        task = TASKS[name]() if name in TASKS else _foreign_task(name)
    except OwnCodeError as error:
        raise TaskError(str(error)) from error
    except (gymnasium.error.DependencyNotInstalled, ImportError) as error:
        raise TaskError(f"{name} needs a package that isn't there ({error}): install it and try again.") from error
    task = task.with_name(name, clip_steps)
    task.check()
    return task


def _foreign_task(name: str) -> Task:
    if name.startswith(PREFIX):
        return dm_control_task(name.removeprefix(PREFIX))
    module, colon, member = name.rpartition(":")
    if colon:
        loaded = import_own(module, name)
        if member not in gymnasium.registry:  # `module:Id-v0`, which Gymnasium knows too
            return _own_task(name, getattr(loaded, member, None))
    elif name.startswith("ALE/"):
        importlib.import_module("ale_py")  # registers its environments; Gymnasium doesn't look for it
    if member not in gymnasium.registry:
        _reject(name)
    if is_atari(member):
        return AtariTask(Game(member))
    return Task(partial(make_plain, member))


def _own_task(name: str, make: Any) -> Task:
    if not callable(make):
        raise TaskError(f"{name}: the module has no such function; write one that returns a gymnasium.Env.")
    made = call_own(name, make)
    if isinstance(made, Task):
        return made
    if isinstance(made, gymnasium.Env):
        made.close()  # type: ignore[no-untyped-call]  # Gymnasium leaves it untyped
        return Task(make)
    raise TaskError(
        f"{name} returned {type(made).__name__}; it must return a gymnasium.Env, or a Task of rlhp_ray.tasks."
    )


def _reject(name: str) -> NoReturn:
    known = {known.lower(): known for known in [*gymnasium.registry, *TASKS]}
    close = difflib.get_close_matches(name.lower(), known, n=1)
    if close:
        raise TaskError(f"There is no task {name}. Did you mean {known[close[0]]}?")
    raise TaskError(
        f"There is no task {name}: choose one of {', '.join(TASKS)}, a Gymnasium id such as Hopper-v5, "
        "or module:function of your own."
    )
