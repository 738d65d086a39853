"""Exploring before there are rewards: by how far states are from their neighbours."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from agent_data import make_learner
from pydantic import ValidationError
from test_off_policy import rows, small

from rlhp_ray.agent.networks import arrays_of
from rlhp_ray.agent.state_entropy import NEIGHBOUR, StateEntropy


def test_a_state_is_worth_its_distance_to_the_fifth_neighbour_in_standard_deviations() -> None:
    rng = np.random.default_rng(0)
    states, others = rng.normal(size=(40, 3)).astype(np.float32), rng.normal(size=(200, 3)).astype(np.float32)
    apart = np.sort(np.linalg.norm(states[:, None] - others[None], axis=2), axis=1)[:, NEIGHBOUR - 1]
    entropy = StateEntropy()
    np.testing.assert_allclose(entropy.rewards(states, others), apart / apart.std(), rtol=1e-4)
    # the deviation is that of all distances so far
    far = 10.0 * apart
    np.testing.assert_allclose(
        entropy.rewards(10.0 * states, 10.0 * others), far / np.concatenate([apart, far]).std(), rtol=1e-4
    )


def test_where_all_states_are_the_same_nothing_breaks() -> None:
    same = np.ones((8, 2), dtype=np.float32)
    assert (StateEntropy().rewards(same, same) == 0).all()


def test_the_policy_learns_to_go_where_it_seldom_was(algorithms: Any) -> None:
    """A car in a valley, whose random actions leave it at the bottom; its engine is too weak to climb straight out."""
    part = small("sac", updates_per_env_step=0.25, learning_rate=1e-3, pretraining_env_steps=1)
    agent = algorithms(part, "MountainCarContinuous-v0", lockstep=True)
    positions = [np.concatenate([f.observations[..., 0].ravel() for f in agent.pretrain()]) for _ in range(64)]
    early, late = np.concatenate(positions[:8]), np.concatenate(positions[-8:])
    assert np.ptp(late) > 1.5 * np.ptp(early)
    assert agent.env_steps == 0 and agent.updates == 0  # nothing of it counts as training


def test_values_begin_anew_and_the_policy_stays() -> None:
    part = small("sac")
    learner = make_learner(part, "point")
    learner.learn(rows(part, "point", 256), first_time=True)
    before = arrays_of(learner.trained)
    learner.forget_values()
    after, snapshot = arrays_of(learner.trained), learner.snapshot()
    for name, array in after.items():
        if name.startswith("critics."):
            np.testing.assert_array_equal(array, after[name.replace("critics.", "targets.")])
        assert np.array_equal(array, before[name]) != name.startswith(("critics.", "targets.")), name
    assert not any(name.startswith("optimizer/critics/") for name in snapshot)
    assert any(name.startswith("optimizer/policy/") for name in snapshot)


def test_it_is_of_sac_only() -> None:
    with pytest.raises(ValidationError, match=r"agent\.pretraining_env_steps is for agent\.algorithm=sac"):
        small("dqn", pretraining_env_steps=100)
