"""An answer made ready for the loss: which of the query's two segments it prefers, and whether it is for audit.

It stands between the collector and the reward trainer (Christiano et al. 2017, section 2.2.2: the distribution mu).
"""

from __future__ import annotations

import dataclasses

from rlhp_ray.preferences.draw import stable_uniform
from rlhp_ray.types import Answer, Choice, Preference, Query


@dataclasses.dataclass(frozen=True, slots=True)
class Audits:
    """Which queries' answers are never trained on: a share of all, and all those asked after so many env steps."""

    fraction: float = 0.0
    after_env_steps: int | None = None

    def has(self, query: Query, seed: int) -> bool:
        """Whether this query's are; decided by the seed and the query alone."""
        if self.after_env_steps is not None and query.env_steps > self.after_env_steps:
            return True
        return stable_uniform(seed, "audit", query.query_id) < self.fraction


NO_AUDITS = Audits()


def to_preference(answer: Answer, query: Query, *, audits: Audits = NO_AUDITS, seed: int) -> Preference | None:
    """The answer as probability that the query's first segment is the better; None for can't tell.

    Audit is decided by the seed and the query alone: the same after every restart and for every answer to it.
    """
    if answer.choice is Choice.CANT_TELL:
        return None
    if answer.choice is Choice.EQUAL:
        target = 0.5
    else:
        better = answer.left if answer.choice is Choice.LEFT else answer.right
        target = 1.0 if better == query.first else 0.0
    return Preference(
        preference_id=answer.answer_id,
        first=query.first,
        second=query.second,
        target=target,
        audit=audits.has(query, seed),
        answered_at=answer.answered_at,
    )
