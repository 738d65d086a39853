"""Which pairs of segments to ask about: any, or those that the ensemble disagrees on most.

A selector stands between the segment store and the questioner (Christiano et al. 2017, section 2.2.4).
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from rlhp_ray.config.schema import QueriesPart, TeacherPart
from rlhp_ray.interfaces import QuerySelector, RewardPredictor
from rlhp_ray.preferences import Collector, recording_of
from rlhp_ray.queries.pairs import disjoint, random_pairs
from rlhp_ray.queries.recorded import RecordedSelector
from rlhp_ray.segments import SegmentStore
from rlhp_ray.types import FloatArray, IntArray, Query, Segments


class RandomSelector:
    """Random pairs of candidates, each segment in at most one of them."""

    name = "random"
    exhausted = False

    def __init__(
        self,
        store: SegmentStore,
        *,
        recency: float,
        rng: np.random.Generator,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`recency`: share of the candidates from the newest fifth of the pool."""
        self._store = store
        self._recency = recency
        self._rng = rng
        self._clock = clock

    def select(self, count: int, *, env_steps: int) -> list[Query]:
        """At most `count` queries; fewer if there are too few candidates for so many pairs."""
        segments = self._store.sample(2 * count, recency=self._recency)
        pairs = disjoint(random_pairs(segments, count, self._rng), count)
        return _queries(segments, pairs, self.name, version=0, env_steps=env_steps, now=self._clock())


class DisagreementSelector:
    """Of many candidate pairs those whose predicted preference varies most over the ensemble's members.

    Before there is an ensemble: random pairs.
    """

    name = "disagreement"
    exhausted = False

    def __init__(
        self,
        store: SegmentStore,
        predictor: RewardPredictor,
        *,
        candidates_per_query: int,
        recency: float,
        rng: np.random.Generator,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`recency`: share of the candidates from the newest fifth of the pool."""
        self._store = store
        self._predictor = predictor
        self._candidates_per_query = candidates_per_query
        self._recency = recency
        self._rng = rng
        self._clock = clock
        self._before_first = RandomSelector(store, recency=recency, rng=rng, clock=clock)

    def select(self, count: int, *, env_steps: int) -> list[Query]:
        """At most `count` queries; fewer if there are too few candidates. PredictorUnavailableError."""
        candidates = count * self._candidates_per_query
        segments = self._store.sample(2 * candidates, recency=self._recency)
        pairs = random_pairs(segments, candidates, self._rng)
        if len(pairs) == 0:
            return []
        members = self._predictor.member_returns(segments.observations, segments.actions)
        if members.version == 0:
            return self._before_first.select(count, env_steps=env_steps)
        most_first = np.argsort(-preference_variance(members.returns, pairs), kind="stable")
        chosen = disjoint(pairs[most_first], count)
        return _queries(segments, chosen, self.name, version=members.version, env_steps=env_steps, now=self._clock())


def preference_variance(member_returns: FloatArray, pairs: IntArray) -> FloatArray:
    """Variance [P] over the members of the probability that a pair's first segment is the better.

    Predicted returns [M, S] of the segments, pairs of segments [P, 2].
    """
    difference = member_returns[:, pairs[:, 0]] - member_returns[:, pairs[:, 1]]
    probability = 0.5 * (1.0 + np.tanh(0.5 * difference.astype(np.float64)))  # the logistic function, without overflow
    variance: FloatArray = probability.var(axis=0).astype(np.float32)
    return variance


def make_selector(
    part: QueriesPart,
    teacher: TeacherPart,
    store: SegmentStore,
    collector: Collector,
    predictor: RewardPredictor,
    seed: int,
) -> QuerySelector:
    """The selector of the config; a recorded teacher brings its own queries."""
    if teacher.kind == "recorded":
        return RecordedSelector(recording_of(teacher), store, collector)
    rng = np.random.default_rng([seed, *b"queries"])
    if part.method == "random":
        return RandomSelector(store, recency=part.recency, rng=rng)
    return DisagreementSelector(
        store, predictor, candidates_per_query=part.candidates_per_query, recency=part.recency, rng=rng
    )


def _queries(
    segments: Segments, pairs: IntArray, method: str, *, version: int, env_steps: int, now: float
) -> list[Query]:
    return [
        Query(
            first=int(segments.segment_ids[first]),
            second=int(segments.segment_ids[second]),
            created_at=now,
            method=method,
            reward_version=version,
            env_steps=env_steps,
        )
        for first, second in pairs
    ]
