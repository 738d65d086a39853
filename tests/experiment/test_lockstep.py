"""Lockstep: two runs of one seed are equal but for times; another seed differs."""

from __future__ import annotations

import pytest

# The only fields of a summary that a clock has a say in.
TIMES = {
    "wall_seconds",
    "env_steps_per_second",
    "held_seconds",
    "predict_share",
    "answer_to_reward_seconds_p50",
    "answer_to_reward_seconds_p99",
}
LOCKSTEP = ("run.mode=lockstep", "budget.env_steps=2048")


def _untimed(summary: dict) -> dict:
    return {name: value for name, value in summary.items() if name not in TIMES}


def test_two_runs_of_a_seed_are_equal(command_line, on_cluster: str) -> None:
    lockstep = (*LOCKSTEP, on_cluster)
    first = command_line.train("point", "first", *lockstep)
    assert first["labels"] == 40
    assert first["env_steps"] == 2048
    assert _untimed(first) == _untimed(command_line.train("point", "second", *lockstep))


@pytest.mark.slow
def test_with_discrete_actions_too_and_another_seed_differs(command_line, on_cluster: str) -> None:
    first, second, other = (
        command_line.train("point-discrete", f"run-{number}", f"seed={seed}", *LOCKSTEP, on_cluster)
        for number, seed in enumerate((0, 0, 1))
    )
    assert _untimed(first) == _untimed(second)
    assert first["true_return_mean"] != other["true_return_mean"]
    assert first["answers"] != other["answers"] or first["reward_accuracy_fresh"] != other["reward_accuracy_fresh"]
