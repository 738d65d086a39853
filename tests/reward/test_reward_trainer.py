"""The trainer over a real store, collector and run folder: what it learns, and what its versions say."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from reward_world import World, make_segments

from rlhp_ray.config.schema import RewardPart
from rlhp_ray.predictor import PublishedEnsemble, StepInputs
from rlhp_ray.reward import RewardTrainer
from rlhp_ray.reward.trainer import NOVELTY_ENV_STEPS
from rlhp_ray.storage.run_folder import RunFolder
from rlhp_ray.types import Answer, Choice, FloatArray, Query

UNSEEN = make_segments(2000, np.random.default_rng(99))
TRUE_RETURNS = UNSEEN.true_rewards.sum(1)


def predicted_rewards(payload: bytes | None) -> FloatArray:
    """Rewards [2000, K] of the unseen segments by a published version."""
    assert payload is not None
    published = PublishedEnsemble.from_bytes(payload)
    return published.rewards(UNSEEN.observations, UNSEEN.actions)


def accuracy(payload: bytes | None) -> float:
    """Share of 1,000 unseen pairs that the version decides as the true return does."""
    returns = predicted_rewards(payload).sum(1)
    return float(((returns[::2] > returns[1::2]) == (TRUE_RETURNS[::2] > TRUE_RETURNS[1::2])).mean())


def at_random(rng: np.random.Generator) -> Choice:
    return Choice.LEFT if rng.random() < 0.5 else Choice.RIGHT


# -- what it learns ----------------------------------------------------------------------------------------------------


def test_200_labels_teach_the_true_reward(world: World) -> None:
    # over seeds 0-5 of the world: accuracy 0.907 to 0.945, correlation 0.936 to 0.968; this seed is fixed
    world.teach(200)
    payload = world.trainer(initial_epochs=100).first_training().published
    rewards = predicted_rewards(payload)
    assert accuracy(payload) >= 0.9
    assert np.corrcoef(rewards.ravel(), UNSEEN.true_rewards.ravel())[0, 1] >= 0.9


def test_answers_without_meaning_teach_nothing(world: World) -> None:
    """A permutation test: labels drawn apart from the segments leave the accuracy at chance."""
    rng = np.random.default_rng(5)
    world.teach(200, lambda first, second: at_random(rng))
    # 200 coin flips weigh the few true directions by chance: 0.5 with a deviation of about 0.1 over worlds; seed fixed
    assert accuracy(world.trainer().first_training().published) < 0.8


def test_it_learns_from_answers_of_which_one_in_ten_is_wrong(world: World) -> None:
    rng = np.random.default_rng(5)

    def choose(first: float, second: float) -> Choice:
        sane = rng.random() >= 0.1
        return (Choice.LEFT if first > second else Choice.RIGHT) if sane else at_random(rng)

    world.teach(300, choose)
    assert accuracy(world.trainer(initial_epochs=60).first_training().published) >= 0.85


def test_it_learns_from_windows_of_its_clips(world: World) -> None:
    world.teach(200)
    assert accuracy(world.trainer(initial_epochs=100, crop_steps=2).first_training().published) >= 0.85


def test_one_member_learns_too(world: World) -> None:
    world.teach(200)
    assert accuracy(world.trainer(members=1).first_training().published) >= 0.85


@pytest.mark.parametrize("normalized_std", [1.0, 0.05])
def test_rewards_of_recent_behaviour_have_mean_zero_and_the_wanted_deviation(
    world: World, normalized_std: float
) -> None:
    world.teach(50)
    world.store.offer(make_segments(2000, world.rng))
    trainer = world.trainer(normalized_std=normalized_std, members=1)
    rewards = predicted_rewards(trainer.first_training().published)
    assert abs(rewards.mean()) < 0.1 * normalized_std
    assert abs(rewards.std() - normalized_std) < 0.1 * normalized_std


def test_normalisation_follows_the_candidates(world: World) -> None:
    world.teach(50)
    moved = make_segments(2000, world.rng)
    moved.observations[..., 4] += 50  # recent behaviour is far better than what was labelled
    world.store.offer(moved)
    rewards = predicted_rewards(world.trainer(members=1).first_training().published)
    assert rewards.mean() < -0.5


def test_l2_is_adapted_unless_told_otherwise(world: World) -> None:
    world.teach(100)
    adapted = world.trainer(initial_epochs=60).first_training()
    assert any(l2 != pytest.approx(1e-4) for l2 in adapted.l2)
    fixed = world.restart()
    fixed.folder.remove("predictor")
    assert fixed.trainer(initial_epochs=60, l2_adaptive=False).first_training().l2 == pytest.approx((1e-4,) * 3)


def test_the_papers_values_are_the_defaults() -> None:
    part = RewardPart()
    assert (part.members, part.hidden_sizes, part.error_probability, part.dropout) == (3, (64, 64), 0.1, None)
    assert part.l2_adaptive and part.initial_epochs == 200 and part.labels_per_env_step == 0.1


@pytest.mark.parametrize(
    "field",
    [
        {"members": 2},
        {"hidden_sizes": (64, 32)},
        {"learning_rate": 1e-4},
        {"batch_labels": 16},
        {"crop_steps": 2},
        {"dropout": 0.2},
        {"error_probability": 0.2},
        {"l2_initial": 1e-2},
        {"normalized_std": 0.05},
        {"label_window": 20},
    ],
    ids=str,
)
def test_every_field_is_heard(world: World, field: dict[str, object]) -> None:
    world.teach(30)
    default = predicted_rewards(world.trainer(initial_epochs=3).first_training().published)
    world.folder.remove("predictor")
    other = predicted_rewards(world.restart().trainer(initial_epochs=3, **field).first_training().published)
    assert not np.allclose(default, other, rtol=1e-3)


def test_the_longest_window_is_heard(world: World) -> None:
    world.teach(30)
    windows = predicted_rewards(world.trainer(initial_epochs=3, crop_steps=2).first_training().published)
    world.folder.remove("predictor")
    trainer = world.restart().trainer(initial_epochs=3, crop_steps=2, longest_crop_steps=3)
    assert not np.allclose(windows, predicted_rewards(trainer.first_training().published), rtol=1e-3)


# -- when it works -----------------------------------------------------------------------------------------------------


def test_undone_answers_are_forgotten(world: World) -> None:
    world.teach(50)
    trainer = world.trainer()
    trainer.first_training()
    undone = world.teach(3)
    for answer_id in undone[:2]:
        world.collector.undo(answer_id, "oracle")
    trainer.step(0)
    world.collector.undo(undone[2], "oracle")
    trainer.step(10_000)
    assert len(trainer._labels) == 50
    assert not any(answer_id in trainer._labels for answer_id in undone)


def test_cant_tell_trains_nothing_and_equal_does(world: World) -> None:
    world.teach(20, lambda first, second: Choice.CANT_TELL)
    trainer = world.trainer()
    assert trainer.first_training().published is None
    world.teach(20, lambda first, second: Choice.EQUAL)
    assert trainer.first_training().labels_trained == 20


def test_audit_answers_are_never_trained_on_and_measure_the_predictor(audited_world: World) -> None:
    world = audited_world
    names = world.teach(300)
    trainer = world.trainer(initial_epochs=60)
    report = trainer.first_training()
    audit = [p.preference_id for p in world.collector.preferences(0).added if p.audit]
    assert 50 < len(audit) < 130
    assert report.labels_trained == len(names) - len(audit)
    trained = set(trainer._labels.training_slots().tolist())
    assert not trained & set(trainer._labels.slots_of(audit).tolist())
    assert report.audit_accuracy is not None and report.audit_accuracy > 0.8
    world.teach(1)
    assert trainer.step(100_000).audit_accuracy is not None


def test_fresh_accuracy_is_measured_before_training_without_ties(world: World) -> None:
    world.teach(200)
    trainer = world.trainer(initial_epochs=60)
    assert trainer.first_training().fresh_accuracy is None
    world.teach(50, lambda first, second: Choice.EQUAL)
    assert trainer.step(0).fresh_accuracy is None
    world.teach(50)
    right = trainer.step(0).fresh_accuracy
    assert right is not None and right > 0.75
    world.teach(
        100, lambda first, second: Choice.RIGHT if first > second else Choice.LEFT
    )  # all wrong: 100 replace all
    wrong = trainer.step(0).fresh_accuracy
    assert wrong is not None and wrong < 0.25


def test_only_the_window_trains(world: World) -> None:
    world.teach(30)
    trainer = world.trainer(label_window=10)
    first = trainer.first_training()
    assert first.labels_trained == 10 and first.labels_covered == 30
    newest = world.teach(4)
    assert trainer.step(0).labels_covered == 34
    assert len(trainer._labels) == 10 and all(name in trainer._labels for name in newest)
    again = world.restart().trainer(label_window=10)
    assert len(again._labels) == 10 and all(name in again._labels for name in newest)


def test_the_scale_of_inputs_follows_the_labelled_segments(world: World) -> None:
    world.teach(50)
    trainer = world.trainer()
    trainer.first_training()
    center = trainer._optimizer.ensemble.get_buffer("input_center").clone()
    assert center[2] == pytest.approx(5, abs=0.1)  # observation 2 lies around 5 in this world
    world.teach(50)
    trainer.step(0)
    assert trainer._optimizer.ensemble.get_buffer("input_center").tolist() != center.tolist()
    observed = trainer._labels.observation_scale()[0]
    assert trainer._optimizer.ensemble.get_buffer("input_center")[:5].tolist() == pytest.approx(
        observed.tolist(), rel=1e-4
    )


# -- restarts ----------------------------------------------------------------------------------------------------------


def test_images_are_learned_from_too(tmp_path: Path) -> None:
    """The brighter clip is the better one; the same trainer, data and versions as for vectors."""
    world = World(RunFolder(str(tmp_path)))
    rng = np.random.default_rng(0)
    labels, clip_steps = 24, 2
    segments = make_segments(2 * labels, rng, clip_steps)
    brightness = rng.integers(0, 200, 2 * labels)
    images = rng.integers(0, 56, (2 * labels, clip_steps, 4, 84, 84)) + brightness[:, None, None, None, None]
    segments = dataclasses.replace(
        segments, observations=images.astype(np.uint8), actions=np.zeros((2 * labels, clip_steps), np.int64)
    )
    ids = world.store.add_kept(segments).reshape(-1, 2).tolist()
    world.collector.ask([Query(a, b, 0.0, "test", 0, 0) for a, b in ids])
    for (a, b), (first, second) in zip(ids, brightness.reshape(-1, 2), strict=True):
        choice = Choice.LEFT if first > second else Choice.RIGHT
        world.collector.answer(
            Answer(f"answer-{a}", Query(a, b, 0.0, "test", 0, 0).query_id, a, b, choice, "oracle", 0.0, 1.0)
        )
    trainer = RewardTrainer(
        world.folder,
        RewardPart(initial_epochs=8, batch_labels=12, normalized_std=0.05),
        0,
        inputs=StepInputs((4, 84, 84), 6, discrete=True, images=True),
        collector=world.collector,
        store=world.store,
    )
    report = trainer.first_training()
    assert report.published is not None
    published = PublishedEnsemble.from_bytes(report.published)
    rewards = published.rewards(segments.observations[:, :1], segments.actions[:, :1])[:, 0]
    assert np.corrcoef(rewards, brightness)[0, 1] > 0.8
    # the labelled clips are all the recent behaviour there is here
    assert rewards.mean() == pytest.approx(0, abs=0.01) and rewards.std() == pytest.approx(0.05, abs=0.02)
    restarted = RewardTrainer(
        world.folder,
        RewardPart(batch_labels=12),
        0,
        inputs=StepInputs((4, 84, 84), 6, discrete=True, images=True),
        collector=world.collector,
        store=world.store,
    )
    assert restarted.first_training().published == report.published
    bright = dataclasses.replace(segments, observations=np.full_like(segments.observations, 255))
    world.store.offer(bright.take(slice(16)))
    novelty = trainer.step(NOVELTY_ENV_STEPS).novelty
    assert novelty is not None and novelty.predicted > 1.0 and novelty.distance is None
