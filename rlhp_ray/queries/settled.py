"""Which open queries have nothing to teach any more: all of the ensemble is sure of the same answer.

Where people answer, a query may wait for minutes, while the ensemble learns from others. The gradient of the loss
(paper, section 2.2.3) is the predicted probability of the answer that isn't given, here at most 5 % by every member.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rlhp_ray.interfaces import RewardPredictor
from rlhp_ray.queries.selectors import preference_probability
from rlhp_ray.segments import SegmentStore
from rlhp_ray.types import Query

SURE = 0.95  # probability by every member


class SettledQueries:
    """Tells them by what the ensemble predicts."""

    def __init__(self, store: SegmentStore, predictor: RewardPredictor) -> None:
        self._store, self._predictor = store, predictor

    def among(self, queries: Sequence[Query]) -> list[str]:
        """The ids of those; none before the first ensemble. PredictorUnavailableError."""
        if not queries:
            return []
        segments = self._store.fetch([i for query in queries for i in (query.first, query.second)], states=False)
        members = self._predictor.member_returns(segments.observations, segments.actions)
        if members.version == 0:
            return []
        probability = preference_probability(members.returns, np.arange(2 * len(queries)).reshape(-1, 2))
        sure = (probability > SURE).all(0) | (probability < 1 - SURE).all(0)
        return [queries[row].query_id for row in np.flatnonzero(sure).tolist()]
