"""The reward trainer, started again from the run folder."""

from __future__ import annotations

import pytest
from reward_world import World

from rlhp_ray.errors import CorruptDataError


def test_a_restarted_trainer_goes_on_where_it_was(world: World) -> None:
    world.teach(100)
    trainer = world.trainer()
    trainer.first_training()
    trainer.step(10_000)
    world.teach(5)
    restarted = world.restart().trainer()
    for name, tensor in trainer._optimizer.state().items():
        assert tensor.equal(restarted._optimizer.state()[name]), name
    one, other = trainer.step(20_000), restarted.step(20_000)
    assert one.answered_at == other.answered_at and len(one.answered_at) == 5
    for field in ("version", "labels_trained", "labels_processed", "fresh_accuracy"):
        assert getattr(one, field) == getattr(other, field), field


def test_a_restarted_trainer_without_new_answers_rests_where_it_was(world: World) -> None:
    world.teach(100)
    trainer = world.trainer()
    trainer.first_training()
    before = trainer.step(10_000)
    report = world.restart().trainer().step(10_000)
    assert report.idle and report.version == before.version
    assert report.labels_processed == before.labels_processed and report.l2 == before.l2
    assert report.fresh_accuracy == before.fresh_accuracy and report.labels_trained == before.labels_trained


def test_first_training_after_a_restart_brings_the_newest_version_back(world: World) -> None:
    world.teach(50)
    payload = world.trainer().first_training().published
    report = world.restart().trainer().first_training()
    assert report.published == payload and report.version == 1


def test_answers_given_while_it_was_away_are_new_to_it(world: World) -> None:
    world.teach(50)
    world.trainer().first_training()
    world.teach(2)
    report = world.restart().trainer().step(0)
    assert report.answered_at == [51.0, 52.0] or report.answered_at == [52.0, 51.0]
    assert report.fresh_accuracy is not None


def test_versions_grow_even_if_the_trainers_state_was_lost(world: World) -> None:
    world.teach(50)
    trainer = world.trainer()
    trainer.first_training()
    version = trainer.step(10_000).version
    world.folder.remove("predictor/trainer.safetensors")
    assert world.restart().trainer().first_training().version == version + 1


def test_a_damaged_state_is_said(world: World) -> None:
    world.teach(50)
    world.trainer().first_training()
    state = world.folder.read("predictor/trainer.safetensors")
    world.folder.write("predictor/trainer.safetensors", state[: len(state) // 2])
    with pytest.raises(CorruptDataError, match="remove it and resume"):
        world.restart().trainer()


# -- images ------------------------------------------------------------------------------------------------------------
