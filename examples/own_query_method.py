"""Your own query method: a function that chooses which pairs of clips the teacher is asked about.

    rlhp-ray train examples/own_query_method.yaml

This one asks where the ensemble as a whole is least sure (entropy sampling of B-Pref, arXiv 2111.03026, section 4.3).
"""

import numpy as np

from rlhp_ray.types import Segments


def least_sure(candidates: Segments, member_returns: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """Of the candidates [S], put together at random, the pairs of rows [count, 2] nearest to an even chance.

    member_returns [M, S]: what each member of the ensemble predicts for each candidate.
    """
    rows = rng.permutation(len(candidates))
    pairs = rows[: len(rows) // 2 * 2].reshape(-1, 2)
    difference = member_returns[:, pairs[:, 0]] - member_returns[:, pairs[:, 1]]
    left_is_better = 0.5 * (1.0 + np.tanh(0.5 * difference)).mean(axis=0)  # the logistic function
    return pairs[np.argsort(np.abs(left_is_better - 0.5))[:count]]
