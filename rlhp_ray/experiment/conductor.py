"""Keeps the teachers' and the trainer's loops going beside the agent's.

Questioner, teachers, reward trainer and what draws clips are actors whose `step` does a bounded piece of work. In async
mode a thread of the driver keeps one step of each on its way, so that none waits for another: who has nothing to do
rests, until its time is over or something for it came (new queries for teachers, new answers for the trainer). In
lockstep mode `turn` takes them one after the other, so that a run is the same for the same seed.
"""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

import ray
from ray.actor import ActorHandle

from rlhp_ray.actors import result
from rlhp_ray.labeling.clips import ClipReport
from rlhp_ray.preferences import Agreement, AnswerCounts, TeacherReport
from rlhp_ray.queries import QuestionerReport
from rlhp_ray.reward import TrainerReport

WAIT_SECONDS = 0.02  # between two looks while the agent waits for labels
LOOK_SECONDS = 0.05  # at most, between two looks at what came and who is due
QUESTIONER_REST_SECONDS = 0.25
TRAINER_REST_SECONDS = 0.1  # while it has nothing to do
MAX_REST_SECONDS = 0.5
AGREEMENT_SECONDS = 5.0  # between two looks at how far people agree

_NONE = AnswerCounts(asked=0, open=0, leased=0, left=0, right=0, equal=0, cant_tell=0, undone=0)


@dataclasses.dataclass
class Standing:
    """What is known of the loops; written by the conductor, read by the driver."""

    env_steps: int = 0  # the agent's; written by the driver
    counts: AnswerCounts = _NONE
    agreement: Agreement | None = None  # of people
    trainer: TrainerReport | None = None
    teachers_exhausted: bool = False
    questions_exhausted: bool = False
    nothing_to_ask_at: int = -1  # env steps at which the questioner last found nothing to ask

    @property
    def no_more_labels(self) -> bool:
        """No teacher has anything more to say, or nothing is open and nothing more will be asked."""
        return self.teachers_exhausted or self.questions_exhausted


class Conductor:
    """Drives questioner, teachers and trainer. `broadcast` is called with each newly published version's payload."""

    def __init__(
        self,
        *,
        questioner: ActorHandle[Any],
        teachers: dict[str, ActorHandle[Any]],
        collector: ActorHandle[Any],
        trainer: ActorHandle[Any],
        broadcast: Callable[[bytes], object],
        published: Callable[[TrainerReport], None],
        clips: Mapping[str, ActorHandle[Any]] | None = None,
        note: Callable[[str], None] = lambda sentence: None,
    ) -> None:
        """`clips`: what draws them for people; `note` is told what couldn't be drawn or played."""
        self._teachers = teachers
        self._exhausted = dict.fromkeys(teachers, False)
        self._actors = {"questioner": questioner, **teachers, **(clips or {}), "trainer": trainer}
        self._note = note
        self._collector = collector
        self._broadcast = broadcast
        self._published = published
        self.standing = Standing()
        self._agreement_due = 0.0  # by time.monotonic()
        self._woken: set[str] = set()  # whose rest is over, since there is something for them
        self._asked_at_env_steps = -1  # what the questioner was told last
        self._training = False  # the trainer joins once the first labels are in
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._error: BaseException | None = None

    def first_training(self) -> None:
        """Train on the first labels and publish the first version, or bring a resumed one back; the trainer joins."""
        self._take("trainer", result(self._actors["trainer"].first_training.remote()))
        self._training = True

    def turn(self) -> None:
        """One step of each, in order, each finished before the next."""
        self._take("questioner", result(self._start("questioner")))
        for name in self._teachers:
            while self._take(name, result(self._start(name))) == 0.0:
                pass  # there is more to answer
        first = next(iter(self._teachers))
        self._teachers[first] = self._teachers.pop(first)  # another one is first to choose in the next turn
        if self._training:
            self._take("trainer", result(self._start("trainer")))

    def start(self) -> None:
        """Begin to drive them in the background; nothing where they are driven already."""
        if self._thread is not None:
            return
        self._thread = threading.Thread(target=self._run, name="conductor", daemon=True)
        self._thread.start()

    def wait(self) -> None:
        """Let them go on for a moment: in the background where they were started, else for one turn here."""
        if self._thread is None:
            self.turn()
        else:
            if self._asked_at_env_steps != self.standing.env_steps:
                self._woken.add("questioner")  # there may be queries that the agent waits for
            time.sleep(WAIT_SECONDS)
            self.raise_if_failed()

    def stop(self) -> None:
        """Stop driving; steps on their way are finished."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        self._stop.clear()

    def raise_if_failed(self) -> None:
        """Raise what stopped the background thread, if anything did."""
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        due = dict.fromkeys(self._actors, 0.0)
        flying: dict[ray.ObjectRef[Any], str] = {}
        try:
            while not self._stop.is_set():
                now = time.monotonic()
                for name, at in due.items():
                    is_due = at <= now or name in self._woken
                    if is_due and name not in flying.values() and (name != "trainer" or self._training):
                        self._woken.discard(name)
                        flying[self._start(name)] = name
                wait = min(LOOK_SECONDS, max(0.005, min((at - now for at in due.values() if at > now), default=1.0)))
                if not flying:
                    self._stop.wait(wait)
                    continue
                ready, _ = ray.wait(list(flying), num_returns=1, timeout=wait)
                for ref in ready:
                    name = flying.pop(ref)
                    due[name] = time.monotonic() + self._take(name, result(ref))
            for ref, name in flying.items():
                self._take(name, result(ref))
        except BaseException as error:  # handed to the driver's thread, which raises it
            self._error = error

    def _start(self, name: str) -> ray.ObjectRef[Any]:
        step: Any = self._actors[name].step
        told: tuple[int, ...] = ()
        if name == "questioner":
            self._asked_at_env_steps = self.standing.env_steps
            told = self.standing.env_steps, self.standing.trainer.more_labels if self.standing.trainer else 0
        elif name == "trainer":
            told = (self.standing.env_steps,)
        ref: ray.ObjectRef[Any] = step.remote(*told)
        return ref

    def _take(self, name: str, report: Any) -> float:
        """Note a report; returns the seconds that the actor may rest."""
        standing = self.standing
        if isinstance(report, QuestionerReport):
            standing.questions_exhausted = report.exhausted
            if report.opened:
                self._woken.update(self._teachers)
            else:
                standing.nothing_to_ask_at = self._asked_at_env_steps
            if not self._teachers:  # people answer
                self._ask_about_people()
            return QUESTIONER_REST_SECONDS
        if isinstance(report, TeacherReport):
            self._exhausted[name] = report.exhausted
            standing.teachers_exhausted = all(self._exhausted.values())
            standing.counts = result(self._collector.counts.remote())
            if report.answered:
                self._woken.add("trainer")
            return min(MAX_REST_SECONDS, report.next_seconds)
        if isinstance(report, ClipReport):
            for trouble in report.troubles:
                self._note(trouble)
            return report.next_seconds
        if report.published is not None:
            self._broadcast(report.published)
            self._published(report)
        standing.trainer = dataclasses.replace(report, published=None)
        return TRAINER_REST_SECONDS if report.idle else 0.0

    def _ask_about_people(self) -> None:
        self.standing.counts = result(self._collector.counts.remote())
        if time.monotonic() >= self._agreement_due:
            self.standing.agreement = result(self._collector.agreement.remote())
            self._agreement_due = time.monotonic() + AGREEMENT_SECONDS
