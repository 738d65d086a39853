"""A reward for seeing what was seldom seen, in place of a predicted one, before anybody has answered.

PEBBLE (Lee et al. 2021, section 4.1): how far a state is from its k-th nearest neighbour among those in the replay
buffer, a particle estimate of the entropy of the states that the policy visits. Here the neighbours are looked for
among a sample of the buffer.
"""

from __future__ import annotations

import torch

from rlhp_ray.types import Array, FloatArray

NEIGHBOUR = 5  # paper: the same
OTHERS = 1_024  # states that neighbours are looked for among
LEAST = 1e-6  # that something is divided by


class StateEntropy:
    """Rewards of about one standard deviation, by a running mean of their variance."""

    def __init__(self) -> None:
        self._count, self._mean, self._squares = 0, 0.0, 0.0  # of all distances so far

    def rewards(self, states: Array, others: Array) -> FloatArray:
        """Rewards [B] of the states [B, D] that steps led to, beside others [N, D], N at least NEIGHBOUR."""
        seen, among = (torch.from_numpy(array).to(torch.float32) for array in (states, others))
        distances = torch.cdist(seen, among).kthvalue(NEIGHBOUR, dim=1).values
        self._take_in(distances)
        rewards: FloatArray = (distances / max(LEAST, (self._squares / self._count) ** 0.5)).numpy()
        return rewards

    def _take_in(self, distances: torch.Tensor) -> None:
        """Welford's moments, a batch at a time (Chan et al. 1979)."""
        count, mean = len(distances), float(distances.mean())
        apart, total = mean - self._mean, self._count + count
        self._squares += float((distances - mean).square().sum()) + apart**2 * self._count * count / total
        self._mean += apart * count / total
        self._count = total
