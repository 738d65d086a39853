"""A user's own query method: a function that chooses pairs of the candidates."""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn

import numpy as np

from rlhp_ray.errors import OwnCodeError
from rlhp_ray.own_code import OwnFunction
from rlhp_ray.types import FloatArray, IntArray, Segments

# (candidates: S segments, member_returns [M, S], count, rng) -> pairs of rows [P, 2], the most wanted first
ChoosePairs = Callable[[Segments, FloatArray, int, np.random.Generator], IntArray]


class OwnMethod:
    """The user's function `select(candidates, member_returns, count, rng)`, whose pairs are looked at before use."""

    def __init__(self, name: str) -> None:
        """OwnCodeError where there is no such function."""
        self._select = OwnFunction(name, "def select(candidates, member_returns, count, rng):")

    def __call__(
        self, candidates: Segments, member_returns: FloatArray, count: int, rng: np.random.Generator
    ) -> IntArray:
        """The first `count` pairs [P, 2] that it chose; OwnCodeError where it fails or returns something else."""
        returned = self._select(candidates, member_returns, count, rng)
        try:
            pairs = np.asarray(returned)
        except ValueError:
            self._reject(f"a ragged {type(returned).__name__}")
        if pairs.ndim != 2 or pairs.shape[1] != 2 or not len(pairs) or pairs.dtype.kind not in "iu":
            self._reject(f"an array of {pairs.dtype} and shape {pairs.shape}")
        if pairs.min() < 0 or pairs.max() >= len(candidates):
            self._reject(f"rows from {pairs.min()} to {pairs.max()}")
        if (pairs[:, 0] == pairs[:, 1]).any():
            self._reject("a pair of a candidate with itself")
        return pairs[:count].astype(np.int64)

    def _reject(self, returned: str) -> NoReturn:
        raise OwnCodeError(
            f"{self._select.name} returned {returned}; it must return pairs of different rows of the candidates, whole "
            "numbers [P, 2], at least one pair."
        )
