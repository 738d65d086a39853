"""The architecture on one page: the few protocols that have two implementations or more.

The loop that they live in, with everything in parallel:

    fragment = runner.sample()                       # rollouts
    fragment.rewards = predictor.rewards(...)        # RewardPredictor: Serve client, in-process twin
    learner.update(fragment)                         # agent

    store.offer(segments)                            # segments, over a TableStore
    n = schedule.wanted(...)                         # LabelSchedule: annealed, constant
    queries = selector.select(n, ...)                # QuerySelector: random, disagreement, recorded
    answers = teacher.answer(query, segments)        # Teacher: oracle, recorded
    trainer.train(); version = trainer.publish()     # reward

Shapes: S segments, K steps a segment, B rows, M members of the ensemble.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Protocol

import pyarrow as pa

from rlhp_ray.types import Answer, Array, MemberReturns, PredictedRewards, Query, Segments


class RewardPredictor(Protocol):
    """Predicted rewards by the newest ensemble that the caller is known to accept.

    Versions never go back for one caller: each call asks for at least the version of the last.
    """

    def rewards(self, observations: Array, actions: Array) -> PredictedRewards:
        """Rewards of B steps: observations [B, *observation_shape], actions [B, *action_shape] that it saw."""
        ...

    def member_returns(self, observations: Array, actions: Array) -> MemberReturns:
        """Predicted returns [M, S] of segments: observations [S, K, ...], actions [S, K, ...]."""
        ...


class TableStore(Protocol):
    """Where the pool's Arrow tables lie: this process, or Ray's object store."""

    def put(self, table: pa.Table) -> Hashable:
        """Keep the table; the key fetches it."""
        ...

    def get(self, key: Hashable) -> pa.Table:
        """The table of this key."""
        ...

    def drop(self, key: Hashable) -> None:
        """Free the table."""
        ...


class LabelSchedule(Protocol):
    """How many labels should have been asked for by now, under a budget."""

    def wanted(self, *, env_steps: int, labels: int) -> int:
        """Labels, the open queries' included, that should have been asked after so many env steps and answers."""
        ...


class QuerySelector(Protocol):
    """Which pairs of segments to ask about."""

    name: str
    exhausted: bool  # it will never find another pair, such as a record that has come to its end

    def select(self, count: int, *, env_steps: int) -> list[Query]:
        """At most `count` new queries; fewer if there is too little to ask about."""
        ...


class Teacher(Protocol):
    """Somebody who compares two clips."""

    name: str

    def answer(self, query: Query, pair: Segments) -> Answer | None:
        """Compare the pair (S = 2: the query's first, then its second); None where there is no answer to give."""
        ...
