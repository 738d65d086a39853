"""What is asked twice: a share of the queries goes to a second teacher, a share comes back to the same one.

It stands inside the collector. Which queries these are is drawn once, by seed and query id, so a restart finds the
same.
"""

from __future__ import annotations

import dataclasses

from rlhp_ray.preferences.draw import stable_uniform
from rlhp_ray.preferences.ledger import Ledger


@dataclasses.dataclass(frozen=True, slots=True)
class Checks:
    """How much of what people say is asked twice, to see how far they agree with each other and with themselves."""

    second_share: float = 0.0  # of the queries, that go to a second teacher too
    repeat_share: float = 0.0  # of the queries, that come back to the teacher who answered them
    repeat_after: int = 20  # answers that the teacher gave in between


NO_CHECKS = Checks()


class DrawnChecks:
    """The queries that were drawn for it."""

    def __init__(self, checks: Checks, seed: int) -> None:
        self._checks, self._seed = checks, seed
        self._second: list[str] = []  # query ids, as asked
        self._repeated: dict[str, None] = {}  # likewise

    def draw(self, query_id: str) -> None:
        """A new query: is it to be asked twice?"""
        if stable_uniform(self._seed, "second", query_id) < self._checks.second_share:
            self._second.append(query_id)
        if stable_uniform(self._seed, "repeat", query_id) < self._checks.repeat_share:
            self._repeated[query_id] = None

    def repeats(self, query_id: str) -> bool:
        """Whether it comes back to whoever answers it."""
        return query_id in self._repeated

    def due(self, ledger: Ledger, teacher: str) -> list[str]:
        """What is to be asked a second time, and by now of this teacher."""
        second = [i for i in self._second if len(who := ledger.labellers(i)) == 1 and teacher not in who]
        repeated = [
            query_id
            for query_id in self._repeated
            if len(own := ledger.given(query_id, teacher)) == 1
            and ledger.answers_since(own[0]) >= self._checks.repeat_after
        ]
        return list(dict.fromkeys((*second, *repeated)))
