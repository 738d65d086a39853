"""The driver's machine is lost with its cluster and its disk: `resume` goes on elsewhere, from the run's folder."""

from __future__ import annotations

import json
import pathlib
import re
import shutil
import signal
import uuid
from collections.abc import Iterator

import pytest
from fault_cluster import Cluster
from fault_run import Run
from s3_server import S3Server

from rlhp_ray.experiment import checkpoint
from rlhp_ray.storage import RunFolder

CHECKPOINT_SECONDS = 2.0  # of these runs


@pytest.fixture
def machines(tmp_path: pathlib.Path, s3: S3Server) -> Iterator[tuple[Run, Run]]:
    """A run on a cluster that will be lost, and the same one on a fresh cluster; nothing else in common but S3."""
    runs = []
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        run = Run(Cluster(environment=s3.environment), tmp_path / name)
        run.dir = s3.address(uuid.uuid4().hex)
        runs.append(run)
    first, second = runs
    second.dir = first.dir
    yield first, second
    for run in runs:
        run.kill()
    second.cluster.stop()


def env_steps(folder: RunFolder) -> list[tuple[float, int]]:
    """When each line of metrics was written, and at how many env steps."""
    lines = folder.read_appended("metrics.jsonl").splitlines()
    return [(line["time"], line["env_steps"]) for line in map(json.loads, lines)]


@pytest.mark.slow
def test_the_machine_of_driver_and_cluster_is_lost(machines: tuple[Run, Run]) -> None:
    first, second = machines
    first.begin(f"run.checkpoint_seconds={CHECKPOINT_SECONDS}")
    folder = RunFolder(first.address)
    first.until(lambda: checkpoint.newest_time(folder) is not None, "checkpoint")
    first.until_answers(50)
    first.signal("driver", signal.SIGKILL)
    first.cluster.kill()
    assert first.wait() == -signal.SIGKILL
    shutil.rmtree(first.scratch)
    second.acknowledged = first.note_answers()
    last_time, last_steps = env_steps(folder)[-1]
    written = checkpoint.newest_time(folder)
    assert written is not None and last_time - written <= CHECKPOINT_SECONDS + 2.0  # a turn, and the writing

    second.resume()
    assert second.wait() == 0, second.said
    begun = re.search(r"going on from ([\d,]+) env steps", second.said)
    assert begun is not None, second.said
    before = [steps for time, steps in env_steps(folder) if time <= written]
    assert int(begun[1].replace(",", "")) >= before[-1] and before[-1] <= last_steps
    second.check_end()


@pytest.mark.slow
def test_a_cluster_is_lost_and_the_run_resumed_on_another_one(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_gcs_rpc_server_reconnect_timeout_s", "5")  # that the driver waits for it; by default 60
    first = Cluster()
    moved = Run(first, run.scratch)
    moved.begin()
    moved.until_answers(40)
    first.kill()
    assert moved.wait() != 0
    run.acknowledged = moved.note_answers()
    run.resume()
    assert run.wait() == 0, run.said
    run.check_end()
