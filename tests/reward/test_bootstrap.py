"""The bootstrap and the 1/e hold-out in one stable draw."""

import math

import numpy as np

from rlhp_ray.reward.bootstrap import bootstrap_weights

NAMES = [f"answer-{index}" for index in range(4000)]


def test_weights_are_poisson_so_that_a_member_misses_one_in_e() -> None:
    weights = np.array([bootstrap_weights(0, 3, name) for name in NAMES])
    # 12,000 draws, a deterministic hash: five standard deviations (one in a million for a fair hash) are 0.022, 0.045
    assert abs((weights == 0).mean() - math.exp(-1)) < 0.022
    assert abs((weights == 2).mean() - math.exp(-1) / 2) < 0.022
    assert abs(weights.mean() - 1) < 0.046


def test_members_are_held_out_independently() -> None:
    weights = np.array([bootstrap_weights(0, 3, name) for name in NAMES])
    both = ((weights[:, 0] == 0) & (weights[:, 1] == 0)).mean()
    assert abs(both - math.exp(-2)) < 0.03


def test_one_member_has_no_bootstrap_but_still_holds_out_one_in_e() -> None:
    weights = np.array([bootstrap_weights(0, 1, name) for name in NAMES])
    assert set(np.unique(weights)) == {0.0, 1.0}
    assert abs((weights == 0).mean() - math.exp(-1)) < 0.04


def test_the_draw_belongs_to_seed_and_preference() -> None:
    first = [bootstrap_weights(7, 3, name).tolist() for name in NAMES[:50]]
    again = [bootstrap_weights(7, 3, name).tolist() for name in reversed(NAMES[:50])]
    assert first == again[::-1]
    assert first != [bootstrap_weights(8, 3, name).tolist() for name in NAMES[:50]]
