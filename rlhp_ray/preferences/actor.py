"""The collector and the teacher's desk as Ray actors.

Both restart from the run folder: the collector reads its log, the desk gives its leases back. Every method can be
called again after a lost reply.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import ray
from ray.actor import ActorHandle

from rlhp_ray.actors import RESTARTING, Watched, proxy
from rlhp_ray.config.teacher import OneTeacherPart
from rlhp_ray.preferences.agreement import Agreement
from rlhp_ray.preferences.checks import NO_CHECKS, Checks
from rlhp_ray.preferences.collector import AnswerCounts, Collector, PreferenceChanges
from rlhp_ray.preferences.desk import BATCH_ANSWERS, TeacherDesk, TeacherReport
from rlhp_ray.preferences.preference import NO_AUDITS, Audits
from rlhp_ray.preferences.teachers import make_teacher
from rlhp_ray.segments import SegmentStore
from rlhp_ray.storage import RunFolder
from rlhp_ray.types import Answer, Query


@ray.remote(**RESTARTING)
class CollectorActor(Watched):
    """Hands open queries to teachers and takes their answers. Ray shell around Collector: the same methods."""

    def __init__(
        self,
        folder: RunFolder,
        *,
        lease_seconds: float,
        seed: int,
        audits: Audits = NO_AUDITS,
        checks: Checks = NO_CHECKS,
    ) -> None:
        self._collector = Collector(folder, lease_seconds=lease_seconds, seed=seed, audits=audits, checks=checks)

    def __repr__(self) -> str:
        return repr(self._collector)

    def ask(self, queries: Sequence[Query]) -> int:
        return self._collector.ask(queries)

    def lease(self, teacher: str, count: int, *, having: Collection[str] = (), desks: int = 1) -> list[Query]:
        return self._collector.lease(teacher, count, having=having, desks=desks)

    def hold(self, teacher: str, holder: str, having: Sequence[str], count: int) -> tuple[list[str], list[Query]]:
        return self._collector.hold(teacher, holder, having, count)

    def release(self, holder: str, query_ids: Sequence[str] | None = None) -> int:
        return self._collector.release(holder, query_ids)

    def set_aside(self, holder: str, query_id: str) -> None:
        self._collector.set_aside(holder, query_id)

    def unheld(self) -> list[Query]:
        return self._collector.unheld()

    def withdraw(self, query_ids: Sequence[str]) -> int:
        return self._collector.withdraw(query_ids)

    def waiting(self, count: int) -> list[Query]:
        return self._collector.waiting(count)

    def held_until(self) -> list[float]:
        return self._collector.held_until()

    def attempts(self, query_ids: Sequence[str]) -> list[int]:
        return self._collector.attempts(query_ids)

    def answer(self, answer: Answer) -> bool:
        return self._collector.answer(answer)

    def answer_all(self, answers: Sequence[Answer]) -> list[bool]:
        return self._collector.answer_all(answers)

    def undo(self, answer_id: str, teacher: str, *, holder: str | None = None) -> bool:
        return self._collector.undo(answer_id, teacher, holder=holder)

    def exclude(self, teacher: str, excluded: bool, by: str) -> bool:
        return self._collector.exclude(teacher, excluded, by)

    def preferences(self, after: int) -> PreferenceChanges:
        return self._collector.preferences(after)

    def counts(self) -> AnswerCounts:
        return self._collector.counts()

    def answers(self) -> list[Answer]:
        return self._collector.answers()

    def answered(self, teacher: str) -> list[Query]:
        return self._collector.answered(teacher)

    def agreement(self) -> Agreement:
        return self._collector.agreement()

    def excluded(self) -> list[str]:
        return self._collector.excluded()


@ray.remote(**RESTARTING)
class TeacherActor(Watched):
    """Answers open queries as one of the config's teachers. Ray shell around its desk."""

    def __init__(
        self, part: OneTeacherPart, seed: int, collector: ActorHandle[Any], store: ActorHandle[Any], *, colleagues: int
    ) -> None:
        self._desk = TeacherDesk(
            make_teacher(part, seed),
            proxy(collector, Collector),
            proxy(store, SegmentStore),
            answers_per_minute=part.answers_per_minute,
            seed=seed,
            # Nobody knows how long a user's own teacher takes: each of its answers is handed in at once.
            batch_answers=BATCH_ANSWERS if part.kind in ("oracle", "recorded") else 1,
            colleagues=colleagues,
        )

    def __repr__(self) -> str:
        return repr(self._desk)

    def step(self) -> TeacherReport:
        return self._desk.step()
