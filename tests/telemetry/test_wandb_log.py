"""W&B: off, offline, and a failure that doesn't stop a run."""

from __future__ import annotations

import pathlib
import subprocess
import sys
from typing import Literal

import pytest
from wandb_reader import read_wandb

from rlhp_ray.telemetry import METRICS, WandbLog


def start(mode: Literal["off", "offline", "online"], folder: pathlib.Path, said: list[str]) -> WandbLog:
    return WandbLog(
        mode=mode,
        project="p",
        entity=None,
        name="n",
        group="g",
        tags=["t" * 100],
        folder=folder,
        config={"seed": 1},
        say=said.append,
    )


def test_off_does_nothing_and_imports_nothing(tmp_path: pathlib.Path) -> None:
    program = (
        "import pathlib, sys; from rlhp_ray.telemetry import WandbLog;"
        "log = WandbLog(mode='off', project='p', entity=None, name='n', group='g', tags=[],"
        "folder=pathlib.Path('w'), config={}, say=0);"
        "log.log(env_steps=1, labels=0, values={'a': 1.0}); log.finish({});"
        "assert 'wandb' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True, cwd=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_offline_writes_into_the_folder(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_MODE", "disabled")  # as make sets it: the config's word counts
    said: list[str] = []
    log = start("offline", tmp_path / "log", said)
    log.log(env_steps=4096, labels=3, values={"true_return": 1.5, "agent/kl": None})
    log.finish({"true_return_mean": 1.0})
    assert said == []
    records = read_wandb(tmp_path / "log")
    (row,) = (record["item"] for record in records["history"])
    assert {name: row[name] for name in row if not name.startswith("_")} == {
        "env_steps": 4096,
        "labels": 3,
        "true_return": 1.5,
        "by_labels/true_return": 1.5,
    }
    (run,) = records["run"]
    assert run["tags"] == ["t" * 64] and run["run_group"] == "g" and "host" not in run
    assert {"true_return_mean": 1.0} in [record["update"] for record in records["summary"]]


def test_each_metric_has_an_axis_of_env_steps_and_a_twin_with_one_of_labels(tmp_path: pathlib.Path) -> None:
    start("offline", tmp_path, []).finish({})
    axes = {record["name"]: record.get("step_metric") for record in read_wandb(tmp_path)["metric"]}
    for metric in METRICS:
        if metric.name not in ("env_steps", "labels"):
            assert axes[metric.name] == "env_steps"
            assert axes[f"by_labels/{metric.name}"] == "labels"


def test_a_failing_start_is_said_once_and_the_run_goes_on(tmp_path: pathlib.Path) -> None:
    (tmp_path / "file").write_text("not a folder", encoding="utf-8")
    said: list[str] = []
    log = start("offline", tmp_path / "file", said)
    log.log(env_steps=1, labels=0, values={"a": 1.0})
    log.finish({})
    (sentence,) = said
    assert sentence.startswith("The W&B log could not be started") and "the run goes on without it" in sentence
