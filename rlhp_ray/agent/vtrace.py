"""V-trace: what a policy would have got, from the steps of an older one (Espeholt et al. 2018, section 4.1).

Shapes: N sequences of T steps. With both policies equal, targets are TD(lambda)'s and advantages GAE's.
"""

from __future__ import annotations

import numpy as np

from rlhp_ray.rollouts.advantages import decayed_sums, next_values
from rlhp_ray.types import BoolArray, FloatArray

CLIP = 1.0  # of the importance weights, rho-bar and c-bar


def v_trace(
    ratios: FloatArray,
    rewards: FloatArray,
    values: FloatArray,
    final_values: FloatArray,
    terminated: BoolArray,
    truncated: BoolArray,
    *,
    gamma: float,
    trace_lambda: float,
) -> tuple[FloatArray, FloatArray]:
    """Advantages and value targets, both [N, T].

    ratios [N, T]: probability of each action by the learner's policy over that by the one that acted; values
    [N, T + 1] by the learner; final_values [N, T] as for `next_values`. The traces are cut by lambda as well
    (remark 2), and the advantages are those of the actions, without an importance weight: PPO's ratio is one.
    """
    following = next_values(values, final_values, terminated, truncated)
    decay = np.where(terminated | truncated, np.float32(0), np.float32(gamma * trace_lambda))
    weights = np.minimum(ratios, np.float32(CLIP))
    temporal_differences = rewards + gamma * following - values[:, :-1]
    corrections = decayed_sums(weights * temporal_differences, weights * decay)  # v_s - V(x_s)
    next_corrections = np.concatenate([corrections[:, 1:], np.zeros_like(corrections[:, :1])], axis=1)
    return temporal_differences + decay * next_corrections, values[:, :-1] + corrections
