"""The segment store: candidates in a bounded pool, and durable shards of every segment that a query names.

Between the rollouts, which offer, and the queries, teachers and reward trainer, which sample, keep and fetch.
"""

from __future__ import annotations

import dataclasses
import uuid

import numpy as np

from rlhp_ray.config.schema import SegmentsPart
from rlhp_ray.errors import RlhpRayError
from rlhp_ray.interfaces import TableStore
from rlhp_ray.segments.arrow import gather
from rlhp_ray.segments.pool import SegmentPool
from rlhp_ray.segments.shards import SegmentShards
from rlhp_ray.storage import RunFolder
from rlhp_ray.types import IntArray, Segments


@dataclasses.dataclass(frozen=True, slots=True)
class SegmentStats:
    """What the store holds and what went through it since it started."""

    candidates: int  # in the pool
    bytes: int  # of the pool's tables
    offered: int  # segments, since the start
    dropped: int  # of the offered ones, the oldest, under pressure; kept ones are durable nevertheless
    kept: int  # durable segments of the run


OPENINGS = "segments/openings"  # a file for each start of a store
IDS_PER_OPENING = 10**10


class SegmentStore:
    """Gives every segment its id: ids only grow, and each start of a store has a range of its own.

    So a store that was thought dead, and writes late, names no other segment's.
    """

    def __init__(self, folder: RunFolder, part: SegmentsPart, seed: int, tables: TableStore) -> None:
        self._rng = np.random.default_rng([seed, *b"segments"])
        self._pool = SegmentPool(part.pool_segments, part.pool_bytes, tables)
        self._shards = SegmentShards(folder)
        self._next_id = max(self._shards.newest_id + 1, _open(folder) * IDS_PER_OPENING)
        self._offered = 0

    def __repr__(self) -> str:
        return f"SegmentStore({self._pool.segments} candidates, {len(self._shards)} durable segments)"

    def offer(self, segments: Segments) -> int:
        """Take in candidates and say how many; ConfigError if the pool has no room for two."""
        self._pool.add(self._with_new_ids(segments))
        self._offered += len(segments)
        return len(segments)

    def sample(self, count: int, *, recency: float) -> Segments:
        """Different candidates in random order, without render states; at most what there is (K = 0: there are none).

        A share `recency` comes from the newest fifth. A candidate may be dropped until it is kept.
        """
        return self._pool.sample(count, recency=recency, rng=self._rng)

    def newest(self, count: int) -> Segments:
        """The newest candidates, oldest first, without render states; at most what there is (K = 0: there are none)."""
        return self._pool.newest(count)

    def keep(self, segment_ids: list[int]) -> None:
        """Make candidates durable before it returns: all, or none and RlhpRayError if one was dropped."""
        found = []
        for segment_id in dict.fromkeys(segment_ids):
            if segment_id in self._shards:
                continue
            candidate = self._pool.find(segment_id)
            if candidate is None:
                raise RlhpRayError(
                    f"Segment {segment_id} is no longer a candidate; sample again, and raise segments.pool_segments or "
                    "segments.pool_bytes if this happens often."
                )
            found.append(candidate)
        self._shards.write(gather(found))

    def add_kept(self, segments: Segments) -> IntArray:
        """Make recorded segments durable at once; their new ids [S]. They are no candidates."""
        named = self._with_new_ids(segments)
        self._shards.write(named)
        return named.segment_ids

    def fetch(self, segment_ids: list[int], *, states: bool = True) -> Segments:
        """Segments in this order, from the pool or the shards; RlhpRayError for one that is in neither."""
        found = {segment_id: self._pool.find(segment_id) for segment_id in segment_ids}
        durable = [segment_id for segment_id, candidate in found.items() if candidate is None]
        for segment_id in durable:
            if segment_id not in self._shards:
                raise RlhpRayError(
                    f"Segment {segment_id} is neither a candidate nor durable; if files were removed from the run's "
                    "segments/ folder, put them back from a copy."
                )
        read = self._shards.fetch(durable)
        rows = {segment_id: (read, row) for row, segment_id in enumerate(durable)}
        return gather([found[segment_id] or rows[segment_id] for segment_id in segment_ids], states=states)

    def stats(self) -> SegmentStats:
        """Counts for the metrics."""
        return SegmentStats(self._pool.segments, self._pool.bytes, self._offered, self._pool.dropped, len(self._shards))

    def _with_new_ids(self, segments: Segments) -> Segments:
        ids = np.arange(self._next_id, self._next_id + len(segments), dtype=np.int64)
        self._next_id += len(segments)
        return dataclasses.replace(segments, segment_ids=ids)


def _open(folder: RunFolder) -> int:
    """How many stores were started on this folder before, whichever died."""
    number = max((int(name) for name in folder.list(OPENINGS)), default=-1) + 1
    while True:
        try:
            folder.write_new(f"{OPENINGS}/{number:06d}", uuid.uuid4().hex.encode())
            return number
        except FileExistsError:
            number += 1
