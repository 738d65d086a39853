"""How soon an answer takes effect: until the first fragment is rewarded by a version that was trained on it."""

from __future__ import annotations

import numpy as np


class AnswerLatency:
    """Matches versions with the answers that they are the first to be trained on, and fragments with versions."""

    def __init__(self) -> None:
        self._waiting: list[tuple[int, float]] = []  # (version, answered at in unix seconds)
        self.seconds: list[float] = []

    def published(self, version: int, answered_at: list[float]) -> None:
        """A version was published, the first one trained on the answers given at these times."""
        self._waiting += [(version, at) for at in answered_at]

    def rewarded(self, version: int, at: float) -> None:
        """A fragment was rewarded by this version at this time (unix seconds)."""
        self.seconds += [max(0.0, at - answered) for first, answered in self._waiting if first <= version]
        self._waiting = [pair for pair in self._waiting if pair[0] > version]

    def quantile(self, q: float) -> float | None:
        """Seconds that a share q of the answers needed at most; None before the first."""
        return float(np.quantile(self.seconds, q)) if self.seconds else None
