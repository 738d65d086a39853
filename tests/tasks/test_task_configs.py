"""One config for each of the paper's tasks, and of the new behaviours."""

from __future__ import annotations

from pathlib import Path

import pytest

from rlhp_ray.config import load_config
from rlhp_ray.tasks import load_task
from rlhp_ray.tasks.atari import ATARI
from rlhp_ray.tasks.new_behaviors import NEW_BEHAVIORS
from rlhp_ray.tasks.robotics import ROBOTICS

CONFIGS = Path(__file__).parents[2] / "configs"


@pytest.mark.parametrize("name", [*ROBOTICS, *NEW_BEHAVIORS, *ATARI])
def test_each_task_has_its_config(name: str) -> None:
    config = load_config(CONFIGS / f"{name}.yaml", [])
    assert (config.task, config.run.name) == (name, name)
    assert load_task(config.task, config.segments.clip_steps)
