"""What a run holds on its cluster: actors, their restarts, memory, segments, the object store."""

from __future__ import annotations

import os
import time
from typing import Any

import ray
from ray._private.state import actors  # the public list needs the dashboard, which a small run doesn't start
from ray.actor import ActorHandle
from ray.exceptions import RayError

from rlhp_ray.experiment.processes import processes
from rlhp_ray.segments import SegmentStats
from rlhp_ray.telemetry import Process, memory_bytes

MEMORY_SECONDS = 30.0  # between two looks at it: the kernel walks through all pages, some milliseconds a process
STORE_SECONDS = 0.5  # a store that takes longer, such as one that restarts, is left out of a line

Values = dict[str, float | None]


class ClusterFigures:
    """Reads the `cluster/` and `segments/` metrics of one run."""

    def __init__(self, key: str, store: ActorHandle[Any] | None, *, epoch: int) -> None:
        """`key`: what the names of the run's actors hold; `store`: the segment store, where the run has one."""
        self._key = key
        self._store = store
        self._epoch = epoch
        self._memory: float | None = None
        self._memory_due = 0.0  # by time.monotonic()

    def read(self) -> Values:
        """The figures now."""
        return {**self._processes(), **_object_store(), **self._segments()}

    def processes(self) -> list[Process]:
        """The run's processes now."""
        return processes(self._key, epoch=self._epoch)

    def _processes(self) -> Values:
        context = ray.get_runtime_context()
        job, here = context.get_job_id(), context.get_node_id()
        alive = actors(actor_state_name="ALIVE").values()  # a cluster remembers its dead ones, many thousands of them
        # Serve's controller and proxy are the cluster's, whichever run was the first.
        ours = [
            actor
            for actor in alive
            if self._key in actor["Name"] or (actor["JobID"] == job and not actor["Name"].startswith("SERVE_"))
        ]
        if time.monotonic() >= self._memory_due:
            self._memory = memory_bytes([os.getpid(), *(a["Pid"] for a in ours if a["Address"]["NodeID"] == here)])
            self._memory_due = time.monotonic() + MEMORY_SECONDS
        return {
            "cluster/actors": len(ours),
            "cluster/restarts": sum(actor["NumRestarts"] for actor in ours),
            "cluster/memory_bytes": self._memory,
        }

    def _segments(self) -> Values:
        if self._store is None:
            return {}
        try:
            ref: ray.ObjectRef[SegmentStats] = self._store.stats.remote()
            stats = ray.get(ref, timeout=STORE_SECONDS)
        except (RayError, TimeoutError):
            return {}
        return {
            "segments/candidates": stats.candidates,
            "segments/pool_bytes": stats.bytes,
            "segments/offered": stats.offered,
            "segments/dropped": stats.dropped,
            "segments/kept": stats.kept,
        }


def _object_store() -> Values:
    total: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]  # Ray's are half typed
    free: dict[str, float] = ray.available_resources()  # type: ignore[no-untyped-call]
    capacity = total.get("object_store_memory", 0.0)
    used = capacity - free.get("object_store_memory", 0.0)
    return {
        "cluster/object_store_bytes": used,
        "cluster/object_store_share": used / capacity if capacity else None,
    }
