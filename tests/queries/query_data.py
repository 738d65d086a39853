"""A small run with candidates for the tests of this room."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from rlhp_ray.config.schema import SegmentsPart
from rlhp_ray.preferences import Collector
from rlhp_ray.segments import LocalTables, SegmentStore
from rlhp_ray.storage import RunFolder
from rlhp_ray.types import Answer, Array, Choice, MemberReturns, PredictedRewards, Query, Segments

STEPS = 4


def make_segments(count: int, *, one_episode: bool = False) -> Segments:
    """Segments whose observations [.., 0] are their row, each in an episode of its own or all in one."""
    rng = np.random.default_rng(count)
    observations = rng.normal(size=(count, STEPS, 2)).astype(np.float32)
    observations[:, :, 0] = np.arange(count)[:, None]
    rows = np.arange(count, dtype=np.int64)
    return Segments(
        segment_ids=np.full(count, -1, np.int64),
        observations=observations,
        actions=rng.normal(size=(count, STEPS, 1)).astype(np.float32),
        true_rewards=rng.normal(size=(count, STEPS)).astype(np.float32),
        render_states=np.zeros((count, STEPS, 0)),
        episode_ids=np.zeros_like(rows) if one_episode else rows,
        first_steps=rows,
        env_steps=np.zeros_like(rows),
        policy_versions=np.zeros_like(rows),
    )


class Run:
    """A run folder with candidates (ids from 0) and a collector."""

    def __init__(self, path: Path, candidates: int, *, seed: int = 0, pool_segments: int = 1000) -> None:
        self.folder = RunFolder(str(path))
        self.part = SegmentsPart(pool_segments=pool_segments)
        self.store = SegmentStore(self.folder, self.part, seed, LocalTables())
        self.offer(candidates)
        self.collector = self.new_collector()

    def offer(self, candidates: int) -> None:
        if candidates:
            self.store.offer(make_segments(candidates))

    def new_collector(self) -> Collector:
        return Collector(self.folder, lease_seconds=60.0, seed=0)

    def answer_open(self, choice: Choice = Choice.LEFT, count: int = 1000) -> None:
        """Answer all that is open."""
        self.collector.answer_all(
            [
                Answer(f"a:{q.query_id}", q.query_id, q.first, q.second, choice, "ann", 0.0, 0.0)
                for q in self.collector.lease("ann", count)
            ]
        )


class RowPredictor:
    """Predicts by the row that `make_segments` wrote into the observations: returns [M, rows]."""

    def __init__(self, returns: Array, version: int = 1) -> None:
        self.returns = returns.astype(np.float32)
        self.version = version

    def connect(self) -> None:
        pass

    def rewards(self, observations: Array, actions: Array) -> PredictedRewards:
        raise AssertionError("queries are chosen by returns")

    def member_returns(self, observations: Array, actions: Array) -> MemberReturns:
        rows = observations[:, 0, 0].astype(np.int64)
        return MemberReturns(self.returns[:, rows], self.version)


def make_query(first: int, second: int) -> Query:
    return Query(first=first, second=second, created_at=0.0, method="random", reward_version=0, env_steps=0)
