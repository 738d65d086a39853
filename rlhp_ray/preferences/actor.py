"""The collector and the teacher's desk as Ray actors.

Both restart from the run folder: the collector reads its log, the desk gives its leases back. Every method can be
called again after a lost reply.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import ray
from ray.actor import ActorHandle

from rlhp_ray.actors import RESTARTING, Watched, proxy
from rlhp_ray.config.teacher import OneTeacherPart
from rlhp_ray.preferences.collector import AnswerCounts, Collector, PreferenceChanges
from rlhp_ray.preferences.desk import BATCH_ANSWERS, TeacherDesk, TeacherReport
from rlhp_ray.preferences.teachers import make_teacher
from rlhp_ray.segments import SegmentStore
from rlhp_ray.storage import RunFolder
from rlhp_ray.types import Answer, Query


@ray.remote(**RESTARTING)
class CollectorActor(Watched):
    """Hands open queries to teachers and takes their answers. Ray shell around Collector: the same methods."""

    def __init__(self, folder: RunFolder, *, lease_seconds: float, audit_fraction: float, seed: int) -> None:
        self._collector = Collector(folder, lease_seconds=lease_seconds, audit_fraction=audit_fraction, seed=seed)

    def __repr__(self) -> str:
        return repr(self._collector)

    def ask(self, queries: Sequence[Query]) -> int:
        return self._collector.ask(queries)

    def lease(self, teacher: str, count: int, desks: int = 1) -> list[Query]:
        return self._collector.lease(teacher, count, desks)

    def release(self, teacher: str) -> int:
        return self._collector.release(teacher)

    def attempts(self, query_ids: Sequence[str]) -> list[int]:
        return self._collector.attempts(query_ids)

    def answer(self, answer: Answer) -> bool:
        return self._collector.answer(answer)

    def answer_all(self, answers: Sequence[Answer]) -> list[bool]:
        return self._collector.answer_all(answers)

    def undo(self, answer_id: str, teacher: str) -> bool:
        return self._collector.undo(answer_id, teacher)

    def preferences(self, after: int) -> PreferenceChanges:
        return self._collector.preferences(after)

    def counts(self) -> AnswerCounts:
        return self._collector.counts()

    def answers(self) -> list[Answer]:
        return self._collector.answers()

    def answered(self, teacher: str) -> list[Query]:
        return self._collector.answered(teacher)


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
