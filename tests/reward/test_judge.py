"""What the ensemble says of answered clips and of the newest: how far behaviour is from what was labelled."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from reward_world import World, make_segments, true_reward

from rlhp_ray.reward.judge import LEAST_CLIPS, Novelty
from rlhp_ray.reward.trainer import NOVELTY_ENV_STEPS
from rlhp_ray.types import Segments


def shifted(segments: Segments, by: float) -> Segments:
    """The same behaviour elsewhere: where the true reward is higher by about as much a step."""
    observations = segments.observations.copy()
    observations[..., 4] += by
    rewards = true_reward(observations, segments.actions).astype(np.float32)
    return dataclasses.replace(segments, observations=observations, true_rewards=rewards)


def novelty_of(world: World, segments: Segments) -> Novelty:
    """Of a trainer with 200 labels, where these are the newest candidates."""
    world.teach(200)
    trainer = world.trainer()
    trainer.first_training()
    world.store.offer(segments)
    novelty = trainer.step(NOVELTY_ENV_STEPS).novelty
    assert novelty is not None
    return novelty


def test_behaviour_like_the_labelled_is_not_new(world: World) -> None:
    novelty = novelty_of(world, make_segments(64, np.random.default_rng(1)))
    assert novelty.disagreement == pytest.approx(1.0, abs=0.4)
    assert novelty.predicted == pytest.approx(0.0, abs=0.6)  # four standard errors of 64 clips
    assert novelty.distance == pytest.approx(1.0, abs=0.2)


def test_behaviour_elsewhere_is_new_by_each_measure(world: World) -> None:
    novelty = novelty_of(world, shifted(make_segments(64, np.random.default_rng(1)), 8.0))
    assert novelty.disagreement > 1.5
    assert novelty.predicted > 2.0
    assert novelty.distance is not None and novelty.distance > 2.0


def test_the_newest_are_looked_at_whatever_came_before(world: World) -> None:
    familiar = make_segments(500, np.random.default_rng(1))
    world.store.offer(shifted(familiar, 8.0))
    novelty = novelty_of(world, familiar.take(slice(64)))
    assert novelty.distance == pytest.approx(1.0, abs=0.2)


def test_it_is_looked_at_anew_while_the_trainer_rests(world: World) -> None:
    world.teach(200)
    trainer = world.trainer(max_epochs=1)
    trainer.first_training()
    assert trainer.step(NOVELTY_ENV_STEPS - 1).novelty is None
    world.store.offer(make_segments(LEAST_CLIPS - 1, np.random.default_rng(1)))
    assert trainer.step(NOVELTY_ENV_STEPS).novelty is None  # too few
    world.store.offer(make_segments(64, np.random.default_rng(2)))
    first = trainer.step(2 * NOVELTY_ENV_STEPS)
    world.store.offer(shifted(make_segments(64, np.random.default_rng(3)), 8.0))
    assert trainer.step(3 * NOVELTY_ENV_STEPS - 1).novelty == first.novelty
    second = trainer.step(3 * NOVELTY_ENV_STEPS)
    assert second.idle and second.version == first.version
    assert first.novelty is not None and second.novelty is not None
    assert second.novelty.predicted > first.novelty.predicted + 1.0
