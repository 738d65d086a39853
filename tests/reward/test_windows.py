"""Windows of clips are of every length, and the same in all clips of a minibatch."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import torch

from rlhp_ray.reward.training_set import Minibatch
from rlhp_ray.reward.windows import random_window

LABELS, CLIP_STEPS = 3, 16


def make_batch(frames: int = 1) -> Minibatch:
    """Each frame's only number is its place in the clip."""
    places = torch.arange(CLIP_STEPS + frames - 1, dtype=torch.float32)
    return Minibatch(places[None, None, :, None].expand(LABELS, 2, -1, 1), torch.ones(LABELS), torch.ones(1, LABELS))


@pytest.mark.parametrize(("frames", "longest"), [(1, CLIP_STEPS), (4, CLIP_STEPS), (1, 100)])
def test_windows_are_of_every_length_and_place(frames: int, longest: int) -> None:
    rng = np.random.default_rng(0)
    lengths, places = Counter[int](), Counter[int]()
    for _ in range(2000):
        window = random_window(make_batch(frames), CLIP_STEPS, 2, longest, rng)
        first = window.encoded[0, 0, 0, 0]
        assert torch.equal(
            window.encoded,
            (first + torch.arange(window.encoded.shape[2]))[None, None, :, None].expand_as(window.encoded),
        )
        lengths[window.encoded.shape[2] - frames + 1] += 1
        places[int(first)] += 1
    assert sorted(lengths) == list(range(2, CLIP_STEPS + 1))
    assert sorted(places) == list(range(CLIP_STEPS - 1))
    # log-uniform: as many of 2 to 3 steps as of 4 to 7 and 8 to 15, 648 each; six standard deviations are 127
    for shortest in (2, 4, 8):
        assert abs(sum(lengths[steps] for steps in range(shortest, 2 * shortest)) - 648) < 127


@pytest.mark.parametrize("longest", [None, 2, 5])
def test_windows_of_one_length(longest: int | None) -> None:
    rng = np.random.default_rng(0)
    windows = [random_window(make_batch(), CLIP_STEPS, 5, longest, rng).encoded for _ in range(200)]
    assert {window.shape[2] for window in windows} == {5}
    assert {int(window[0, 0, 0, 0]) for window in windows} == set(range(CLIP_STEPS - 4))


@pytest.mark.parametrize("shortest", [None, CLIP_STEPS, 100])
def test_whole_clips(shortest: int | None) -> None:
    batch = make_batch()
    assert random_window(batch, CLIP_STEPS, shortest, None, np.random.default_rng(0)) is batch
