"""Small queries, answers and segments for the tests of this room."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rlhp_ray.config.schema import SegmentsPart
from rlhp_ray.preferences import Collector
from rlhp_ray.segments import LocalTables, SegmentStore
from rlhp_ray.storage import RunFolder
from rlhp_ray.types import Answer, Choice, Query, Segments


class Clock:
    """A clock that a test sets."""

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def make_query(first: int, second: int) -> Query:
    return Query(first=first, second=second, created_at=1.0, method="random", reward_version=3, env_steps=40)


def make_answer(
    query: Query, choice: Choice = Choice.LEFT, *, answer_id: str | None = None, who: str = "ann"
) -> Answer:
    return Answer(
        answer_id=answer_id or f"a:{query.query_id}",
        query_id=query.query_id,
        left=query.first,
        right=query.second,
        choice=choice,
        teacher=who,
        answered_at=2.0,
        seconds=0.5,
    )


def make_collector(folder: RunFolder, clock: Clock | None = None, **settings: Any) -> Collector:
    settings = {"lease_seconds": 60.0} | settings
    return Collector(folder, seed=5, clock=clock or Clock(), **settings)


def own_module(folder: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """A module `own_for_test` of the user's, in the working directory, which isn't on the path yet."""
    (folder / "own_for_test.py").write_text(text)
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry])
    monkeypatch.delitem(sys.modules, "own_for_test", raising=False)
    importlib.invalidate_caches()


def make_segments(true_returns: list[float], *, steps: int = 4) -> Segments:
    """Segments with these true returns, in episodes of their own, that all look different."""
    count = len(true_returns)
    rng = np.random.default_rng(count)
    return Segments(
        segment_ids=np.full(count, -1, np.int64),
        observations=rng.normal(size=(count, steps, 3)).astype(np.float32),
        actions=rng.normal(size=(count, steps, 2)).astype(np.float32),
        true_rewards=np.repeat(np.array(true_returns, np.float32)[:, None] / steps, steps, axis=1),
        render_states=rng.normal(size=(count, steps, 5)),
        episode_ids=np.arange(count, dtype=np.int64),
        first_steps=np.zeros(count, np.int64),
        env_steps=np.zeros(count, np.int64),
        policy_versions=np.zeros(count, np.int64),
    )


def make_store(folder: RunFolder, segments: Segments) -> SegmentStore:
    """A store whose segments, numbered from 0, are durable."""
    store = SegmentStore(folder, SegmentsPart(), 0, LocalTables())
    store.add_kept(segments)
    return store
