"""Who rests is woken when there is something for them: loops in actors of Ray that would all rest for an hour."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import ray
from ray import cloudpickle
from ray.actor import ActorHandle
from trainer_reports import trainer_report

from rlhp_ray.experiment import conductor
from rlhp_ray.experiment.conductor import Conductor
from rlhp_ray.preferences import AnswerCounts, TeacherReport
from rlhp_ray.queries import QuestionerReport
from rlhp_ray.reward import TrainerReport

ASKED_AT = 100  # env steps after which there is a question
for module in (__name__, trainer_report.__module__):
    cloudpickle.register_pickle_by_value(sys.modules[module])  # Ray's workers can't import a test


@ray.remote(num_cpus=0)
class Loop:
    """What all the loops stand on: a question, an answer, and who took how many steps."""

    def __init__(self) -> None:
        self.steps: list[str] = []
        self.open = self.answered = self.more_labels = 0

    def ask(self, env_steps: int, more_labels: int) -> QuestionerReport:
        self.steps.append("questioner")
        self.more_labels = more_labels
        opened = int(env_steps >= ASKED_AT and not self.open and not self.answered)
        self.open += opened
        return QuestionerReport(opened, wanted=1, exhausted=False, predictor_unavailable=False)

    def answer(self) -> TeacherReport:
        self.steps.append("teacher")
        answered, self.open = self.open, 0
        self.answered += answered
        return TeacherReport(answered, next_seconds=3600.0, exhausted=False)

    def train(self) -> TrainerReport:
        self.steps.append("trainer")
        return trainer_report(self.answered)

    def counts(self) -> AnswerCounts:
        return AnswerCounts(left=self.answered)

    def taken(self) -> list[str]:
        return self.steps

    def told(self) -> int:
        return self.more_labels


@ray.remote(num_cpus=0)
class Step:
    """One of the loops."""

    def __init__(self, loop: ActorHandle[Any], kind: str) -> None:
        self.loop, self.kind = loop, kind

    def step(self, *told: int) -> Any:
        if self.kind == "questioner":
            return ray.get(self.loop.ask.remote(*told))
        return ray.get(self.loop.answer.remote() if self.kind == "teacher" else self.loop.train.remote())

    def first_training(self) -> TrainerReport:
        return trainer_report(0)


@pytest.fixture
def loop(ray_cluster: None) -> Iterator[ActorHandle[Any]]:
    made = Loop.remote()
    yield made
    ray.kill(made)


@pytest.fixture
def driven(loop: ActorHandle[Any], monkeypatch: pytest.MonkeyPatch) -> Iterator[Conductor]:
    for rest in ("QUESTIONER_REST_SECONDS", "TRAINER_REST_SECONDS", "MAX_REST_SECONDS"):
        monkeypatch.setattr(conductor, rest, 3600.0)
    actors = {kind: Step.remote(loop, kind) for kind in ("questioner", "teacher", "trainer")}
    made = Conductor(
        questioner=actors["questioner"],
        teachers={"teacher": actors["teacher"]},
        collector=loop,
        trainer=actors["trainer"],
        broadcast=lambda payload: None,
        published=lambda report: None,
    )
    made.first_training()
    made.start()
    yield made
    made.stop()
    for actor in actors.values():
        ray.kill(actor)


def until(reached: Callable[[], bool], meanwhile: Callable[[], None]) -> bool:
    deadline = time.monotonic() + 30.0
    while not reached() and time.monotonic() < deadline:
        meanwhile()
    return reached()


def test_an_agent_that_waits_has_them_asked_answered_and_trained_on(loop: ActorHandle[Any], driven: Conductor) -> None:
    def taken() -> list[str]:
        steps: list[str] = ray.get(loop.taken.remote())
        return steps

    assert until(lambda: sorted(taken()) == ["questioner", "teacher", "trainer"], lambda: time.sleep(0.02))
    driven.standing.env_steps = ASKED_AT
    assert until(lambda: driven.standing.counts.labels == 1, driven.wait)
    assert until(lambda: taken()[-1] == "trainer", lambda: time.sleep(0.02))
    assert taken()[3:] == ["questioner", "teacher", "trainer"]
    driven.standing.env_steps += 1
    assert until(lambda: bool(ray.get(loop.told.remote()) == 7), driven.wait)  # what the trainer wants beside
