"""Who asks for predicted rewards: the client of the Serve application, and its twin in this process.

Both remember the highest version that they saw and accept no older one, so versions never go back for a caller.
"""

from __future__ import annotations

import abc
import contextlib
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
from ray import serve
from ray.exceptions import RayError, RayTaskError
from ray.serve.exceptions import RayServeException
from ray.serve.handle import DeploymentHandle

from rlhp_ray.config.schema import ServingPart
from rlhp_ray.errors import PredictorUnavailableError
from rlhp_ray.serving.replica import Predictor, Reply
from rlhp_ray.types import Array, MemberReturns, PredictedRewards

SPLIT_BYTES = 1_000_000  # of a request's observations: less isn't worth a second one
SEQUENCE_AXIS = {"rewards": 0, "member_returns": 1}
FIRST_BACKOFF_SECONDS, MAX_BACKOFF_SECONDS = 0.05, 2.0


class _Client(abc.ABC):
    """What both clients share: the RewardPredictor protocol over one way of asking."""

    def __init__(self) -> None:
        self.wait_seconds = 0.0  # spent waiting for predictions so far
        self._seen_version = 0

    def rewards(self, observations: Array, actions: Array) -> PredictedRewards:
        """Rewards [Q, K] of sequences, as RewardPredictor says. PredictorUnavailableError."""
        reply = self._timed("rewards", observations, actions)
        return PredictedRewards(reply.values, reply.version)

    def member_returns(self, observations: Array, actions: Array) -> MemberReturns:
        """Returns [M, Q] of sequences. PredictorUnavailableError."""
        reply = self._timed("member_returns", observations, actions)
        return MemberReturns(reply.values, reply.version)

    def _timed(self, method: str, observations: Array, actions: Array) -> Any:
        begun_at = time.perf_counter()
        try:
            reply = self._ask(method, observations, actions)
        finally:
            self.wait_seconds += time.perf_counter() - begun_at
        self._seen_version = reply.version
        return reply

    def _refused(self, reply: Reply) -> str:
        if reply.trouble:
            return reply.trouble
        if not reply.version:
            return "no version of it was published yet; it needs the first labels and their training"
        return f"it holds version {reply.version}, and version {self._seen_version} was seen before"

    @abc.abstractmethod
    def _ask(self, method: str, observations: Array, actions: Array) -> Reply:
        """A reply with values, of `_seen_version` or newer."""


class ServedPredictor(_Client):
    """Client of the Serve application; RewardPredictor. Picklable: it connects at its first request."""

    def __init__(self, app_name: str, part: ServingPart) -> None:
        super().__init__()
        self._app_name = app_name
        self._part = part
        self._replicas = part.max_replicas or part.least_replicas
        self._handle: DeploymentHandle[Any] | None = None

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_handle": None}  # a handle belongs to its process

    def connect(self) -> None:
        """Find the application and a way to its replicas, which takes a process its first second."""
        with contextlib.suppress(RayError, RayServeException, TimeoutError):
            handle = serve.get_app_handle(self._app_name)
            handle.check_health.remote().result(timeout_s=self._part.timeout_seconds)
            self._handle = handle

    def _ask(self, method: str, observations: Array, actions: Array) -> Reply:
        arrays = [_for_the_wire(observations), _for_the_wire(actions)]
        trouble = ""
        for attempt in range(self._part.retries + 1):
            if attempt:
                time.sleep(min(MAX_BACKOFF_SECONDS, FIRST_BACKOFF_SECONDS * 2 ** (attempt - 1)))
            try:
                reply = self._request(method, arrays)
            except RayTaskError:
                raise  # the request itself is wrong, such as arrays that don't fit
            except TimeoutError:
                trouble = f"no answer within serving.timeout_seconds={self._part.timeout_seconds}"
            except RayServeException as error:
                trouble = str(error)
                self._handle = None  # the application may be another one by now
            except RayError as error:  # the replica died under the request
                trouble = str(error).splitlines()[0]
            else:
                if reply.values is not None:
                    return reply
                trouble = self._refused(reply)
        raise PredictorUnavailableError(
            f"The reward predictor {self._app_name} gave no answer in {self._part.retries + 1} tries: {trouble}."
        )

    def _request(self, method: str, arrays: list[Array]) -> Reply:
        """One reply; a large request goes to all replicas in equal parts, and comes back of one version."""
        count = min(len(arrays[0]), self._replicas) if arrays[0].nbytes >= SPLIT_BYTES else 1
        parts = list(zip(*(np.array_split(array, count) for array in arrays), strict=True))
        replies = self._replies(method, parts, self._seen_version)
        newest = max(reply.version for reply in replies)
        while older := [i for i, reply in enumerate(replies) if reply.values is not None and reply.version < newest]:
            again = self._replies(method, [parts[i] for i in older], newest)
            for i, reply in zip(older, again, strict=True):
                replies[i] = reply
            newest = max(newest, *(reply.version for reply in again))
        values = [reply.values for reply in replies if reply.values is not None]
        if len(values) < len(replies):
            return next(reply for reply in replies if reply.values is None)
        return Reply(np.concatenate(values, axis=SEQUENCE_AXIS[method]) if count > 1 else values[0], newest, "")

    def _replies(self, method: str, parts: Sequence[tuple[Array, ...]], least_version: int) -> list[Reply]:
        """What replicas answer, all asked at once."""
        if self._handle is None:
            self._handle = serve.get_app_handle(self._app_name)
        responses = [getattr(self._handle, method).remote(*part, least_version) for part in parts]
        try:
            return [Reply(*response.result(timeout_s=self._part.timeout_seconds)) for response in responses]
        except TimeoutError:
            for response in responses:
                response.cancel()
            raise


class LocalPredictor(_Client):
    """The twin in this process, over a replica of its own; RewardPredictor."""

    def __init__(self, folder_address: str) -> None:
        super().__init__()
        self._replica = Predictor(folder_address, threads=1)

    def connect(self) -> None:
        """It is here."""

    def swap(self, payload: bytes) -> int:
        """What a broadcast does to a replica."""
        return self._replica.swap(payload)

    def _ask(self, method: str, observations: Array, actions: Array) -> Reply:
        reply: Reply = getattr(self._replica, method)(observations, actions, self._seen_version)
        if reply.values is None:
            raise PredictorUnavailableError(f"The reward predictor gave no answer: {self._refused(reply)}.")
        return reply


def _for_the_wire(array: Array) -> Array:
    """Contiguous, and at most 32 bits a number: the predictor computes in float32."""
    return np.ascontiguousarray(array, dtype=np.float32 if array.dtype == np.float64 else None)
