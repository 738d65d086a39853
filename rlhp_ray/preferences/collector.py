"""The preference collector: hands open queries to teachers and takes their answers.

It stands between the queries, the teachers and the reward trainer. Whatever it acknowledges is in the answer log
before; what it holds in memory beside that are leases, which a restart may forget.
"""

from __future__ import annotations

import collections
import dataclasses
import math
import time
from collections.abc import Callable, Sequence

from rlhp_ray.errors import RlhpRayError
from rlhp_ray.preferences.answer_log import AnswerLog, Record
from rlhp_ray.preferences.preference import to_preference
from rlhp_ray.storage import RunFolder
from rlhp_ray.types import Answer, Choice, Preference, Query, Undo


@dataclasses.dataclass(frozen=True, slots=True)
class PreferenceChanges:
    """What changed for the loss between two positions of the answer log."""

    added: list[Preference]
    removed: list[str]  # ids of preferences, added before, that were undone
    position: int  # ask from here next time


@dataclasses.dataclass(frozen=True, slots=True)
class AnswerCounts:
    """Queries, and answers in force by choice."""

    asked: int = 0  # queries, ever
    open: int = 0  # without an answer in force, the leased ones included
    leased: int = 0
    left: int = 0
    right: int = 0
    equal: int = 0
    cant_tell: int = 0
    undone: int = 0  # answers taken back
    by_teacher: dict[str, int] = dataclasses.field(default_factory=dict)  # answers in force

    @property
    def labels(self) -> int:
        """Answers in force that train: can't tell doesn't."""
        return self.left + self.right + self.equal


