"""The one bridge from plain objects to Ray's actors.

A plain object takes its collaborators as plain objects; where one of them lives in an actor, it is given a proxy.
"""

from __future__ import annotations

import contextlib
import ctypes
import sys
import time
from typing import Any, TypeVar, cast

import ray
from ray.actor import ActorHandle
from ray.exceptions import RayActorError, RayError, RayTaskError
from ray.util import list_named_actors

from rlhp_ray.errors import ClusterError, RlhpRayError
from rlhp_ray.storage.waiting import waits_for

NAMESPACE = "rlhp_ray"
KNOCK_SECONDS = 5.0  # between two looks whether an answer's connection is still there
KEPT_BYTES = 2**30  # of freed memory
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # glibc's malloc.h
T = TypeVar("T")

# Of every actor: it restarts from the run folder, calls are repeated, and a thread of its own tells that it lives.
RESTARTING: dict[str, Any] = {
    "num_cpus": 0,
    "max_restarts": -1,
    "max_task_retries": -1,
    "concurrency_groups": {"pulse": 1},
}


class Watched:
    """Base of every actor: it answers `pulse` in a thread of its own, also while it works or waits."""

    @ray.method(concurrency_group="pulse")
    def pulse(self) -> tuple[str, float]:
        """That the process lives: what it waits for in a sentence, empty where for nothing; its clock, unix seconds."""
        return waits_for(), time.time()


def keep_freed_memory() -> None:
    """Have this process keep what it frees, up to a gigabyte, for what it allocates next. Nothing without glibc.

    By itself glibc gives tens of megabytes back at once, so that each pass through a convolution has the kernel clear
    the same pages again: up to half of the time of a reward network on images.
    """
    if sys.platform == "linux" and (mallopt := getattr(ctypes.CDLL(None), "mallopt", None)):
        mallopt(M_MMAP_THRESHOLD, KEPT_BYTES)
        mallopt(M_TRIM_THRESHOLD, KEPT_BYTES)


def result(ref: ray.ObjectRef[T]) -> T:
    """Wait for a call's result. An error that this package raised there is raised here as it was, in one sentence.

    ClusterError where the actor is gone for good.
    """
    try:
        return ray.get(ref)
    except RayTaskError as error:
        if isinstance(error.cause, RlhpRayError):
            raise error.cause from None
        raise
    except RayActorError as error:
        raise ClusterError(
            f"A process of the run is gone and Ray can't start it again ({_cause(error)}); look for the cause in Ray's "
            "logs, and go on with `rlhp-ray resume`."
        ) from error


def result_of(actor: ActorHandle[Any], ref: ray.ObjectRef[T]) -> T:
    """Likewise, of a call to a `Watched` actor that may be on another node.

    Where the network was away, the answer may be lost with its connection. Ray then repeats the call, once it notices:
    as soon as something else is sent there, and by itself after five to seven minutes (its gRPC clients' keepalive).
    The same with Ray's GCS, which tells where an actor is that was started again: who misses that calls the dead one.
    """
    while not ray.wait([ref], timeout=KNOCK_SECONDS)[0]:
        actor.pulse.remote()
        with contextlib.suppress(RayError):  # it is away just now
            list_named_actors()  # whatever goes by that connection
    return result(ref)


def _cause(error: RayActorError) -> str:
    """The last line of what Ray says: of an error in the actor's constructor, the error itself."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__


class _Proxy:
    """Calls an actor's methods and waits for each result."""

    def __init__(self, handle: ActorHandle[Any]) -> None:
        self._handle = handle

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._handle, name)

        def call(*args: Any, **kwargs: Any) -> Any:
            return result_of(self._handle, method.remote(*args, **kwargs))

        return call


def proxy(handle: ActorHandle[Any], kind: type[T]) -> T:
    """The actor as the plain object that it is a shell of: `proxy(handle, SegmentStore)`."""
    return cast(T, _Proxy(handle))
