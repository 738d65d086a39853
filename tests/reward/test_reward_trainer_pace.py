"""When the reward trainer works, and when it rests and publishes."""

from __future__ import annotations

import numpy as np
import pytest
from reward_world import World, make_segments

from rlhp_ray.reward.pacing import NEW_PASSES
from rlhp_ray.reward.trainer import STEP_LABELS


def test_without_labels_there_is_nothing_to_do(world: World) -> None:
    trainer = world.trainer()
    for report in (trainer.first_training(), trainer.step(10_000)):
        assert report.idle and report.published is None and report.version == 0


def test_first_labels_get_their_epochs(world: World) -> None:
    world.teach(70)
    report = world.trainer(initial_epochs=5, batch_labels=32).first_training()
    assert 5 * 70 <= report.labels_processed < 5 * 70 + 32
    assert report.version == 1 and report.labels_trained == 70 and len(report.answered_at) == 70


def test_env_steps_buy_labels(world: World) -> None:
    world.teach(100)
    trainer = world.trainer()
    processed = trainer.first_training().labels_processed
    assert trainer.step(100).idle  # 10 labels' credit: not a minibatch yet
    report = trainer.step(10_000)
    assert report.labels_processed == processed + 64 * (1000 // 64)
    assert trainer.step(10_000).idle
    assert trainer.step(10_400).labels_processed == report.labels_processed + 64  # what was left over counts


def test_it_says_how_far_it_is_behind(world: World) -> None:
    world.teach(100)
    trainer = world.trainer(labels_per_env_step=0.5)
    trainer.first_training()
    wanted, worked = 10_000, 64 * -(-STEP_LABELS // 64)
    assert trainer.step(2 * wanted).env_steps_behind == pytest.approx(2 * (wanted - worked))
    assert trainer.step(2 * wanted).env_steps_behind == pytest.approx(2 * (wanted - 2 * worked))
    assert trainer.step(2 * wanted).env_steps_behind == 0


def test_it_rests_after_max_epochs(world: World) -> None:
    world.teach(64)
    trainer = world.trainer(initial_epochs=2, max_epochs=5)
    trainer.first_training()
    report = trainer.step(1_000_000)
    assert report.labels_processed == 6 * 64  # the bound, and the minibatch that reached it
    assert report.env_steps_behind == 0
    assert trainer.step(2_000_000).idle


def test_new_answers_are_trained_on_at_once_and_published(world: World) -> None:
    world.teach(100)
    trainer = world.trainer()
    first = trainer.first_training()
    world.teach(1)
    report = trainer.step(0)  # no credit at all
    assert report.published is not None and report.version == first.version + 1
    assert report.answered_at == [101.0] and report.labels_trained == 101
    assert report.labels_processed > first.labels_processed
    assert trainer.step(0).idle


def test_answers_of_an_interval_share_their_minibatches(world: World) -> None:
    world.teach(100)
    trainer = world.trainer(lockstep=False, publish_seconds=3)  # more than a second is no reason to wait
    trainer.first_training()
    world.teach(1)
    before = trainer.step(0)
    for _ in range(3):
        world.teach(1)
        world.clock += 0.2
        assert trainer.step(0).idle
    world.clock += 0.5
    report = trainer.step(0)
    assert before.labels_trained == 101 and report.labels_trained == 104
    assert len(report.answered_at) == 3 and report.version == before.version + 1
    assert report.labels_processed - before.labels_processed == NEW_PASSES * 64


def test_new_answers_come_first_the_newest_before_the_others(world: World) -> None:
    world.teach(100)
    trainer = world.trainer(batch_labels=16)
    trainer.first_training()
    names = world.teach(20)
    trainer._take_in()
    slots = trainer._pacing.next_slots()
    assert slots is not None
    assert slots[:8].tolist() == trainer._labels.slots_of(names[:-9:-1]).tolist()


def test_a_step_is_bounded_by_labels_in_lockstep(world: World) -> None:
    world.teach(100)
    trainer = world.trainer(initial_epochs=1)
    processed = trainer.first_training().labels_processed
    assert trainer.step(1_000_000).labels_processed == processed + STEP_LABELS


def test_a_step_is_bounded_by_seconds_and_versions_by_an_interval(world: World) -> None:
    world.teach(100)
    trainer = world.trainer(lockstep=False, initial_epochs=1, publish_seconds=2)
    trainer._clock = ticking(world, 0.1)  # each look at the clock takes 0.1 s
    processed = trainer.first_training().labels_processed
    report = trainer.step(1_000_000)
    assert 0 < report.labels_processed - processed <= 4 * 64
    versions = [trainer.step(1_000_000).version for _ in range(8)]
    assert 1 < versions[-1] < 8  # some steps published, not all


def ticking(world: World, seconds: float):  # type: ignore[no-untyped-def]  # a clock of a test
    def clock() -> float:
        world.clock += seconds
        return world.clock

    return clock


def test_lockstep_is_the_same_for_a_seed_whatever_the_clock_says(world: World) -> None:
    world.teach(100)
    world.store.offer(make_segments(300, world.rng))

    def payloads(seed: int, tick: float) -> list[bytes | None]:
        again = world.restart()
        again.folder.remove("predictor")
        again.store.offer(make_segments(300, np.random.default_rng(0)))
        trainer = again.trainer(seed=seed)
        trainer._clock = ticking(again, tick)
        return [trainer.first_training().published, *(trainer.step(4000 * i).published for i in range(1, 4))]

    once = payloads(0, 0.001)
    assert once == payloads(0, 100.0)
    assert once != payloads(1, 0.001)
    assert all(payload is not None for payload in once)


# -- which labels ------------------------------------------------------------------------------------------------------
