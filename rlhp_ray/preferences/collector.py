"""The preference collector: hands open queries to teachers and takes their answers.

It stands between the queries, the teachers and the reward trainer. Whatever it acknowledges is in the answer log
before; what it holds in memory beside that are leases, which a restart may forget.
"""

from __future__ import annotations

import dataclasses
import itertools
import time
from collections.abc import Callable, Collection, Iterable, Sequence

from rlhp_ray.errors import RlhpRayError
from rlhp_ray.preferences.agreement import Agreement, agreement
from rlhp_ray.preferences.answer_log import AnswerLog, Record
from rlhp_ray.preferences.checks import NO_CHECKS, Checks, DrawnChecks
from rlhp_ray.preferences.leases import NOBODY, Leases
from rlhp_ray.preferences.ledger import Ledger
from rlhp_ray.preferences.preference import NO_AUDITS, Audits, to_preference
from rlhp_ray.storage import RunFolder
from rlhp_ray.types import Answer, Choice, Exclusion, Preference, Query, Undo, Withdrawal


@dataclasses.dataclass(frozen=True, slots=True)
class PreferenceChanges:
    """What changed for the loss between two positions of the answer log."""

    added: list[Preference]
    removed: list[str]  # ids of preferences, added before, that were undone or whose teacher was excluded
    position: int  # ask from here next time
    labels: int  # in force at this position


@dataclasses.dataclass(frozen=True, slots=True)
class AnswerCounts:
    """Queries, and labels by choice: of each query the first answer in force of each teacher who isn't excluded."""

    asked: int = 0  # queries, ever
    open: int = 0  # without a label, the leased ones included
    leased: int = 0
    left: int = 0
    right: int = 0
    equal: int = 0
    cant_tell: int = 0
    undone: int = 0  # answers taken back
    withdrawn: int = 0  # queries that weren't answered, since it would have taught nothing
    by_teacher: dict[str, int] = dataclasses.field(default_factory=dict)  # answers in force

    @property
    def labels(self) -> int:
        """Those that train: can't tell doesn't."""
        return self.left + self.right + self.equal


