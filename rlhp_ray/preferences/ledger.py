"""What the answer log says, in memory: queries, the answers in force, and which of them are labels.

It stands between the log, whose records it takes one by one, and the collector. A query may have several answers: of
other people (second opinions) and of the same person again (repeats). Of each person who isn't excluded the first
answer in force is a label; repeats only tell how consistent they are. All of it follows from the order of the records,
so a restart finds the same.
"""

from __future__ import annotations

import bisect
import collections
import dataclasses

from rlhp_ray.types import Answer, Choice, Exclusion, Query, Undo, Withdrawal


@dataclasses.dataclass(frozen=True, slots=True)
class LabelChange:
    """An answer became a label, or ceased to be one."""

    position: int  # of the record that did it
    answer_id: str
    gained: bool


class Ledger:
    """Folded from the log's records."""

    def __init__(self) -> None:
        self.queries: dict[str, Query] = {}  # as asked
        self.open: dict[str, None] = {}  # queries without a label, as asked: a set that keeps its order
        self.withdrawn: set[str] = set()  # queries that were, ever
        self.answers: dict[str, Answer] = {}  # ever accepted, as accepted
        self.undone: set[str] = set()  # answer ids
        self.excluded: set[str] = set()  # teachers
        self.attempts: collections.Counter[str] = collections.Counter()  # answers a query was given, undone ones too
        self.choices: collections.Counter[Choice] = collections.Counter()  # of the labels
        self.by_teacher: collections.Counter[str] = collections.Counter()  # answers in force
        self._given: dict[str, list[Answer]] = {}  # query id -> answers in force, as accepted
        self._labels: dict[str, list[str]] = {}  # query id -> ids of the answers that are labels
        self._ordinals: dict[str, int] = {}  # answer id -> how many its teacher had accepted with it
        self._by: collections.Counter[str] = collections.Counter()  # answers ever, by teacher
        self._changes: list[LabelChange] = []

    def apply(self, record: object, position: int) -> None:
        """Take the record that lies at this position of the log, counted from 1."""
        match record:
            case Query():
                self.queries[record.query_id] = record
                self.open[record.query_id] = None
            case Answer():
                self.answers[record.answer_id] = record
                self.attempts[record.query_id] += 1
                self.by_teacher[record.teacher] += 1
                self._by[record.teacher] += 1
                self._ordinals[record.answer_id] = self._by[record.teacher]
                self._given.setdefault(record.query_id, []).append(record)
                self._relabel(record.query_id, position)
            case Undo():
                undone = self.answers[record.answer_id]
                self.undone.add(record.answer_id)
                self.by_teacher[undone.teacher] -= 1
                self._given[undone.query_id].remove(undone)
                self._relabel(undone.query_id, position)
            case Withdrawal():
                self.withdrawn.add(record.query_id)
                self.open.pop(record.query_id, None)
            case Exclusion():
                (self.excluded.add if record.excluded else self.excluded.discard)(record.teacher)
                for query_id, given in self._given.items():
                    if any(answer.teacher == record.teacher for answer in given):
                        self._relabel(query_id, position)

    def given(self, query_id: str, teacher: str | None = None) -> list[Answer]:
        """The query's answers in force, as accepted; by one teacher where that is named."""
        return [a for a in self._given.get(query_id, ()) if teacher is None or a.teacher == teacher]

    def labellers(self, query_id: str) -> set[str]:
        """Whose answers to the query are labels."""
        return {self.answers[answer_id].teacher for answer_id in self._labels.get(query_id, ())}

    def answers_since(self, answer: Answer) -> int:
        """How many answers its teacher gave after it."""
        return self._by[answer.teacher] - self._ordinals[answer.answer_id]

    def changes(self, after: int) -> tuple[list[str], list[str]]:
        """Ids of the answers that became labels after this position of the log, and of those that ceased to be."""
        added: dict[str, None] = {}
        removed: dict[str, None] = {}
        first = bisect.bisect_right(self._changes, after, key=lambda change: change.position)
        for change in self._changes[first:]:
            towards, back = (added, removed) if change.gained else (removed, added)
            if change.answer_id in back:
                del back[change.answer_id]
            else:
                towards[change.answer_id] = None
        return list(added), list(removed)

    def _relabel(self, query_id: str, position: int) -> None:
        """Find out anew which answers to the query are labels, and whether it is open."""
        first: dict[str, str] = {}  # teacher -> answer id
        for answer in self._given[query_id]:
            if answer.teacher not in self.excluded:
                first.setdefault(answer.teacher, answer.answer_id)
        before, now = self._labels.get(query_id, []), list(first.values())
        self._labels[query_id] = now
        for answer_ids, others, gained in ((before, now, False), (now, before, True)):
            for answer_id in answer_ids:
                if answer_id not in others:
                    self.choices[self.answers[answer_id].choice] += 1 if gained else -1
                    self._changes.append(LabelChange(position, answer_id, gained))
        if now:
            self.open.pop(query_id, None)
        elif query_id not in self.open:
            again = self.open.keys() | {query_id}
            self.open = {asked: None for asked in self.queries if asked in again}
