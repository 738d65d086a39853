"""What the trainer does while the agent exploits the predictor, by `reward.when_hacked`."""

from __future__ import annotations

import numpy as np
import pytest
from reward_world import World, make_segments
from test_judge import shifted

from rlhp_ray.preferences import Audits
from rlhp_ray.reward import RewardTrainer, TrainerReport
from rlhp_ray.reward.trainer import MORE_LABELS, NOVELTY_ENV_STEPS
from rlhp_ray.telemetry import State, health


def look(world: World, trainer: RewardTrainer, index: int, *, elsewhere: bool, answered: bool = False) -> TrainerReport:
    """The trainer's step at its look of this number, at behaviour like the labelled or far from it.

    `answered`: since the look before. If not, the first looks are at once a good part of the run away from an answer.
    """
    world.clock += 60.0
    newest = make_segments(64, np.random.default_rng(index))
    world.store.offer(shifted(newest, 30.0) if elsewhere else newest)
    report = trainer.step(index * NOVELTY_ENV_STEPS)
    seen = health(report.metrics())
    assert seen is not None and (seen.state is State.HACKED) == (elsewhere and not answered)
    return report


@pytest.mark.parametrize("lockstep", [False, True])
def test_hold_keeps_versions_back_until_new_answers_come(world: World, lockstep: bool) -> None:
    world.teach(200)
    trainer = world.trainer(when_hacked="hold", lockstep=lockstep, max_epochs=10_000)
    trainer.first_training()
    assert look(world, trainer, 1, elsewhere=False).published
    held = look(world, trainer, 2, elsewhere=True)
    assert held.published is None and not held.idle
    world.teach(10)
    answered = [look(world, trainer, index, elsewhere=True, answered=index == 3) for index in (3, 4)]
    assert any(report.published for report in answered)
    assert look(world, trainer, 5, elsewhere=True).published is None
    assert look(world, trainer, 6, elsewhere=False).published


def test_ask_wants_more_labels_at_each_look_that_says_so(world: World) -> None:
    world.teach(200)
    trainer = world.trainer(when_hacked="ask")
    trainer.first_training()
    wanted = [look(world, trainer, i, elsewhere=i in (2, 3)).more_labels for i in (1, 2, 3, 4)]
    assert wanted == [0, MORE_LABELS, 2 * MORE_LABELS, 2 * MORE_LABELS]


def test_say_changes_nothing(world: World) -> None:
    world.teach(200)
    trainer = world.trainer(max_epochs=10_000)
    trainer.first_training()
    report = look(world, trainer, 1, elsewhere=True)
    assert report.published and report.more_labels == 0


@pytest.mark.parametrize(("audit_fraction", "unanswered"), [(0.0, 0.0), (1.0, 1.0)])
def test_answers_for_audit_are_none_to_learn_from(world: World, audit_fraction: float, unanswered: float) -> None:
    world.teach(200)
    trainer = world.trainer()
    trainer.first_training()
    world.collector._audits = Audits(audit_fraction)  # of the queries from now on
    world.teach(10)
    world.clock += 60.0
    assert trainer.step(NOVELTY_ENV_STEPS).unanswered == unanswered
