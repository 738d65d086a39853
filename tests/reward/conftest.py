"""Fixtures of the reward room."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from reward_world import World

from rlhp_ray.storage.run_folder import RunFolder


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(RunFolder(str(tmp_path / "run")))


@pytest.fixture
def audited_world(tmp_path: Path) -> World:
    return World(RunFolder(str(tmp_path / "run")), audit_fraction=0.3)
