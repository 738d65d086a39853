"""Rewards in the replay buffer follow the predictor: all of them are predicted anew at each new version.

Lee et al. 2021 (PEBBLE), section 4.2. In the background, a block at a time, so that the learner goes on meanwhile; what
is sampled in between has rewards of two versions, as the paper's asynchronous agent has too.
"""

from __future__ import annotations

import threading
import time

from rlhp_ray.agent.replay import ReplayBuffer
from rlhp_ray.interfaces import RewardPredictor

BLOCK_STEPS = 16_384
REST_SHARE = 3.0  # after a pass it rests so many times as long as the pass took: a quarter of the time at most


class Relabeler:
    """Keeps a buffer's rewards those of the newest version that it was told of."""

    def __init__(self, buffer: ReplayBuffer, predictor: RewardPredictor) -> None:
        self._buffer, self._predictor = buffer, predictor
        self._wanted = 0
        self.version = 0  # of the newest whole pass
        self.seconds = 0.0  # that it took
        self._error: Exception | None = None
        self._changed = threading.Condition()
        self._ended = False
        self._thread: threading.Thread | None = None

    def pass_once(self) -> int:
        """Relabel everything now; returns the version."""
        begun, versions = time.perf_counter(), list[int]()
        for block in self._buffer.blocks(BLOCK_STEPS):
            if self._ended:
                break
            predicted = self._predictor.rewards(block.observations, block.actions)
            self._buffer.relabel(block, predicted.rewards)
            versions.append(predicted.version)
        self.version = min(versions, default=self.version)
        self.seconds = time.perf_counter() - begun
        return self.version

    def want(self, version: int) -> None:
        """There is this version; the background thread makes the rewards its. Raises what went wrong there."""
        if self._error is not None:
            raise self._error
        with self._changed:
            self._wanted = max(self._wanted, version)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="relabeler", daemon=True)
                self._thread.start()
            self._changed.notify()

    def stop(self) -> None:
        """Relabel no more."""
        with self._changed:
            self._ended = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._ended or self._wanted > self.version)
                if self._ended:
                    return
            try:
                self.pass_once()
            except Exception as error:  # whatever it is, the agent's thread raises it
                self._error = error
                return
            with self._changed:
                self._changed.wait_for(lambda: self._ended, timeout=REST_SHARE * self.seconds)
