"""Runs of the real command line, on the cluster that the tests share."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from small_run import SMALL

from rlhp_ray.cli.main import main

RLHP_RAY = str(pathlib.Path(sys.executable).with_name("rlhp-ray"))


class CommandLine:
    """`rlhp-ray` in a folder of its own."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder

    def start(self, *arguments: str, alone: bool = False) -> subprocess.Popen[str]:
        """Start a command and return its process; `alone`: in a process group of its own."""
        return subprocess.Popen(
            [RLHP_RAY, *arguments],
            cwd=self.folder,
            env={**os.environ, "COLUMNS": "120"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=alone,
        )

    def run(self, *arguments: str) -> tuple[int, str, str]:
        """Run a command to its end; returns exit status, stdout, stderr."""
        process = self.start(*arguments)
        out, err = process.communicate(timeout=300)
        return process.returncode, out, err

    def config(self, task: str) -> str:
        """Write a config that names nothing but a task; returns its name."""
        (self.folder / "config.yaml").write_text(f"task: {task}\n")
        return "config.yaml"

    def small(self, task: str, name: str, *overrides: str) -> tuple[str, ...]:
        """The arguments of a small run."""
        return ("train", self.config(task), *SMALL, f"run.name={name}", *overrides)

    def train(self, task: str, name: str, *overrides: str) -> dict[str, Any]:
        """A small run to its end; returns its summary."""
        status, out, err = self.run(*self.small(task, name, *overrides))
        assert status == 0, out + err
        return self.summary(name)

    def summary(self, name: str) -> dict[str, Any]:
        """summary.json of a run."""
        summary: dict[str, Any] = json.loads((self.folder / "runs" / name / "summary.json").read_text())
        return summary


@pytest.fixture
def command_line(tmp_path: pathlib.Path) -> CommandLine:
    """`rlhp-ray` in an empty folder, with a cluster of its own where a command starts one."""
    return CommandLine(tmp_path)


@pytest.fixture
def rlhp_ray(
    command_line: CommandLine, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """As `command_line.run`, but in this process, since another takes seconds to start: for what needs no cluster."""
    monkeypatch.chdir(command_line.folder)
    monkeypatch.setattr(sys, "path", [*sys.path])

    def run(*arguments: str) -> tuple[int, str, str]:
        status = main(arguments)
        return status, *capfd.readouterr()

    return run


@pytest.fixture(scope="module")
def shared_command_line(tmp_path_factory: pytest.TempPathFactory) -> CommandLine:
    """The same, for a run that the tests of a module share."""
    return CommandLine(tmp_path_factory.mktemp("shared"))


@pytest.fixture(scope="session")
def on_cluster(ray_cluster: None) -> str:
    """The override that takes a run to the cluster that the tests share."""
    import ray

    return f"ray.address={ray.get_runtime_context().gcs_address}"
