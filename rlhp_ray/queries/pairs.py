"""Pairs of candidate segments to choose queries from."""

from __future__ import annotations

import numpy as np

from rlhp_ray.types import IntArray, Segments


def random_pairs(segments: Segments, count: int, rng: np.random.Generator) -> IntArray:
    """At most `count` different random pairs of rows [P, 2], each of two different segments.

    No segment is in two pairs where there are enough of them. Clips that overlap in time in one episode show in part
    the same: such pairs are left out, unless there are no others.
    """
    total = len(segments)
    if total >= 2 * count:
        pairs = rng.permutation(total)[: 2 * count].reshape(-1, 2)
    else:
        all_pairs = np.stack(np.triu_indices(total, k=1), axis=1)
        pairs = rng.permuted(all_pairs[rng.permutation(len(all_pairs))[: 2 * count]], axis=1)
    first, second = pairs.T
    apart = (segments.episode_ids[first] != segments.episode_ids[second]) | (
        np.abs(segments.first_steps[first] - segments.first_steps[second]) >= segments.clip_steps
    )
    return (pairs[apart] if apart.any() else pairs)[:count].astype(np.int64)


def disjoint(pairs: IntArray, count: int) -> IntArray:
    """The first `count` pairs [P, 2] in their order, without those that share a segment with one taken before."""
    taken: list[IntArray] = []
    used: set[int] = set()
    for pair in pairs:
        if len(taken) == count:
            break
        if used.isdisjoint(pair.tolist()):
            used.update(pair.tolist())
            taken.append(pair)
    return np.array(taken, dtype=np.int64).reshape(-1, 2)
