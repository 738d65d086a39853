"""W&B: off, offline, and a failure that doesn't stop a run."""

from __future__ import annotations

import pathlib
import subprocess
import sys
from typing import Literal

import pytest

from rlhp_ray.telemetry import WandbLog


def start(mode: Literal["off", "offline", "online"], folder: pathlib.Path, said: list[str]) -> WandbLog:
    return WandbLog(mode=mode, project="p", entity=None, name="n", folder=folder, config={"seed": 1}, say=said.append)


def test_off_does_nothing_and_imports_nothing(tmp_path: pathlib.Path) -> None:
    program = (
        "import pathlib, sys; from rlhp_ray.telemetry import WandbLog;"
        "log = WandbLog(mode='off', project='p', entity=None, name='n', folder=pathlib.Path('w'), config={}, say=0);"
        "log.log(env_steps=1, labels=0, values={'a': 1.0}); log.finish({});"
        "assert 'wandb' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True, cwd=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_offline_writes_into_the_folder(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_MODE", "disabled")  # as make sets it: the config's word counts
    said: list[str] = []
    log = start("offline", tmp_path / "log", said)
    log.log(env_steps=4096, labels=3, values={"a_metric_of_this_test": 1.5, "nothing": None})
    log.finish({"true_return_mean": 1.0})
    assert said == []
    (file,) = (tmp_path / "log").rglob("*.wandb")
    content = file.read_bytes()
    assert b"a_metric_of_this_test" in content and b"true_return_mean" in content


def test_a_failing_start_is_said_once_and_the_run_goes_on(tmp_path: pathlib.Path) -> None:
    (tmp_path / "file").write_text("not a folder", encoding="utf-8")
    said: list[str] = []
    log = start("offline", tmp_path / "file", said)
    log.log(env_steps=1, labels=0, values={"a": 1.0})
    log.finish({})
    (sentence,) = said
    assert sentence.startswith("The W&B log could not be started") and "the run goes on without it" in sentence
