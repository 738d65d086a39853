"""Segments of behaviour: cut from rollouts, held as candidates, made durable once a query names them."""

from rlhp_ray.segments.arrow import from_table, to_table
from rlhp_ray.segments.cutter import RolloutSteps, SegmentCutter
from rlhp_ray.segments.pool import SegmentPool
from rlhp_ray.segments.shards import SegmentShards
from rlhp_ray.segments.store import SegmentStats, SegmentStore
from rlhp_ray.segments.tables import LocalTables

__all__ = [
    "LocalTables",
    "RolloutSteps",
    "SegmentCutter",
    "SegmentPool",
    "SegmentShards",
    "SegmentStats",
    "SegmentStore",
    "from_table",
    "to_table",
]
