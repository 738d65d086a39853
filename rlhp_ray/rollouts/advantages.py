"""Generalised advantage estimation over a fragment (Schulman et al. 2016, section 3)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from rlhp_ray.types import FloatArray


def next_values(
    values: FloatArray,
    last_values: FloatArray,
    final_values: FloatArray,
    terminated: npt.NDArray[np.bool_],
    truncated: npt.NDArray[np.bool_],
) -> FloatArray:
    """The value of the state that each step led to, [T, N].

    values [T, N]; last_values [N] of the observation after the fragment; final_values [T, N] of the observation that
    a truncated episode ended with (elsewhere ignored). A terminated episode's next value is 0.
    """
    following = np.concatenate([values[1:], last_values[None]])
    return np.where(terminated, np.float32(0), np.where(truncated, final_values, following))


def advantages(
    rewards: FloatArray,
    values: FloatArray,
    following: FloatArray,
    done: npt.NDArray[np.bool_],
    *,
    gamma: float,
    gae_lambda: float,
) -> FloatArray:
    """GAE(gamma, lambda), [T, N], from rewards r_t, values v_t and the values of the states that followed."""
    deltas = rewards + gamma * following - values
    decay = np.where(done, np.float32(0), np.float32(gamma * gae_lambda))
    result = np.empty_like(deltas)
    carried = np.zeros(deltas.shape[1], dtype=np.float32)
    for t in range(len(deltas) - 1, -1, -1):
        carried = deltas[t] + decay[t] * carried
        result[t] = carried
    return result
