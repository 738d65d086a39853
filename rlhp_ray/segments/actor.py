"""The segment store as a named Ray actor, with its tables in Ray's object store.

It restarts from the run folder alone: the candidates are lost, the durable segments are all there.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import pyarrow as pa
import ray

from rlhp_ray.actors import RESTARTING, Watched
from rlhp_ray.config.schema import SegmentsPart
from rlhp_ray.segments.store import SegmentStats, SegmentStore
from rlhp_ray.storage import RunFolder
from rlhp_ray.types import IntArray, Segments

POOL_SHARE = 0.5  # of the object store: the rest is fragments' and weights'


class ObjectStoreTables:
    """A TableStore in Ray's object store. Objects die with the actor that put them, so it is the store's own."""

    def __init__(self) -> None:
        self._refs: dict[int, ray.ObjectRef[pa.Table]] = {}
        self._put = 0

    def put(self, table: pa.Table) -> Hashable:
        """Keep the table; the key fetches it."""
        self._put += 1
        self._refs[self._put] = ray.put(table)
        return self._put

    def get(self, key: Hashable) -> pa.Table:
        """The table of this key, a view of the object store's memory; KeyError once it is dropped."""
        return ray.get(self._refs[key])  # type: ignore[index]  # a foreign key is the KeyError that is promised

    def drop(self, key: Hashable) -> None:
        """Free the table, once no view of it is held."""
        del self._refs[key]  # type: ignore[arg-type]  # as above


# Calls may be repeated after a restart: the candidates offered before it are gone, and `keep` writes nothing twice.
@ray.remote(**RESTARTING)
class SegmentStoreActor(Watched):
    """Holds the segments that may be asked about. Ray shell around SegmentStore: the same methods."""

    def __init__(self, folder: RunFolder, part: SegmentsPart, seed: int) -> None:
        self._pool_bytes = min(part.pool_bytes, int(POOL_SHARE * _object_store_bytes()))
        part = part.model_copy(update={"pool_bytes": self._pool_bytes})
        self._store = SegmentStore(folder, part, seed, ObjectStoreTables())

    def __repr__(self) -> str:
        return repr(self._store)

    def pool_bytes(self) -> int:
        """What the pool may hold: as configured, or what fits into this node's object store."""
        return self._pool_bytes

    def offer(self, segments: Segments) -> int:
        return self._store.offer(segments)

    def sample(self, count: int, *, recency: float) -> Segments:
        return self._store.sample(count, recency=recency)

    def newest(self, count: int) -> Segments:
        return self._store.newest(count)

    def keep(self, segment_ids: list[int]) -> None:
        self._store.keep(segment_ids)

    def add_kept(self, segments: Segments) -> IntArray:
        return self._store.add_kept(segments)

    def fetch(self, segment_ids: list[int], *, states: bool = True) -> Segments:
        return self._store.fetch(segment_ids, states=states)

    def stats(self) -> SegmentStats:
        return self._store.stats()


def _object_store_bytes() -> float:
    """Of the node that this process is on."""
    here = ray.get_runtime_context().get_node_id()
    nodes: list[dict[str, Any]] = ray.nodes()  # type: ignore[no-untyped-call]  # Ray's are half typed
    return next(float(node["Resources"]["object_store_memory"]) for node in nodes if node["NodeID"] == here)
