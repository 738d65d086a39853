"""The architecture on one page: the few protocols that have two implementations or more.

The loop that they live in, with everything in parallel:

    environments.step(actions)                       # Environments: one by one, Atari's together
    fragment = runner.sample()                       # rollouts
    fragment.rewards = predictor.rewards(...)        # RewardPredictor: Serve client, in-process twin
    learner.update(fragment)                         # agent

    store.offer(segments)                            # segments, over a TableStore
    n = schedule.wanted(...)                         # LabelSchedule: annealed, constant
    queries = selector.select(n, ...)                # QuerySelector: random, by the ensemble, recorded
    answers = teacher.answer(query, segments)        # Teacher: oracle, recorded, the user's own
    trainer.train(); version = trainer.publish()     # reward

Shapes: N environments, S segments, Q sequences of K steps, F frames an observation, M members of the ensemble.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Protocol

import pyarrow as pa

from rlhp_ray.types import (
    Answer,
    Array,
    BoolArray,
    FloatArray,
    IntArray,
    MemberReturns,
    PredictedRewards,
    Query,
    Segments,
)


class Environments(Protocol):
    """N environments of one task, made by `task.environments(count, rng)`. A step writes all arrays anew.

    An episode that ends begins again in the same step, or in a step of its own that only resets (episode_id -1).
    """

    observations: Array  # [N, *observation_shape], what the policy sees next
    states: Array  # [N, *state_shape], of the step to be taken next: what a clip of it is drawn from
    episode_ids: IntArray  # [N], of the step to be taken next; -1: it only resets the environment
    episode_steps: IntArray  # [N], the place in its episode of the step to be taken next, from 0
    rewards: FloatArray  # [N], of the step just taken, the true ones that oracles judge by
    terminated: BoolArray  # [N], what the learner is told
    truncated: BoolArray  # [N], what the learner is told; never where terminated
    ended: BoolArray  # [N], the episode truly ended, told or not: for metrics, evaluation and the cutting of segments
    final_observations: Array  # [N, *observation_shape], the ended episode's last one; valid where truncated

    @property
    def frames(self) -> Array:
        """The newest frame of each observation [N, *frame_shape]."""
        ...

    @property
    def scores(self) -> FloatArray:
        """What metrics and evaluation sum up [N]: the rewards, without what was added for the oracle."""
        ...

    def __len__(self) -> int:
        """N."""
        ...

    def step(self, actions: Array) -> None:
        """Take one step in each: actions [N, *action_shape] as the environments take them."""
        ...

    def close(self) -> None:
        """Free what they hold."""
        ...


class RewardPredictor(Protocol):
    """Predicted rewards by the newest ensemble that the caller is known to accept.

    Versions never go back for one caller: each call asks for at least the version of the last.
    """

    def connect(self) -> None:
        """Make the first request as quick as the others; nothing where the predictor can't be reached now."""
        ...

    def rewards(self, observations: Array, actions: Array) -> PredictedRewards:
        """Rewards [Q, K]: observations [Q, K + F - 1, *frame_shape], actions [Q, K, *action_shape] that it saw."""
        ...

    def member_returns(self, observations: Array, actions: Array) -> MemberReturns:
        """Predicted returns [M, Q] of the same input."""
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

    name: str  # that it signs with

    @property
    def remembers(self) -> bool:
        """Whether an answer depends on what it was shown before: it is shown that again after a restart."""
        ...

    def answer(self, query: Query, pair: Segments) -> Answer | None:
        """Compare the pair (S = 2: the query's first, then its second); None where there is no answer to give."""
        ...
