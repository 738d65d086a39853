"""A whole short run whose folder is on S3: begun, ended by Ctrl-C, looked at, resumed, evaluated, exported."""

from __future__ import annotations

import json
import os
import pathlib
import signal
import time
from typing import Any

import pyarrow.parquet as pq
import pytest
from left_behind import LeftBehind
from s3_server import S3Server

from rlhp_ray.experiment.status import status
from rlhp_ray.preferences.answer_log import read_records
from rlhp_ray.storage import RunFolder
from rlhp_ray.telemetry import MetricsLog
from rlhp_ray.types import Answer


def answers(address: str) -> set[str]:
    """The ids of the acknowledged answers."""
    return {record.answer_id for record in read_records(RunFolder(address)) if isinstance(record, Answer)}


@pytest.mark.slow
def test_a_run_begins_stops_goes_on_and_is_read_on_s3(
    command_line: Any, s3: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a cluster of its own, of which nothing is left when it has ended, nor by Ctrl-C."""
    address = s3.address("runs/small")
    left_behind = LeftBehind(monkeypatch)
    process = command_line.start(
        *command_line.small(
            "point",
            "small",
            f"run.dir={s3.address('runs/')}",
            "budget.env_steps=30720",
            "teacher.answers_per_minute=240",
            "run.report_seconds=0.5",
            "evaluation.plot=true",
        ),
        alone=True,
    )
    deadline = time.monotonic() + 120
    while not RunFolder(address).exists("config.yaml") or len(answers(address)) < 15:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert status(address).state == "running"
    left_behind.check_it_runs()
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does, to all that was started from there
    out, err = process.communicate(timeout=120)
    assert process.returncode == 1 and f"rlhp-ray resume {address}" in err and "Traceback" not in err, out + err
    left_behind.check()
    acknowledged = answers(address)
    stopped = status(address)
    assert stopped.state == "stopped" and stopped.labels == len(acknowledged) and stopped.metrics

    code, out, err = command_line.run("resume", address)
    assert code == 0, out + err
    assert "going on from" in out and "Traceback" not in err
    left_behind.check()

    folder = RunFolder.open(address)
    code, out, err = command_line.run("status", address, "--json")
    assert code == 0 and json.loads(out)["state"] == "finished", out + err
    code, out, err = command_line.run("evaluate", address, "--episodes", "2", "--json")
    assert code == 0 and json.loads(out)["eval_episodes"] == 2, out + err
    code, out, err = command_line.run("export", address, "-o", "export")
    assert code == 0, out + err
    exported = pq.read_table(command_line.folder / "export" / "answers.parquet").to_pydict()["answer_id"]
    assert sorted(exported) == sorted(answers(address)) and set(exported) >= acknowledged
    assert len(list((command_line.folder / "export" / "clips").iterdir())) == len(
        [name for name in folder.list("segments") if name.endswith(".arrow")]
    )
    summary = json.loads(folder.read("summary.json"))
    assert summary["labels"] == 40 == len(exported) and folder.exists("learning_curve.png")
    steps = [line.env_steps for line in MetricsLog(folder).lines()]
    assert len(steps) > 5 and steps == sorted(steps)  # over both drivers
    assert not list(command_line.folder.glob("runs")) and not list(pathlib.Path(command_line.folder).glob("s3*"))


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("s3://nowhere/runs", "the bucket nowhere doesn't exist"),
        ("s3://a-key:a-secret@bucket/runs", "holds credentials"),
        ("s3://bucket/runs?endpoint_override=127.0.0.1:1&scheme=http", "no S3 server answers"),
    ],
)
def test_a_place_that_can_not_be_used_is_a_sentence(
    command_line: Any, rlhp_ray: Any, s3: S3Server, place: str, words: str
) -> None:
    code, out, err = rlhp_ray("train", command_line.config("point"), f"run.dir={place}")
    assert code == 2, out + err
    assert words in err and "Traceback" not in err and "a-secret" not in err and len(err.splitlines()) == 1
