"""The desk at which a teacher that is a program sits: takes open queries, shows the clips, hands in the answers.

It stands between the collector and one teacher. A teacher without a pace answers all that is open, in batches; one
with a pace takes as long for each query as a person would (Christiano et al. 2017: 3-5 s an answer).
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable

from rlhp_ray.interfaces import Teacher
from rlhp_ray.preferences.answering import program_answer_id
from rlhp_ray.preferences.collector import Collector
from rlhp_ray.preferences.draw import stable_uniform
from rlhp_ray.segments import SegmentStore
from rlhp_ray.types import Answer, Query

BATCH_ANSWERS = 64  # at most in one step, one durable write
IDLE_SECONDS = 0.5  # to the next look where nothing was open; new queries wake the teacher


@dataclasses.dataclass(frozen=True, slots=True)
class TeacherReport:
    """What a step of the desk did."""

    answered: int
    next_seconds: float  # until the next step has something to do
    exhausted: bool  # the teacher had no answer to any query that it was shown last


class TeacherDesk:
    """Moves queries from the collector to the teacher, and answers back."""

    def __init__(
        self,
        teacher: Teacher,
        collector: Collector,
        store: SegmentStore,
        *,
        answers_per_minute: float | None,
        seed: int,
        batch_answers: int = BATCH_ANSWERS,
        colleagues: int = 0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """A pace of None answers at once, at most `batch_answers` in a step, and leaves colleagues their part of it."""
        self._teacher = teacher
        self._collector = collector
        self._store = store
        self._seconds_per_answer = None if answers_per_minute is None else 60.0 / answers_per_minute
        self._seed = seed
        self._batch_answers = batch_answers
        self._desks = 1 + colleagues
        self._clock = clock
        self._current: Query | None = None  # that a paced teacher looks at
        self._done_at: float | None = None  # when it has answered, or did answer, that one; None after a rest
        self._unanswered: set[str] = set()  # ids of queries that the teacher had no answer to so far
        self._exhausted = False
        collector.release(teacher.name)  # what a desk of this name held when it was lost
        if teacher.remembers:
            self._remind()

    def __repr__(self) -> str:
        return f"TeacherDesk({self._teacher.name})"

    def step(self) -> TeacherReport:
        """Answer what is due, at most a batch."""
        if self._seconds_per_answer is None:
            queries = self._lease(self._batch_answers, desks=self._desks)
            answered = self._answer(queries)
            wait = 0.0 if len(queries) == self._batch_answers else IDLE_SECONDS
            return TeacherReport(answered, wait, self._exhausted)
        return self._step_paced(self._seconds_per_answer)

    def _step_paced(self, seconds_per_answer: float) -> TeacherReport:
        now = self._clock()
        shown = answered = 0
        while shown < BATCH_ANSWERS:
            if self._current is None:
                leased = self._lease(1)
                if not leased:
                    self._done_at = None
                    break
                self._current = leased[0]
                self._done_at = (now if self._done_at is None else self._done_at) + seconds_per_answer
            if self._done_at is None or now < self._done_at:
                break
            answered += self._answer([self._current])
            shown += 1
            self._current = None
        wait = IDLE_SECONDS if self._done_at is None else max(0.0, self._done_at - now)
        return TeacherReport(answered, wait, self._exhausted)

    def _lease(self, count: int, desks: int = 1) -> list[Query]:
        """Queries to show the teacher, also those that were leased by a call whose answer was lost."""
        return self._collector.lease(self._teacher.name, count, having=self._unanswered, desks=desks)

    def _answer(self, queries: list[Query]) -> int:
        """Show the queries to the teacher and hand in its answers. How many were accepted."""
        if not queries:
            return 0
        attempts = self._collector.attempts([query.query_id for query in queries])
        answers = []
        for answer, query, attempt in zip(self._show(queries), queries, attempts, strict=True):
            if answer is None:
                self._unanswered.add(query.query_id)
            else:
                self._unanswered.discard(query.query_id)
                answer_id = program_answer_id(answer.teacher, query.query_id, attempt)
                seconds = answer.seconds if self._seconds_per_answer is None else self._seconds_per_answer
                answers.append(dataclasses.replace(answer, answer_id=answer_id, seconds=seconds))
        self._exhausted = not answers
        return sum(self._collector.answer_all(answers))

    def _show(self, queries: list[Query]) -> list[Answer | None]:
        """What the teacher says of each."""
        shown = [self._place(query) for query in queries]
        clips = self._store.fetch([segment_id for query in shown for segment_id in (query.first, query.second)])
        return [self._teacher.answer(query, clips.take(slice(2 * row, 2 * row + 2))) for row, query in enumerate(shown)]

    def _remind(self) -> None:
        """Show the teacher again what it has answered, so that it goes on as if it had never left."""
        queries = self._collector.answered(self._teacher.name)
        for begin in range(0, len(queries), BATCH_ANSWERS):
            self._show(queries[begin : begin + BATCH_ANSWERS])

    def _place(self, query: Query) -> Query:
        """The query with the clip first that shall stand left: by chance, but always the same for one query."""
        if stable_uniform(self._seed, "side", query.query_id) < 0.5:
            return query
        return dataclasses.replace(query, first=query.second, second=query.first)
