"""The one bridge from plain objects to Ray's actors.

A plain object takes its collaborators as plain objects; where one of them lives in an actor, it is given a proxy.
"""

from __future__ import annotations

from typing import Any, TypeVar, cast

import ray
from ray.actor import ActorHandle
from ray.exceptions import RayTaskError

from rlhp_ray.errors import RlhpRayError

NAMESPACE = "rlhp_ray"
T = TypeVar("T")


def result(ref: ray.ObjectRef[T]) -> T:
    """Wait for a call's result. An error that this package raised there is raised here as it was, in one sentence."""
    try:
        return ray.get(ref)
    except RayTaskError as error:
        if isinstance(error.cause, RlhpRayError):
            raise error.cause from None
        raise


class _Proxy:
    """Calls an actor's methods and waits for each result."""

    def __init__(self, handle: ActorHandle[Any]) -> None:
        self._handle = handle

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._handle, name)

        def call(*args: Any, **kwargs: Any) -> Any:
            return result(method.remote(*args, **kwargs))

        return call


def proxy(handle: ActorHandle[Any], kind: type[T]) -> T:
    """The actor as the plain object that it is a shell of: `proxy(handle, SegmentStore)`."""
    return cast(T, _Proxy(handle))
