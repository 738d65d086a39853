"""How sure the trainer's ensemble is, and what becomes of it when somebody's answers are left out."""

from __future__ import annotations

import numpy as np
from reward_world import World, make_segments

from rlhp_ray.predictor import PublishedEnsemble
from rlhp_ray.types import Choice

UNSEEN = make_segments(2000, np.random.default_rng(99))
TRUE_RETURNS = UNSEEN.true_rewards.sum(1)


def test_the_members_differ_less_the_more_is_known(world: World) -> None:
    world.teach(20)
    trainer = world.trainer(initial_epochs=100)
    assert trainer.first_training().disagreement is None
    world.teach(100)
    little = trainer.step(0).disagreement
    for env_steps in range(10_000, 60_000, 10_000):
        trainer.step(env_steps)
    world.teach(100)
    more = trainer.step(60_000).disagreement
    assert little is not None and more is not None and 0 < more < 0.8 * little < 0.4


def test_one_member_differs_from_nobody(world: World) -> None:
    world.teach(20)
    trainer = world.trainer(members=1)
    trainer.first_training()
    world.teach(10)
    assert trainer.step(0).disagreement == 0.0


def test_audit_accuracy_recovers_when_somebody_who_answers_at_random_is_excluded(audited_world: World) -> None:
    """Three people answer by the true return, and a fourth, who gives most of the answers, by chance; one seed."""
    world = audited_world
    for good in ("ann", "bob", "cleo"):
        world.teach(60, teacher=good)
    world.teach(400, lambda first, second: Choice.LEFT if world.rng.random() < 0.5 else Choice.RIGHT, teacher="rand")
    trainer = world.trainer(initial_epochs=60)
    before = trainer.first_training()
    assert world.collector.exclude("rand", True, "eve")
    steps = [trainer.step(0) for _ in range(10)]  # the agent waits meanwhile
    after = [report for report in steps if report.published][-1]
    assert before.audit_accuracy is not None and after.audit_accuracy is not None
    assert before.audit_accuracy < 0.65 and after.audit_accuracy > 0.85
    assert accuracy(after.published) > accuracy(before.published) + 0.05


def accuracy(payload: bytes | None) -> float:
    """Share of 1,000 unseen pairs that the version decides as the true return does."""
    assert payload is not None
    returns = PublishedEnsemble.from_bytes(payload).rewards(UNSEEN.observations, UNSEEN.actions).sum(1)
    return float(((returns[::2] > returns[1::2]) == (TRUE_RETURNS[::2] > TRUE_RETURNS[1::2])).mean())