class Collector:
    """Open queries, leases and answers of a run, over its answer log."""

    def __init__(
        self,
        folder: RunFolder,
        *,
        lease_seconds: float,
        seed: int,
        audits: Audits = NO_AUDITS,
        checks: Checks = NO_CHECKS,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Take up the log as it lies in the run's folder."""
        self._audits = audits
        self._seed = seed
        self._clock = clock
        self._ledger = Ledger()
        self._checks = DrawnChecks(checks, seed)
        self._leases = Leases(lease_seconds, clock)
        self._log = AnswerLog(folder, clock)
        for position, record in enumerate(self._log.records, 1):
            self._apply(record, position)

    def __repr__(self) -> str:
        counts = self.counts()
        return f"Collector({counts.labels} labels, {counts.open} open queries)"

    def ask(self, queries: Sequence[Query]) -> int:
        """Open the queries, durable before this returns; pairs that were asked before are left out. How many opened."""
        new: dict[str, Query] = {}
        for query in queries:
            if query.first == query.second:
                raise RlhpRayError(f"segment {query.first} can't be compared with itself: choose two different ones")
            if query.query_id not in self._ledger.queries:
                new.setdefault(query.query_id, query)
        self._append(list(new.values()))
        return len(new)

    def lease(self, teacher: str, count: int, *, having: Collection[str] = (), desks: int = 1) -> list[Query]:
        """At most `count` queries that nobody else holds, held by `teacher` until the lease expires.

        First what the teacher holds and, by `having`, knows nothing of, since an answer to this call was lost; then
        what is asked twice and due to this teacher, then open queries, oldest first; where several desks share what is
        open, at most one desk's part of it, rounded up. None to a teacher who is excluded.
        """
        if teacher in self._ledger.excluded:
            return []
        due = self._checks.due(self._ledger, teacher)
        return self._named(self._leases.lease(teacher, having, due, self._ledger.open, count, desks))

    def hold(self, teacher: str, holder: str, having: Sequence[str], count: int) -> tuple[list[str], list[Query]]:
        """Hold on to what `holder`, a page of the teacher's, has, and give it what is missing to `count` queries.

        The first: of `having` what is held on, or again where nobody has taken it meanwhile. The second comes first
        from what this holder was given and lost sight of, such as by a reload; then as `lease`.
        """
        if teacher in self._ledger.excluded:
            return [], []
        due = self._checks.due(self._ledger, teacher)
        kept, given = self._leases.hold(holder, having, due, self._ledger.open, count)
        return kept, self._named(given)

    def release(self, holder: str, query_ids: Sequence[str] | None = None) -> int:
        """Give back these, or all that this teacher or page holds, such as after a restart. How many."""
        return self._leases.release(holder, query_ids)

    def set_aside(self, holder: str, query_id: str) -> None:
        """Give back this one, whose clip can't be shown; for as long as a lease nobody is given it again."""
        if self._leases.release(holder, [query_id]):
            self._leases.take(NOBODY, [query_id])

    def unheld(self) -> list[Query]:
        """The open queries that nobody holds, oldest first."""
        return self._named(i for i in self._ledger.open if not self._leases.held(i))

    def withdraw(self, query_ids: Sequence[str]) -> int:
        """Ask these no more, durable before this returns, but those that are held by now or aren't open. How many."""
        now = self._clock()
        free = [i for i in dict.fromkeys(query_ids) if i in self._ledger.open and not self._leases.held(i)]
        self._append([Withdrawal(query_id=query_id, withdrawn_at=now) for query_id in free])
        return len(free)

    def waiting(self, count: int) -> list[Query]:
        """The open queries that were asked first, held or not, at most so many."""
        return self._named(itertools.islice(self._ledger.open, count))

    def held_until(self) -> list[float]:
        """When each lease in force expires, soonest first [unix seconds]."""
        return self._leases.until()

    def attempts(self, query_ids: Sequence[str]) -> list[int]:
        """How many answers each query was given so far, undone ones too."""
        return [self._ledger.attempts[query_id] for query_id in query_ids]

    def answer(self, answer: Answer) -> bool:
        """Accept the answer, durable before this returns; False if this answer id was accepted before.

        An answer to a query that somebody else has answered meanwhile is a second opinion. RlhpRayError if the query
        is unknown or compares other segments, if this teacher has answered it and isn't to again, or is excluded.
        """
        if not self._fits(answer):
            return False
        if answer.teacher in self._ledger.excluded:
            raise RlhpRayError(f"{answer.teacher}'s answers are excluded: ask whoever runs the study")
        own = self._ledger.given(answer.query_id, answer.teacher)
        if own and not (len(own) == 1 and self._checks.repeats(answer.query_id)):
            raise RlhpRayError(
                f"query {answer.query_id} is answered already: undo that answer first, or take another query"
            )
        self._append([answer])
        return True

    def answer_all(self, answers: Sequence[Answer]) -> list[bool]:
        """Accept several answers in one durable write: which were accepted.

        False: this answer id was accepted before, or the query isn't open. RlhpRayError as in `answer`; then none is
        accepted.
        """
        free = self._ledger.open.keys() & {answer.query_id for answer in answers}
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

    def undo(self, answer_id: str, teacher: str, *, holder: str | None = None) -> bool:
        """Take the teacher's own answer back: its query is open again. False if it was taken back before.

        `holder`: holds the query then, to answer it anew. RlhpRayError if there is no such answer, or it is
        another teacher's.
        """
        answer = self._ledger.answers.get(answer_id)
        if answer is None:
            raise RlhpRayError(f"there is no answer {answer_id!r} to undo: it was never accepted")
        if answer.teacher != teacher:
            raise RlhpRayError(f"answer {answer_id!r} is {answer.teacher}'s: only its own teacher can undo it")
        if answer_id in self._ledger.undone:
            return False
        self._append([Undo(answer_id=answer_id, teacher=teacher, undone_at=self._clock())])
        if holder is not None:
            self._leases.take(holder, [answer.query_id])
        return True

    def exclude(self, teacher: str, excluded: bool, by: str) -> bool:
        """Leave all of the teacher's answers out of the training, or take them in again; False: it was so before."""
        if (teacher in self._ledger.excluded) == excluded:
            return False
        self._append([Exclusion(teacher=teacher, excluded=excluded, by=by, decided_at=self._clock())])
        self._leases.release_pages(teacher)
        return True

    def preferences(self, after: int) -> PreferenceChanges:
        """What was added and removed after this position of the log (0: from the start)."""
        gained, lost = self._ledger.changes(after)
        added = [preference for answer_id in gained if (preference := self._preference(answer_id)) is not None]
        removed = [answer_id for answer_id in lost if self._ledger.answers[answer_id].choice is not Choice.CANT_TELL]
        return PreferenceChanges(added, removed, self._log.position, self.counts().labels)

    def counts(self) -> AnswerCounts:
        """Queries and labels, counted now."""
        ledger = self._ledger
        return AnswerCounts(
            asked=len(ledger.queries),
            open=len(ledger.open),
            leased=len(self.held_until()),
            left=ledger.choices[Choice.LEFT],
            right=ledger.choices[Choice.RIGHT],
            equal=ledger.choices[Choice.EQUAL],
            cant_tell=ledger.choices[Choice.CANT_TELL],
            undone=len(ledger.undone),
            withdrawn=len(ledger.withdrawn),
            by_teacher=dict(+ledger.by_teacher),
        )

    def answers(self) -> list[Answer]:
        """The answers in force, in the order in which they were accepted."""
        return [answer for answer in self._ledger.answers.values() if answer.answer_id not in self._ledger.undone]

    def answered(self, teacher: str) -> list[Query]:
        """The queries that this teacher ever answered, in the order in which it did so first."""
        given = [answer.query_id for answer in self._ledger.answers.values() if answer.teacher == teacher]
        return [self._ledger.queries[query_id] for query_id in dict.fromkeys(given)]

    def agreement(self) -> Agreement:
        """How far the teachers agree, over all answers in force, those of excluded teachers too."""
        return agreement(self.answers(), self._ledger.queries)

    def excluded(self) -> list[str]:
        """The teachers who are excluded."""
        return sorted(self._ledger.excluded)

    def _named(self, query_ids: Iterable[str]) -> list[Query]:
        return [self._ledger.queries[query_id] for query_id in query_ids]

    def _preference(self, answer_id: str) -> Preference | None:
        answer = self._ledger.answers[answer_id]
        query = self._ledger.queries[answer.query_id]
        return to_preference(answer, query, audits=self._audits, seed=self._seed)

    def _fits(self, answer: Answer) -> bool:
        """Whether the answer is new and of a query of ours, compared as it was asked."""
        if answer.answer_id in self._ledger.answers:
            return False
        query = self._ledger.queries.get(answer.query_id)
        if query is None:
            raise RlhpRayError(f"there is no query {answer.query_id!r} in this run: answer one that was leased")
        if {answer.left, answer.right} != {query.first, query.second}:
            raise RlhpRayError(
                f"answer {answer.answer_id!r} compares segments {answer.left} and {answer.right}, "
                f"but its query those of {answer.query_id}"
            )
        return True

    def _append(self, records: Sequence[Record]) -> None:
        before = self._log.position
        self._log.append(records)
        for position, record in enumerate(records, before + 1):
            self._apply(record, position)

    def _apply(self, record: Record, position: int) -> None:
        """Bring memory to what the log says; the one path for new records and for a restart."""
        self._ledger.apply(record, position)
        if isinstance(record, Query):
            self._checks.draw(record.query_id)
        elif isinstance(record, Answer):
            self._leases.drop(record.query_id)
