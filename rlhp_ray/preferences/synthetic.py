"""The oracle, and the ways in which it errs: teachers who judge by the true reward over the clip.

It stands between the desk, which hands it a query with its clips, and the collector (Christiano et al. 2017, section
3.1; B-Pref, Lee et al. 2021, arXiv 2111.03026, section 4.1: mistakes, Boltzmann rationality, myopia, skipping, equal).
All ways are off by default and can be mixed. They are taken in B-Pref's order: what it can't tell, what is equal, which
one it prefers, and whether it confuses the two.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from rlhp_ray.config.teacher import OneTeacherPart
from rlhp_ray.preferences.answering import program_answer
from rlhp_ray.preferences.draw import stable_uniform
from rlhp_ray.types import Answer, Choice, Query, Segments

WINDOW_QUERIES = 100  # that a share is reckoned over, so that it holds while the policy gets better


class SyntheticTeacher:
    """Prefers the clip with the higher true return, but for its errors. Every draw is fixed by seed, name and query."""

    def __init__(self, part: OneTeacherPart, *, seed: int, clock: Callable[[], float] = time.time) -> None:
        self.name = part.signature
        self._part = part
        self._seed = seed
        self._clock = clock
        told = 1.0 - part.cant_tell_share  # share of the queries that are left to be equal or not
        self._worst = LowestShare(part.cant_tell_share)
        self._closest = LowestShare(part.equal_share / told)
        self.remembers = part.cant_tell_share > 0 or part.equal_share > 0

    def answer(self, query: Query, pair: Segments) -> Answer | None:
        """Compare the true returns over the clips; returns that aren't numbers can't be told apart."""
        choice = self._choose(query, pair.true_rewards.astype(np.float64))
        return program_answer(self.name, query, choice, self._clock(), seconds=0.0)

    def _choose(self, query: Query, rewards: npt.NDArray[np.float64]) -> Choice:
        """By the true rewards [2, K] of the left and the right clip."""
        part = self._part
        left, right = rewards.sum(axis=1).tolist()
        if math.isnan(left) or math.isnan(right):
            return Choice.CANT_TELL
        better = max(left, right)
        if part.cant_tell_below is not None and better < part.cant_tell_below:
            return Choice.CANT_TELL
        if self._worst.has(query.query_id, better, self._draw("worst", query)):
            return Choice.CANT_TELL
        difference = abs(left - right)
        if self._closest.has(query.query_id, difference, self._draw("closest", query)):
            return Choice.EQUAL
        if difference <= part.tie_tolerance:
            return Choice.EQUAL
        steps = rewards.shape[1]
        weights = part.discount ** np.arange(steps - 1, -1, -1)
        weighted_left, weighted_right = (rewards @ weights).tolist()
        prefers_left = self._prefers_left(query, weighted_left - weighted_right)
        if self._draw("mistake", query) < part.mistake_probability:
            prefers_left = not prefers_left
        return Choice.LEFT if prefers_left else Choice.RIGHT

    def _prefers_left(self, query: Query, difference: float) -> bool:
        """Boltzmann-rational in the difference; the same clip is preferred whichever side it stands on."""
        if self._part.rationality is None:
            return difference > 0
        probability = 0.5 * (1.0 + math.tanh(0.5 * self._part.rationality * difference))
        draw = self._draw("noise", query)
        return draw < probability if query.first < query.second else draw >= 1.0 - probability

    def _draw(self, role: str, query: Query) -> float:
        return stable_uniform(self._seed, f"{self.name}/{role}", query.query_id)


class LowestShare:
    """Which values belong to the lowest share of the newest ones, each counted itself.

    A value's rank among the newest WINDOW_QUERIES is uniform where these come in any order, so the share holds from the
    first value on, whatever the values' scale. A value that is asked about again has the place it had.
    """

    def __init__(self, share: float) -> None:
        self._share = share
        self._values: list[float] = []
        self._places: dict[str, int] = {}

    def has(self, name: str, value: float, draw: float) -> bool:
        """Whether the value belongs to them; `draw`, uniform in [0, 1), decides among equal values."""
        if self._share == 0.0:
            return False
        place = self._places.setdefault(name, len(self._values))
        if place == len(self._values):
            self._values.append(value)
        window = np.array(self._values[max(0, place + 1 - WINDOW_QUERIES) : place + 1])
        rank = (np.sum(window < value) + draw * np.sum(window == value)) / len(window)
        return bool(rank < self._share)
