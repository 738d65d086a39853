"""Which members train on a preference, and how much: the bootstrap and the 1/e hold-out of the paper in one draw.

A bootstrap takes each of n preferences Binomial(n, 1/n) times, which is Poisson(1) for all but the smallest n, and
Poisson(1) is 0 with probability 1/e. So the preferences that a member's bootstrap missed are its validation set, of
exactly the size that the paper holds out (Christiano et al. 2017, section 2.2.3). The draw belongs to (seed, member,
preference id): decided once, whatever comes before or after, in whatever order, and after a restart.
"""

from __future__ import annotations

import math

import numpy as np

from rlhp_ray.preferences.draw import stable_uniform
from rlhp_ray.types import FloatArray

_POISSON_1_CDF = np.cumsum([math.exp(-1) / math.factorial(count) for count in range(16)])


def bootstrap_weights(seed: int, members: int, preference_id: str) -> FloatArray:
    """Weight [M] of the preference in each member's loss; 0: held out, it validates that member.

    One member alone has nothing to differ from: no bootstrap, weight 1, but the same 1/e is held out.
    """
    draws = [stable_uniform(seed, f"bootstrap/{member}", preference_id) for member in range(members)]
    weights = np.searchsorted(_POISSON_1_CDF, draws, side="right")
    return (weights if members > 1 else np.minimum(weights, 1)).astype(np.float32)
