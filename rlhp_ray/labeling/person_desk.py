"""The desk at which a person sits: which pairs they are shown, on which side each clip stands, what becomes of answers.

It stands between the page and the collector, as the teachers' desk does for programs. Two people at once, the same
person in two tabs, a request that is sent twice: all end in each answer being taken once.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Sequence

from rlhp_ray.labeling.access import Person
from rlhp_ray.preferences.collector import Collector
from rlhp_ray.preferences.draw import stable_uniform
from rlhp_ray.types import Answer, Choice

HELD_AT_ONCE = 4  # the pair that is looked at, and three that are fetched ahead


@dataclasses.dataclass(frozen=True, slots=True)
class Pair:
    """A query as it is shown to one person."""

    query_id: str
    left: int  # segment id of the clip that stands left
    right: int


@dataclasses.dataclass(frozen=True, slots=True)
class Handed:
    """What a person is given to do, or why there is nothing."""

    pairs: tuple[Pair, ...]
    kept: tuple[str, ...]  # of what they have: queries that are theirs on
    reason: str  # empty where there is a pair
    held: int  # pairs that others hold, where that is the reason
    until: float | None  # when held queries come free at the latest [unix seconds]


class PersonDesk:
    """For all people of a run."""

    def __init__(
        self, collector: Collector, *, budget_labels: int, seed: int, clock: Callable[[], float] = time.time
    ) -> None:
        self._collector = collector
        self._budget_labels = budget_labels
        self._seed = seed
        self._clock = clock

    def hand(self, person: Person, holding: Sequence[str], page: str = "") -> Handed:
        """Hold on to what the person has, and give them what is missing to four pairs.

        `holding`: ids of the queries that their page has. Those that somebody else has taken meanwhile are lost.
        `page`: its id, since a person may have several.
        """
        still, queries = self._collector.hold(person.name, _holder(person, page), holding, HELD_AT_ONCE)
        attempts = self._collector.attempts([query.query_id for query in queries])
        pairs = []
        for query, attempt in zip(queries, attempts, strict=True):
            turned = stable_uniform(self._seed, "side", f"{person.name}/{query.query_id}/{attempt}") >= 0.5
            left, right = (query.second, query.first) if turned else (query.first, query.second)
            pairs.append(Pair(query.query_id, left, right))
        reason, held = ("", []) if pairs or still else self._why_nothing(person)
        return Handed(tuple(pairs), tuple(still), reason, len(held), held[-1] if held else None)

    def answer(self, person: Person, answer_id: str, pair: Pair, choice: Choice, seconds: float) -> bool:
        """Take an answer, durable when this returns; False where it was taken before.

        RlhpRayError where it can't be taken, with the reason.
        """
        return self._collector.answer(
            Answer(
                answer_id=f"{person.name}:{answer_id}",
                query_id=pair.query_id,
                left=pair.left,
                right=pair.right,
                choice=choice,
                teacher=person.name,
                answered_at=self._clock(),
                seconds=seconds,
            )
        )

    def undo(self, person: Person, answer_id: str, page: str = "") -> bool:
        """Take an answer back; its query is the person's to answer anew. False where it was taken back before."""
        return self._collector.undo(f"{person.name}:{answer_id}", person.name, holder=_holder(person, page))

    def leave(self, person: Person, query_ids: Sequence[str], page: str = "") -> int:
        """Give these back, such as when the page is closed."""
        return self._collector.release(_holder(person, page), query_ids)

    def failed(self, person: Person, query_id: str, page: str = "") -> None:
        """Give a pair back whose clip can't be played: it is asked again later."""
        self._collector.set_aside(_holder(person, page), query_id)

    def _why_nothing(self, person: Person) -> tuple[str, list[float]]:
        """The reason, and when each pair that others hold comes free at the latest, soonest first."""
        counts = self._collector.counts()
        if person.name in self._collector.excluded():
            return "excluded", []
        if counts.labels >= self._budget_labels:
            return "budget", []
        held = self._collector.held_until()
        return ("held", held) if counts.open and held else ("collecting", [])


def _holder(person: Person, page: str) -> str:
    return f"{person.name}/{page}"
