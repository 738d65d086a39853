"""Which pairs of segments to ask about: any, those that the ensemble disagrees on most, or by a user's own method.

A selector stands between the segment store and the questioner (Christiano et al. 2017, section 2.2.4).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

import numpy as np
import numpy.typing as npt

from rlhp_ray.config.schema import QueriesPart
from rlhp_ray.config.teacher import TeacherPart
from rlhp_ray.interfaces import QuerySelector, RewardPredictor
from rlhp_ray.preferences import Collector, recording_of
from rlhp_ray.queries.own import ChoosePairs, OwnMethod
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


class EnsembleSelector:
    """Of many candidates the pairs that a function chooses by what the ensemble's members predict of them.

    The function is `disagreement`, or a user's own: candidates (S segments), member_returns [M, S], count, rng ->
    pairs of rows [P, 2]. Before there is an ensemble: random pairs.
    """

    exhausted = False

    def __init__(
        self,
        name: str,
        choose: ChoosePairs,
        store: SegmentStore,
        predictor: RewardPredictor,
        *,
        candidates_per_query: int,
        recency: float,
        rng: np.random.Generator,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`recency`: share of the candidates from the newest fifth of the pool."""
        self.name = name
        self._choose = choose
        self._store = store
        self._predictor = predictor
        self._candidates_per_query = candidates_per_query
        self._recency = recency
        self._rng = rng
        self._clock = clock
        self._before_first = RandomSelector(store, recency=recency, rng=rng, clock=clock)

    def select(self, count: int, *, env_steps: int) -> list[Query]:
        """At most `count` queries; fewer if there are too few candidates. PredictorUnavailableError."""
        candidates = self._store.sample(2 * count * self._candidates_per_query, recency=self._recency)
        if len(candidates) < 2:
            return []
        members = self._predictor.member_returns(candidates.observations, candidates.actions)
        if members.version == 0:
            return self._before_first.select(count, env_steps=env_steps)
        pairs = self._choose(candidates, members.returns, count, self._rng)
        return _queries(candidates, pairs, self.name, version=members.version, env_steps=env_steps, now=self._clock())


def disagreement(
    candidates: Segments, member_returns: FloatArray, count: int, rng: np.random.Generator, *, pairs_per_query: int
) -> IntArray:
    """Of random pairs those whose predicted preference varies most over the members, no segment in two of them."""
    pairs = random_pairs(candidates, count * pairs_per_query, rng)
    most_first = np.argsort(-preference_variance(member_returns, pairs), kind="stable")
    return disjoint(pairs[most_first], count)


def preference_variance(member_returns: FloatArray, pairs: IntArray) -> FloatArray:
    """Variance [P] over the members of `preference_probability`."""
    variance: FloatArray = preference_probability(member_returns, pairs).var(axis=0).astype(np.float32)
    return variance


def preference_probability(member_returns: FloatArray, pairs: IntArray) -> npt.NDArray[np.float64]:
    """Probability [M, P] by each member that a pair's first segment is the better (Bradley-Terry).

    Predicted returns [M, S] of the segments, pairs of segments [P, 2].
    """
    difference = member_returns[:, pairs[:, 0]] - member_returns[:, pairs[:, 1]]
    probability: npt.NDArray[np.float64] = 0.5 * (1.0 + np.tanh(0.5 * difference.astype(np.float64)))  # no overflow
    return probability


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
    return EnsembleSelector(
        part.method,
        partial(disagreement, pairs_per_query=part.candidates_per_query)
        if part.method == "disagreement"
        else OwnMethod(part.method),
        store,
        predictor,
        candidates_per_query=part.candidates_per_query,
        recency=part.recency,
        rng=rng,
    )


def check_method(part: QueriesPart) -> None:
    """OwnCodeError where the config's method is a user's own and there is no such function."""
    if ":" in part.method:
        OwnMethod(part.method)


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
