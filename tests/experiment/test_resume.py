"""SIGTERM in mid-run, then `resume`: nothing acknowledged is lost or doubled, nothing is asked twice, all goes on."""

from __future__ import annotations

import json
import pathlib
import signal
import time

import numpy as np
import pyarrow.parquet as pq
import pytest
import safetensors.numpy
from small_run import SMALL


def _answers(folder: pathlib.Path) -> int:
    return sum(file.read_text().count('"answer_id"') for file in (folder / "answers").glob("*.json"))


def _wait_for(condition, process, seconds: float = 120.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline, "the run came to nothing"
        time.sleep(0.05)


def test_a_stopped_run_goes_on_where_it_was(command_line, on_cluster: str) -> None:
    folder = command_line.folder / "runs" / "stopped"
    process = command_line.start(
        "train",
        command_line.config("point"),
        *SMALL,
        "run.name=stopped",
        "budget.env_steps=40960",
        "budget.labels=120",
        "teacher.answers_per_minute=600",
        "run.report_seconds=0.2",
        on_cluster,
    )
    _wait_for(lambda: (folder / "metrics.jsonl").exists() and _answers(folder) > 45, process)
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 1, out + err
    assert "rlhp-ray resume" in err and "Traceback" not in err

    at_stop = safetensors.numpy.load_file(sorted(folder.glob("checkpoints/*.safetensors"))[-1])
    counters = json.loads(sorted(folder.glob("checkpoints/*.json"))[-1].read_text())["counters"]
    acknowledged = _answers(folder)
    assert 0 < at_stop["env_steps"] < 40960
    assert counters["reward_versions"] >= 1
    assert at_stop["module/obs_count"] >= at_stop["env_steps"]

    status, out, err = command_line.run("resume", str(folder))
    assert status == 0, out + err
    assert f"going on from {int(at_stop['env_steps']):,} env steps" in out
    summary = command_line.summary("stopped")
    assert summary["env_steps"] >= 40960
    assert summary["labels"] == 120
    assert summary["reward_versions"] > counters["reward_versions"]
    assert summary["wall_seconds"] > counters["wall_seconds"]

    end = safetensors.numpy.load_file(sorted(folder.glob("checkpoints/*.safetensors"))[-1])
    assert end["updates"] - at_stop["updates"] == (end["env_steps"] - at_stop["env_steps"]) / 512
    # Moments grow by what was trained on since, from where they were; Adam's steps likewise.
    assert end["module/obs_count"] - at_stop["module/obs_count"] == end["env_steps"] - at_stop["env_steps"]
    assert end["optimizer/default_optimizer/0/step"] - at_stop["optimizer/default_optimizer/0/step"] == 16 * (
        end["updates"] - at_stop["updates"]
    )

    status, _, err = command_line.run("export", str(folder), "-o", "export")
    assert status == 0, err
    table = pq.read_table(command_line.folder / "export" / "answers.parquet").to_pydict()
    assert len(set(table["answer_id"])) == len(table["answer_id"]) >= acknowledged
    lines = (command_line.folder / "export" / "answers.jsonl").read_text().splitlines()
    assert [json.loads(line)["answer_id"] for line in lines] == table["answer_id"]
    assert len(set(table["query_id"])) == len(table["query_id"])  # none asked twice
    assert json.loads((folder / "manifest.json").read_text())["epoch"] == 2


@pytest.mark.slow
def test_a_run_stops_while_it_is_being_built(command_line, on_cluster: str) -> None:
    """As soon as the cluster is there, a signal is the run's and not Ray's."""
    process = command_line.start("train", command_line.config("point"), *SMALL, "run.name=early", on_cluster)
    seen = ""
    while "starting the reward predictor" not in seen:
        line = process.stdout.readline()
        assert line, process.communicate()
        seen += line
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 1, out + err
    assert "Stopped after 0 env steps with a checkpoint" in err and "Traceback" not in err
    status, out, err = command_line.run("resume", str(command_line.folder / "runs" / "early"))
    assert status == 0, out + err


def test_a_snapshot_brings_the_agent_back(command_line, on_cluster: str) -> None:
    """A run stopped at its very end has nothing left to do: resuming changes neither weights nor optimiser."""
    command_line.train("point", "ended", "reward.source=true", "budget.env_steps=1024", on_cluster)
    folder = command_line.folder / "runs" / "ended"
    before = safetensors.numpy.load_file(sorted(folder.glob("checkpoints/*.safetensors"))[-1])
    status, out, err = command_line.run("resume", str(folder))
    assert status == 0, out + err
    after = safetensors.numpy.load_file(sorted(folder.glob("checkpoints/*.safetensors"))[-1])
    assert before.keys() == after.keys()
    for name, array in before.items():
        np.testing.assert_array_equal(array, after[name], err_msg=name)
