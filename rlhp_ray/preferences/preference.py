"""An answer made ready for the loss: which of the query's two segments it prefers, and whether it is for audit.

It stands between the collector and the reward trainer (Christiano et al. 2017, section 2.2.2: the distribution mu).
"""

from __future__ import annotations

from rlhp_ray.preferences.draw import stable_uniform
from rlhp_ray.types import Answer, Choice, Preference, Query


def to_preference(answer: Answer, query: Query, *, audit_fraction: float, seed: int) -> Preference | None:
    """The answer as probability that the query's first segment is the better; None for can't tell.

    Audit is decided by the seed and the query's id alone: the same after every restart and for every answer to it.
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
        audit=stable_uniform(seed, "audit", query.query_id) < audit_fraction,
        answered_at=answer.answered_at,
    )
