"""What a run did lately: the newest episodes, and the pace of a counter."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Iterable

import numpy as np

from rlhp_ray.rollouts.fragment import Episode

MEAN_EPISODES = 20  # the returns shown are means over so many of the newest
CORRELATED_EPISODES = 100


class RecentEpisodes:
    """The newest episodes' figures; None before there is enough to tell."""

    def __init__(self) -> None:
        self._episodes: deque[Episode] = deque(maxlen=CORRELATED_EPISODES)

    def add(self, episodes: Iterable[Episode]) -> None:
        """Episodes that ended."""
        self._episodes.extend(episodes)

    def mean(self, field: str) -> float | None:
        """The mean of `true_return`, `predicted_return` or `steps` over the newest 20."""
        newest = itertools.islice(reversed(self._episodes), MEAN_EPISODES)
        values = [getattr(episode, field) for episode in newest]
        return float(np.mean(values)) if values else None

    def correlation(self) -> float | None:
        """Of the predicted and the true return over the newest 100 (Pearson's); None where one of them never varies."""
        true = np.array([episode.true_return for episode in self._episodes])
        predicted = np.array([episode.predicted_return for episode in self._episodes])
        if len(true) < 3 or not true.std() or not predicted.std():
            return None
        return float(np.corrcoef(true, predicted)[0, 1])


class Pace:
    """How fast a counter grows, over about so many of the last seconds."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._points: deque[tuple[float, int]] = deque()

    def add(self, now: float, count: int) -> float | None:
        """Note the counter at this time (seconds) and tell its growth a second; None before it can be known."""
        self._points.append((now, count))
        while len(self._points) > 2 and self._points[1][0] <= now - self._seconds:
            self._points.popleft()
        (begun, first), (end, last) = self._points[0], self._points[-1]
        return (last - first) / (end - begun) if end > begun else None