class Collector:
    """Open queries, leases and answers of a run, over its answer log."""

    def __init__(
        self,
        folder: RunFolder,
        *,
        lease_seconds: float,
        audit_fraction: float,
        seed: int,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Take up the log as it lies in the run's folder."""
        self._lease_seconds = lease_seconds
        self._audit_fraction = audit_fraction
        self._seed = seed
        self._clock = clock
        self._queries: dict[str, Query] = {}  # as asked
        self._open: dict[str, None] = {}  # as asked, a set that keeps its order
        self._answers: dict[str, Answer] = {}  # undone ones too
        self._undone: set[str] = set()
        self._attempts: collections.Counter[str] = collections.Counter()  # answers a query was given, undone ones too
        self._choices: collections.Counter[Choice] = collections.Counter()  # in force
        self._by_teacher: collections.Counter[str] = collections.Counter()  # in force
        self._leases: dict[str, tuple[str, float]] = {}  # query id -> teacher, expiry
        self._log = AnswerLog(folder, clock)
        for record in self._log.records:
            self._apply(record)

    def __repr__(self) -> str:
        counts = self.counts()
        return f"Collector({counts.labels} labels, {counts.open} open queries)"

    def ask(self, queries: Sequence[Query]) -> int:
        """Open the queries, durable before this returns; pairs that were asked before are left out. How many opened."""
        new: dict[str, Query] = {}
        for query in queries:
            if query.first == query.second:
                raise RlhpRayError(f"segment {query.first} can't be compared with itself: choose two different ones")
            if query.query_id not in self._queries:
                new.setdefault(query.query_id, query)
        self._append(list(new.values()))
        return len(new)

    def lease(self, teacher: str, count: int, desks: int = 1) -> list[Query]:
        """At most `count` open queries that nobody holds, oldest first; held by `teacher` until the lease expires.

        Where several desks share what is open, at most one desk's part of it, rounded up.
        """
        now = self._clock()
        free = [i for i in self._open if i not in self._leases or self._leases[i][1] <= now]
        leased = free[: min(count, math.ceil(len(free) / desks))]
        self._leases.update(dict.fromkeys(leased, (teacher, now + self._lease_seconds)))
        return [self._queries[query_id] for query_id in leased]

    def release(self, teacher: str) -> int:
        """Give back all that the teacher holds, such as after its restart. How many."""
        held = [query_id for query_id, (holder, _) in self._leases.items() if holder == teacher]
        for query_id in held:
            del self._leases[query_id]
        return len(held)

    def attempts(self, query_ids: Sequence[str]) -> list[int]:
        """How many answers each query was given so far, undone ones too."""
        return [self._attempts[query_id] for query_id in query_ids]

    def answer(self, answer: Answer) -> bool:
        """Accept the answer, durable before this returns; False if this answer id was accepted before.

        RlhpRayError if the query is unknown, was answered under another id, or compares other segments.
        """
        if not self._fits(answer):
            return False
        if answer.query_id not in self._open:
            raise RlhpRayError(
                f"query {answer.query_id} is answered already: undo that answer first, or take another query"
            )
        self._append([answer])
        return True

    def answer_all(self, answers: Sequence[Answer]) -> list[bool]:
        """Accept several answers in one durable write: which were accepted.

        False: this answer id was accepted before, or the query has another answer. RlhpRayError as in `answer`; then
        none is accepted.
        """
        free = self._open.keys() & {answer.query_id for answer in answers}
        taken: dict[str, Answer] = {}
        accepted = []
        for answer in answers:
            new = self._fits(answer) and answer.answer_id not in taken and answer.query_id in free
            if new:
                taken[answer.answer_id] = answer
                free.remove(answer.query_id)
            accepted.append(new)
        self._append(list(taken.values()))
        return accepted

    def undo(self, answer_id: str, teacher: str) -> bool:
        """Take the teacher's own answer back: its query is open again. False if it was taken back before.

        RlhpRayError if there is no such answer, or it is another teacher's.
        """
        answer = self._answers.get(answer_id)
        if answer is None:
            raise RlhpRayError(f"there is no answer {answer_id!r} to undo: it was never accepted")
        if answer.teacher != teacher:
            raise RlhpRayError(f"answer {answer_id!r} is {answer.teacher}'s: only its own teacher can undo it")
        if answer_id in self._undone:
            return False
        self._append([Undo(answer_id=answer_id, teacher=teacher, undone_at=self._clock())])
        return True

    def preferences(self, after: int) -> PreferenceChanges:
        """What was added and removed after this position of the log (0: from the start)."""
        added: dict[str, Preference] = {}
        removed: list[str] = []
        for record in self._log.records[after:]:
            if isinstance(record, Answer):
                query = self._queries[record.query_id]
                preference = to_preference(record, query, audit_fraction=self._audit_fraction, seed=self._seed)
                if preference is not None:
                    added[record.answer_id] = preference
            elif isinstance(record, Undo):
                undone = self._answers[record.answer_id]
                if added.pop(undone.answer_id, None) is None and undone.choice is not Choice.CANT_TELL:
                    removed.append(undone.answer_id)
        return PreferenceChanges(list(added.values()), removed, self._log.position)

    def counts(self) -> AnswerCounts:
        """Queries and answers, counted now."""
        now = self._clock()
        return AnswerCounts(
            asked=len(self._queries),
            open=len(self._open),
            leased=sum(expiry > now for _, expiry in self._leases.values()),
            left=self._choices[Choice.LEFT],
            right=self._choices[Choice.RIGHT],
            equal=self._choices[Choice.EQUAL],
            cant_tell=self._choices[Choice.CANT_TELL],
            undone=len(self._undone),
            by_teacher=dict(+self._by_teacher),
        )

    def answers(self) -> list[Answer]:
        """The answers in force, in the order in which they were accepted."""
        return [answer for answer in self._answers.values() if answer.answer_id not in self._undone]

    def answered(self, teacher: str) -> list[Query]:
        """The queries that this teacher ever answered, in the order in which it did so first."""
        given = [answer.query_id for answer in self._answers.values() if answer.teacher == teacher]
        return [self._queries[query_id] for query_id in dict.fromkeys(given)]

    def _fits(self, answer: Answer) -> bool:
        """Whether the answer is new and of a query of ours, compared as it was asked."""
        if answer.answer_id in self._answers:
            return False
        query = self._queries.get(answer.query_id)
        if query is None:
            raise RlhpRayError(f"there is no query {answer.query_id!r} in this run: answer one that was leased")
        if {answer.left, answer.right} != {query.first, query.second}:
            raise RlhpRayError(
                f"answer {answer.answer_id!r} compares segments {answer.left} and {answer.right}, "
                f"but its query those of {answer.query_id}"
            )
        return True

    def _append(self, records: Sequence[Record]) -> None:
        self._log.append(records)
        for record in records:
            self._apply(record)

    def _apply(self, record: Record) -> None:
        """Bring memory to what the log says; the one path for new records and for a restart."""
        match record:
            case Query():
                self._queries[record.query_id] = record
                self._open[record.query_id] = None
            case Answer():
                self._answers[record.answer_id] = record
                self._attempts[record.query_id] += 1
                self._choices[record.choice] += 1
                self._by_teacher[record.teacher] += 1
                del self._open[record.query_id]
                self._leases.pop(record.query_id, None)
            case Undo():
                undone = self._answers[record.answer_id]
                self._undone.add(record.answer_id)
                self._choices[undone.choice] -= 1
                self._by_teacher[undone.teacher] -= 1
                again = self._open.keys() | {undone.query_id}
                self._open = {query_id: None for query_id in self._queries if query_id in again}
