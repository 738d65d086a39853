"""Segments with known content, of every kind of space."""

from __future__ import annotations

import dataclasses

import numpy as np

from rlhp_ray.types import Segments


def make_segments(count: int, kind: str = "continuous", first: int = 0, steps: int = 5) -> Segments:
    """Segments as the cutter gives them, of a kind of space; numbered by `first_steps`."""
    rng = np.random.default_rng([count, first])
    observations, actions, states = {
        "continuous": (
            rng.normal(size=(count, steps, 17)).astype(np.float32),
            rng.normal(size=(count, steps, 6)).astype(np.float32),
            rng.normal(size=(count, steps, 18)),
        ),
        "discrete": (
            rng.normal(size=(count, steps, 4)),
            rng.integers(5, size=(count, steps)),
            np.empty((count, steps, 0)),
        ),
        "images": (
            rng.integers(256, size=(count, steps, 4, 84, 84), dtype=np.uint8),
            rng.integers(5, size=(count, steps)),
            np.empty((count, steps, 0)),
        ),
        "games": (  # four frames an observation, each kept once; small colour frames
            rng.integers(256, size=(count, steps + 3, 84, 84), dtype=np.uint8),
            rng.integers(5, size=(count, steps)),
            rng.integers(256, size=(count, steps, 21, 16, 3), dtype=np.uint8),
        ),
    }[kind]
    return Segments(
        segment_ids=np.full(count, -1),
        observations=observations,
        actions=actions,
        true_rewards=rng.normal(size=(count, steps)).astype(np.float32),
        render_states=states,
        episode_ids=np.arange(count) // 3,
        first_steps=np.arange(first, first + count),
        env_steps=np.full(count, 1000),
        policy_versions=np.full(count, 7),
    )


def assert_equal(found: Segments, expected: Segments) -> None:
    for field in dataclasses.fields(Segments):
        a, b = getattr(found, field.name), getattr(expected, field.name)
        assert a.dtype == b.dtype and a.shape == b.shape, field.name
        np.testing.assert_array_equal(a, b, err_msg=field.name)
