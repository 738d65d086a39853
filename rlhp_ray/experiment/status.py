"""How a run stands, from its folder alone: it may run on another machine, have ended, or be dead."""

from __future__ import annotations

import collections
import dataclasses
import json
import time
from collections.abc import Mapping
from typing import Any, Literal

from rlhp_ray.experiment.checkpoint import newest_time
from rlhp_ray.experiment.run_config import condition, read_config
from rlhp_ray.preferences.answer_log import read_records
from rlhp_ray.storage import RunFolder
from rlhp_ray.telemetry import METRICS, Beat, Incident, Metric, MetricsLog, Process, read_beat, read_incidents
from rlhp_ray.types import Answer, Choice, Query, Undo

SILENT_BEATS, SILENT_SECONDS = 3, 15.0  # a run that has missed so many beats, and for so long, isn't alive

EVALUATION = ("true_return_mean", "true_return_std", "eval_episodes", "random_return_mean")  # of the summary

State = Literal["running", "finished", "stopped", "failed", "silent", "never started"]


@dataclasses.dataclass(frozen=True)
class Status:
    """A run at one moment. None where there is nothing to tell; seconds are those that have passed since."""

    address: str
    name: str
    task: str
    condition: str
    seed: int
    state: State
    activity: str  # what happens now; where the run has ended badly, why
    sign_of_life_seconds: float | None
    epoch: int | None  # how often it was begun and resumed
    env_steps: int
    env_steps_budget: int
    labels: int
    labels_budget: int  # 0 with the true reward
    answers: Mapping[str, int]  # in force, by kind
    teachers: Mapping[str, int]  # in force, by teacher
    undone: int
    open_queries: int
    checkpoint_seconds: float | None
    metrics_seconds: float | None
    metrics: Mapping[str, float | None]  # the newest line
    evaluation: Mapping[str, float] | None  # of the policy, once the run has finished
    processes: tuple[Process, ...]  # of the newest driver, while it lived
    incidents: tuple[Incident, ...]  # of all drivers, oldest first
    warnings: tuple[Metric, ...]  # those that are outside of their healthy range

    def as_json(self) -> dict[str, Any]:
        """For scripts: the same fields, a warning as its metric's name."""
        return dataclasses.asdict(self) | {"warnings": [metric.name for metric in self.warnings]}


def status(address: str) -> Status:
    """Read it. RunFolderError where there is no run, CorruptDataError where its files are damaged."""
    folder = RunFolder.open(address)
    config = read_config(folder)
    now = time.time()
    beat, line = read_beat(folder), MetricsLog(folder).newest()
    written = newest_time(folder)
    since = _since(now, max((at.time for at in (beat, line) if at is not None), default=None))
    learned = config.reward.source == "learned"
    metrics = line.metrics if line else {}
    processes, incidents = read_incidents(folder)
    return Status(
        address=folder.address,
        name=config.run.name,
        task=config.task,
        condition=condition(config),
        seed=config.seed,
        state=_state(beat, since),
        activity=beat.activity if beat else "",
        sign_of_life_seconds=since,
        epoch=beat.epoch if beat else None,
        env_steps=line.env_steps if line else 0,
        env_steps_budget=config.budget.env_steps,
        labels_budget=config.budget.labels if learned else 0,
        checkpoint_seconds=_since(now, written),
        metrics_seconds=_since(now, line.time if line else None),
        metrics=metrics,
        evaluation=_evaluation(folder) if beat is not None and beat.state == "finished" else None,
        processes=tuple(processes),
        incidents=tuple(incidents),
        warnings=tuple(metric for metric in METRICS if not metric.is_healthy(metrics.get(metric.name))),
        **_answers(folder),
    )


def _state(beat: Beat | None, since: float | None) -> State:
    if beat is None or since is None:
        return "never started"
    if beat.state == "running" and since > max(SILENT_BEATS * beat.every_seconds, SILENT_SECONDS):
        return "silent"
    return beat.state


def _since(now: float, then: float | None) -> float | None:
    # Another machine's clock may be ahead.
    return None if then is None else max(0.0, now - then)


def _evaluation(folder: RunFolder) -> dict[str, float] | None:
    try:
        summary = json.loads(folder.read("summary.json"))
    except FileNotFoundError:
        return None
    return {name: summary[name] for name in EVALUATION}


def _answers(folder: RunFolder) -> dict[str, Any]:
    """The fields that come from the answer log, which knows more, and sooner, than the newest line of metrics."""
    queries: set[str] = set()
    answers: dict[str, Answer] = {}
    undone = 0
    for record in read_records(folder):
        match record:
            case Query():
                queries.add(record.query_id)
            case Answer():
                answers[record.answer_id] = record
            case Undo():
                del answers[record.answer_id]
                undone += 1
    kinds = collections.Counter(answer.choice for answer in answers.values())
    return {
        "labels": len(answers) - kinds[Choice.CANT_TELL],
        "answers": {choice.value: kinds[choice] for choice in Choice},
        "teachers": dict(collections.Counter(answer.teacher for answer in answers.values()).most_common()),
        "undone": undone,
        "open_queries": len(queries - {answer.query_id for answer in answers.values()}),
    }
