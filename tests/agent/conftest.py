"""Tasks of other rooms' tests, and agents that are stopped at the end."""

from __future__ import annotations

import pathlib
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from agent_data import make_algorithm

sys.path.append(str(pathlib.Path(__file__).parents[1] / "rollouts"))  # counting_task


@pytest.fixture
def algorithms(ray_cluster: None) -> Iterator[Any]:
    """Makes agents, and stops them at the end."""
    made: list[Any] = []

    def make(*args: Any, **kwargs: Any) -> Any:
        made.append(make_algorithm(*args, **kwargs))
        return made[-1]

    yield make
    for algorithm in made:
        algorithm.stop()
