"""Leases: which query is whose to answer, and until when. In memory only, so a restart forgets them.

They stand inside the collector, which says what may be handed out; they say what of it is free. A holder is a teacher,
or one page of a person's, `NAME/PAGE`.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Collection, Container, Iterable, Sequence

NOBODY = ""  # holds what is set aside


class Leases:
    """By query id, each for the same time. They end by the clock, or when they are released or dropped."""

    def __init__(self, seconds: float, clock: Callable[[], float]) -> None:
        self._seconds, self._clock = seconds, clock
        self._table: dict[str, tuple[str, float]] = {}  # query id -> holder, expiry

    def lease(
        self,
        holder: str,
        having: Collection[str],
        due: Sequence[str],
        open_ids: Iterable[str],
        count: int,
        desks: int = 1,
    ) -> list[str]:
        """At most `count` queries for `holder`: first what it was given and, by `having`, knows nothing of; then free
        ones of `due`, then of the open ones.

        Where several desks share what is open, at most one desk's part of it, rounded up.
        """
        askable = dict.fromkeys((*due, *open_ids))
        lost = self._lost(holder, askable, having)
        first = [*lost, *(i for i in due if not self.held(i) and i not in lost)][:count]
        free = [i for i in askable if not self.held(i) and i not in first]
        leased = [*first, *free[: min(count - len(first), math.ceil(len(free) / desks))]]
        self.take(holder, leased)
        return leased

    def hold(
        self, holder: str, having: Sequence[str], due: Sequence[str], open_ids: Iterable[str], count: int
    ) -> tuple[list[str], list[str]]:
        """Hold on to what `holder` has, and give it what is missing to `count` queries: both as ids.

        The first: of `having` what is held on, or again where nobody has taken it meanwhile. The second comes first
        from what this holder was given and lost sight of, such as by a reload; then of `due`; then of the open ones.
        """
        askable = dict.fromkeys((*due, *open_ids))
        kept = [i for i in having if i in askable and (not self.held(i) or self._table[i][0] == holder)]
        lost = self._lost(holder, askable, kept)
        free = (i for i in askable if i not in lost and i not in kept and not self.held(i))
        given = list(itertools.islice(itertools.chain(lost, free), max(0, count - len(kept))))
        self.take(holder, [*kept, *given])
        return kept, given

    def _lost(self, holder: str, askable: Container[str], having: Container[str]) -> list[str]:
        """What the holder was given, can still answer and knows nothing of."""
        return [i for i, (by, _) in self._table.items() if by == holder and i in askable and i not in having]

    def take(self, holder: str, query_ids: Iterable[str]) -> None:
        """These are the holder's from now on, whoever held them."""
        self._table.update(dict.fromkeys(query_ids, (holder, self._clock() + self._seconds)))

    def release(self, holder: str, query_ids: Sequence[str] | None = None) -> int:
        """Give back these, or all that this holder has. How many."""
        held = [i for i, (by, _) in self._table.items() if by == holder and (query_ids is None or i in query_ids)]
        for query_id in held:
            del self._table[query_id]
        return len(held)

    def release_pages(self, teacher: str) -> None:
        """Give back all that the teacher has, on whatever page."""
        for holder in {by for by, _ in self._table.values() if by.partition("/")[0] == teacher}:
            self.release(holder)

    def drop(self, query_id: str) -> None:
        """Nobody holds it any more, such as when it is answered."""
        self._table.pop(query_id, None)

    def held(self, query_id: str) -> bool:
        """Whether somebody holds it now."""
        return query_id in self._table and self._in_force(self._table[query_id][1], self._clock())

    def until(self) -> list[float]:
        """When each lease in force expires, soonest first [unix seconds]."""
        now = self._clock()
        return sorted(expiry for _, expiry in self._table.values() if self._in_force(expiry, now))

    def _in_force(self, expiry: float, now: float) -> bool:
        # A clock that was set back, or another node's after a restart, must not make a lease of hours.
        return now < expiry <= now + self._seconds
