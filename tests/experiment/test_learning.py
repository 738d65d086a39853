"""The whole loop learns a task whose best is known, from comparisons alone."""

from __future__ import annotations

import json

import pytest

from rlhp_ray.agent.build import ALGORITHMS

LEARNS = (
    "budget.env_steps=61440",
    "agent.train_batch_size=1024",
    "agent.envs_per_runner=8",
    "agent.num_epochs=10",
    "agent.learning_rate=1e-3",
    "agent.gamma=0.9",
    "reward.hidden_sizes=[32,32]",
    "reward.initial_epochs=100",
    "run.mode=lockstep",  # so that it either passes or fails on a machine
)


@pytest.mark.parametrize("algorithm", ["ppo", "appo"])
def test_a_point_learns_to_go_to_its_target(command_line, on_cluster: str, algorithm: str) -> None:
    """A random policy makes about -33 here, standing still -33, the best policy -1.8."""
    algorithm_of = f"agent.algorithm={algorithm}"
    summary = command_line.train("point", "learned", "budget.labels=200", algorithm_of, *LEARNS, on_cluster)
    assert summary["algorithm"] == algorithm
    assert summary["random_return_mean"] < -20
    assert summary["true_return_mean"] > -6
    assert summary["labels"] == 200


REPLAYS = (
    "budget.env_steps=12288",
    "agent.updates_per_env_step=0.5",
    "agent.train_batch_size=128",
    "agent.envs_per_runner=8",
    "agent.minibatch_size=64",
    "agent.hidden_sizes=[32,32]",
    "agent.learning_rate=2e-3",
    "agent.gamma=0.9",
    "agent.learning_starts=500",
    "agent.target_rate=0.02",
    "agent.exploration_env_steps=5000",
    "reward.hidden_sizes=[32,32]",
    "reward.initial_epochs=100",
    "run.mode=lockstep",
)


@pytest.mark.parametrize(("algorithm", "task", "pretraining"), [("sac", "point", 2_048), ("dqn", "point-discrete", 0)])
def test_off_policy_agents_learn_it_from_relabelled_replay(
    command_line, on_cluster: str, algorithm: str, task: str, pretraining: int
) -> None:
    """Discrete moves make about -4 at best, at random -26."""
    own = (f"agent.algorithm={algorithm}", f"agent.pretraining_env_steps={pretraining}")
    summary = command_line.train(task, "learned", "budget.labels=200", *own, *REPLAYS, on_cluster)
    assert summary["algorithm"] == algorithm and summary["first_env_steps"] >= max(1, pretraining)
    assert summary["true_return_mean"] > -12
    assert summary["labels"] == 200
    (*_, last) = (command_line.folder / "runs" / "learned" / "metrics.jsonl").read_text().splitlines()
    told = json.loads(last)["metrics"]
    assert all(told[f"agent/{name}"] is not None for name in ALGORITHMS[algorithm].learner_class.figures)


@pytest.mark.slow
def test_the_true_reward_is_a_baseline(command_line, on_cluster: str) -> None:
    summary = command_line.train("point", "baseline", "reward.source=true", *LEARNS, on_cluster)
    assert summary["true_return_mean"] > -6
    assert summary["labels"] == 0 and summary["reward_versions"] == 0 and summary["teacher"] is None
