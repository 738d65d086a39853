"""How a run stands, from its folder alone: alive, ended, dead; answers; what isn't healthy. The page and the JSON."""

from __future__ import annotations

import json
import pathlib
import time

import pytest

from rlhp_ray.cli.main import main
from rlhp_ray.experiment.status import status
from rlhp_ray.preferences.answer_log import AnswerLog
from rlhp_ray.storage import RunFolder
from rlhp_ray.telemetry import Incidents, MetricsLog, Process
from rlhp_ray.types import Answer, Choice, Query, Undo

CONFIG = "task: point\nrun: {name: mine}\nbudget: {env_steps: 1000, labels: 10}\n"


@pytest.fixture
def folder(tmp_path: pathlib.Path) -> RunFolder:
    """A run's folder with a config and nothing else."""
    made = RunFolder.create(str(tmp_path / "mine"))
    made.write("config.yaml", CONFIG.encode())
    return made


def beat(folder: RunFolder, state: str, *, seconds_ago: float, activity: str = "training") -> None:
    record = {"time": time.time() - seconds_ago, "every_seconds": 5.0, "epoch": 1, "state": state, "activity": activity}
    folder.write("heartbeat.json", json.dumps(record).encode())


def answers(folder: RunFolder) -> None:
    """Five queries: three answers in force by two teachers, one that was undone, one that waits."""
    queries = [Query(2 * i, 2 * i + 1, 0.0, "random", 0, 0) for i in range(5)]
    given = zip(queries, (Choice.LEFT, Choice.LEFT, Choice.CANT_TELL, Choice.EQUAL), "aaba", strict=False)
    log = AnswerLog(folder)
    log.append(queries)
    log.append(
        [
            Answer(f"answer-{q.query_id}", q.query_id, q.first, q.second, choice, teacher, 0.0, 0.0)
            for q, choice, teacher in given
        ]
    )
    log.append([Undo(f"answer-{queries[3].query_id}", "a", 0.0)])


def page(folder: RunFolder, capsys: pytest.CaptureFixture[str]) -> str:
    assert main(["status", folder.address]) == 0
    return capsys.readouterr().out


def test_a_run_that_beats_is_running(folder: RunFolder, capsys: pytest.CaptureFixture[str]) -> None:
    beat(folder, "running", seconds_ago=0)
    assert status(folder.address).state == "running"
    assert "state             running: training; last sign of life " in page(folder, capsys)


def test_a_run_that_has_missed_its_beats_is_not_whatever_it_said_last(
    folder: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    beat(folder, "running", seconds_ago=600)
    assert status(folder.address).state == "silent"
    shown = page(folder, capsys)
    assert "not running: last sign of life 10 min ago, while training; `rlhp-ray resume" in shown


def test_a_line_of_metrics_is_a_sign_of_life_too(folder: RunFolder) -> None:
    beat(folder, "running", seconds_ago=600)
    MetricsLog(folder).write(env_steps=1, labels=0, values={})
    assert status(folder.address).state == "running"


@pytest.mark.parametrize(
    ("state", "said"),
    [("finished", "finished 10 min ago"), ("stopped", "stopped 10 min ago"), ("failed", "ago: The disk is full.")],
)
def test_a_run_that_has_ended_says_how(
    folder: RunFolder, capsys: pytest.CaptureFixture[str], state: str, said: str
) -> None:
    beat(folder, state, seconds_ago=600, activity="The disk is full." if state == "failed" else "")
    assert status(folder.address).state == state
    shown = page(folder, capsys)
    assert said in shown and ("rlhp-ray resume" in shown) == (state != "finished")


def test_a_folder_with_a_config_alone_was_never_started(folder: RunFolder, capsys: pytest.CaptureFixture[str]) -> None:
    found = status(folder.address)
    assert found.state == "never started" and found.metrics == {} and found.warnings == ()
    assert "never started" in page(folder, capsys)


def test_answers_are_counted_by_kind_and_teacher_as_the_log_says(folder: RunFolder) -> None:
    answers(folder)
    found = status(folder.address)
    assert found.labels == 2 and found.labels_budget == 10 and found.undone == 1
    assert found.answers == {"left": 2, "right": 0, "equal": 0, "cant_tell": 1}
    assert found.teachers == {"a": 2, "b": 1}
    assert found.open_queries == 2


def test_what_is_not_healthy_is_said_with_its_meaning(folder: RunFolder, capsys: pytest.CaptureFixture[str]) -> None:
    values = {"reward/fresh_accuracy": 0.5, "agent/kl": 0.01, "true_return": 12.5}
    MetricsLog(folder).write(env_steps=500, labels=0, values=values)
    beat(folder, "running", seconds_ago=0)
    found = status(folder.address)
    assert [metric.name for metric in found.warnings] == ["reward/fresh_accuracy"]
    assert found.env_steps == 500 and found.metrics == values
    shown = page(folder, capsys)
    assert "! reward/fresh_accuracy is 0.5, which is not at least 0.55 (share)" in shown
    assert found.warnings[0].meaning in shown and "env steps         500 of 1,000 (50 %)" in shown


def test_the_health_of_the_reward_is_said_with_its_reason(
    folder: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    novelty = {"predicted": 4.0, "disagreement": 1.0, "distance": 3.0, "unanswered": 0.4}
    values = {f"novelty/{name}": value for name, value in novelty.items()} | {"health": 2.0}
    MetricsLog(folder).write(env_steps=500, labels=0, values=values)
    assert [metric.name for metric in status(folder.address).warnings] == ["health"]
    assert "hacked: the newest behaviour is 3.0 times as far from what was judged" in page(folder, capsys)


def test_processes_and_what_happened_to_them_are_named(folder: RunFolder, capsys: pytest.CaptureFixture[str]) -> None:
    earlier = Incidents(folder, clock=lambda: time.time() - 600)
    earlier.add("The collector died and is started again.")
    earlier.write([])
    later = Incidents(folder)
    later.add("The disk is full.")
    driver = Process("driver", "10.0.0.1 (01234567)", 0, "")
    later.write([driver, Process("collector", "10.0.0.2 (89abcdef)", 2, "leases, which are handed out again")])
    found = status(folder.address)
    assert found.processes[0] == driver and len(found.processes) == 2
    assert [incident.said for incident in found.incidents] == [
        "The collector died and is started again.",
        "The disk is full.",
    ]
    shown = page(folder, capsys)
    assert "\n  driver     10.0.0.1 (01234567)\n" in shown
    assert "\n  collector  10.0.0.2 (89abcdef)  started again 2x, lost: leases, which are handed out again\n" in shown
    assert "10 min ago: The collector died" in shown and "0 s ago: The disk is full." in shown


def test_json_holds_the_same(folder: RunFolder, capsys: pytest.CaptureFixture[str]) -> None:
    answers(folder)
    MetricsLog(folder).write(env_steps=500, labels=2, values={"reward/fresh_accuracy": 0.5})
    assert main(["status", "--json", folder.address]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["env_steps"] == 500 and found["teachers"] == {"a": 2, "b": 1}
    assert found["warnings"] == ["reward/fresh_accuracy"] and found["checkpoint_seconds"] is None


def test_no_run_is_exit_status_2_and_a_sentence(tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", str(tmp_path / "nothing")]) == 2
    assert "holds no run (it has no config.yaml)" in capsys.readouterr().err
