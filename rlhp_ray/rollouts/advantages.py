"""Generalised advantage estimation over a fragment (Schulman et al. 2016, section 3).

Shapes: N environments, T steps.
"""

from __future__ import annotations

import numpy as np

from rlhp_ray.types import BoolArray, FloatArray


def next_values(
    values: FloatArray,
    final_values: FloatArray,
    terminated: BoolArray,
    truncated: BoolArray,
) -> FloatArray:
    """The value of the state that each step led to, [N, T].

    values [N, T + 1], the last of the observation after the fragment; final_values [N, T] of the observation that a
    truncated episode ended with (elsewhere ignored). A terminated episode's next value is 0.
    """
    return np.where(terminated, np.float32(0), np.where(truncated, final_values, values[:, 1:]))


def decayed_sums(terms: FloatArray, decay: FloatArray) -> FloatArray:
    """s_t = terms_t + decay_t * s_{t+1} with s_T = 0, [N, T]."""
    result = np.empty_like(terms)
    carried = np.zeros(len(terms), dtype=terms.dtype)
    for t in range(terms.shape[1] - 1, -1, -1):
        carried = terms[:, t] + decay[:, t] * carried
        result[:, t] = carried
    return result


def advantages(
    rewards: FloatArray,
    values: FloatArray,
    following: FloatArray,
    done: BoolArray,
    *,
    gamma: float,
    gae_lambda: float,
) -> FloatArray:
    """GAE(gamma, lambda), [N, T], from rewards r_t, values v_t and the values of the states that followed."""
    decay = np.where(done, np.float32(0), np.float32(gamma * gae_lambda))
    return decayed_sums(rewards + gamma * following - values, decay)
