"""Runs side by side on one cluster: neither takes anything of the other's."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
from collections.abc import Iterator

import httpx2
import pytest
from fault_cluster import Cluster
from fault_run import RLHP_RAY
from human_run import HumanRun
from ports import free_port
from small_run import SMALL

from rlhp_ray.labeling.page import ADDRESS_FILE
from rlhp_ray.preferences import read_exported_answers


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """On which nothing has run yet."""
    cluster = Cluster()
    yield cluster
    cluster.stop()


def start(cluster: Cluster, folder: pathlib.Path, *overrides: str) -> subprocess.Popen[str]:
    """A run that is called the same in every folder."""
    folder.mkdir()
    (folder / "config.yaml").write_text("task: point\n")
    return subprocess.Popen(
        [RLHP_RAY, "train", "config.yaml", *SMALL, f"ray.address={cluster.address}", "run.name=same", *overrides],
        cwd=folder,
        env={**os.environ, "COLUMNS": "120"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@pytest.mark.slow
def test_two_runs_of_one_name_end_and_each_learns_from_its_own_teacher(
    cluster: Cluster, tmp_path: pathlib.Path
) -> None:
    """One teacher always chooses the worse clip: its run's agent does worse than a random one."""
    pace = ("teacher.answers_per_minute=120", "budget.max_env_steps_per_label=400")  # so that the trainer has its time
    budget = ("budget.env_steps=16384", "evaluation.video=false", *pace)
    told = {"right": budget, "wrong": (*budget, "teacher.mistake_probability=1.0", "budget.labels=50")}
    processes = {name: start(cluster, tmp_path / name, *overrides) for name, overrides in told.items()}
    for name, process in processes.items():
        said, _ = process.communicate(timeout=230)
        assert process.returncode == 0, f"{name}:\n{said}"
        assert "On this cluster: 1 EnvRunner, the driver learns" in said
    ends = {}
    for name, labels in (("right", 40), ("wrong", 50)):
        run = tmp_path / name / "runs" / "same"
        command = [RLHP_RAY, "export", str(run), "-o", str(tmp_path / name / "out")]
        subprocess.run(command, check=True, capture_output=True)
        answers = read_exported_answers(tmp_path / name / "out" / "answers.parquet")
        assert len(answers) == labels
        lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
        assert lines[-1]["labels"] == labels
        summary = json.loads((run / "summary.json").read_text())
        ends[name] = summary["true_return_mean"] - summary["random_return_mean"]
    assert ends["wrong"] < -5.0 < ends["right"], ends
    assert cluster.left() == []


@pytest.mark.slow
def test_people_find_each_run_s_page_whichever_run_was_the_first(cluster: Cluster, tmp_path: pathlib.Path) -> None:
    """The first has an oracle, and Serve listens at its port; the two that people teach name other ones."""
    port = free_port()
    first = start(cluster, tmp_path / "first", f"labeling.port={port}")
    said, _ = first.communicate(timeout=120)
    assert first.returncode == 0, said
    runs = []
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        runs.append(HumanRun(cluster, tmp_path / name, f"labeling.port={free_port()}"))
    try:
        for run in runs:
            run.wait_until_open()
        addresses = [run.folder.read(ADDRESS_FILE).decode() for run in runs]
        assert all(address.startswith(f"http://127.0.0.1:{port}/taught-") for address in addresses)
        assert len(set(addresses)) == 2
        # An invitation is one run's.
        token = runs[0].link().partition("?token=")[2]
        refused = httpx2.get(f"{addresses[1]}?token={token}")
        assert refused.status_code == 401, refused.text
    finally:
        for run in runs:
            run.kill()
