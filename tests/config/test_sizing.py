"""How many of what a run has on a cluster: the rule of docs/cluster.md."""

from __future__ import annotations

from typing import Any

import pytest

from rlhp_ray.config.agent import AgentPart, SizedAgentPart
from rlhp_ray.config.schema import Config, RewardPart, RunPart, ServingPart
from rlhp_ray.config.sizing import Room, sized


def numbers(cpus: int | Room, *, mode: Any = "async", **agent: Any) -> tuple[int, int, int, int]:
    """EnvRunners, learners, batch and minibatch with so many CPUs on nodes that take everything."""
    room = cpus if isinstance(cpus, Room) else Room(cpus, cpus, shared=True, gpus=0.0)
    _, part = sized(Config(task="point", run=RunPart(mode=mode), agent=AgentPart(**agent)), room, images=False)
    return part.num_env_runners, part.num_learners, part.train_batch_size, part.minibatch_size


@pytest.mark.parametrize(
    ("cpus", "expected"),
    [
        (1, (1, 0, 4096, 256)),
        (2, (1, 0, 4096, 256)),
        (4, (3, 0, 4080, 256)),
        (8, (7, 0, 4032, 256)),
        (9, (8, 0, 4096, 256)),
        (17, (8, 0, 4096, 256)),
        (18, (16, 2, 8192, 512)),
        (100, (88, 11, 45056, 2816)),
        (512, (448, 56, 229376, 14336)),
    ],
)
def test_from_one_core_to_hundreds(cpus: int, expected: tuple[int, ...]) -> None:
    assert numbers(cpus) == expected


def test_nodes_of_their_own_for_runners_and_learners_count_apart() -> None:
    assert numbers(Room(16, 8, shared=False, gpus=0.0)) == (16, 2, 8192, 512)
    assert numbers(Room(16, 1, shared=False, gpus=0.0)) == (8, 0, 4096, 256)
    assert numbers(Room(4, 0, shared=False, gpus=0.0)) == (4, 0, 4096, 256)


def test_what_is_given_stays_and_the_rest_fits_it() -> None:
    assert numbers(100, train_batch_size=2048, minibatch_size=64) == (4, 0, 2048, 64)
    assert numbers(100, train_batch_size=1024) == (2, 0, 1024, 256)
    assert numbers(4, train_batch_size=2048) == (2, 0, 2048, 256)  # 3 don't share it equally
    assert numbers(100, train_batch_size=128, envs_per_runner=8) == (1, 0, 128, 128)
    assert numbers(100, num_env_runners=3) == (3, 0, 4080, 256)
    assert numbers(100, num_learners=2) == (16, 2, 8192, 512)
    assert numbers(2, num_env_runners=1, num_learners=0, train_batch_size=512, minibatch_size=32) == (1, 0, 512, 32)


def test_each_algorithm_has_what_it_can_use() -> None:
    assert numbers(100, algorithm="appo") == (8, 0, 4096, 256)
    for algorithm in ("sac", "dqn"):
        assert numbers(100, algorithm=algorithm) == (1, 0, 256, 256)


def test_a_run_in_lockstep_is_the_same_everywhere() -> None:
    assert numbers(100, mode="lockstep") == numbers(1)


@pytest.mark.parametrize("algorithm", ["ppo", "appo", "sac", "dqn"])
@pytest.mark.parametrize("envs", [1, 7, 16, 48])
def test_whatever_the_cluster_the_sizes_fit_each_other(algorithm: str, envs: int) -> None:
    for cpus in (*range(1, 40), 64, 100, 256, 500):
        for shared in (True, False):
            room = Room(cpus, max(1, cpus // 5), shared=shared, gpus=0.0)
            runners, learners, batch, _ = numbers(room, algorithm=algorithm, envs_per_runner=envs)
            assert batch % (runners * envs) == 0  # SizedAgentPart checks the rest
            assert runners + learners <= max(1, cpus + (0 if shared else room.learner_cpus))


def test_replicas_follow_the_runners_and_the_trainer_gets_a_gpu_for_images() -> None:
    room = Room(100, 100, shared=True, gpus=2.0)
    config, _ = sized(Config(task="point"), room, images=False)
    assert config.serving.replicas == 11 and config.reward.gpus == 0.0
    config, part = sized(Config(task="point"), room, images=True)
    assert isinstance(part, SizedAgentPart) and config.agent is part
    assert config.serving.replicas == 4 and config.reward.gpus == 1.0
    assert (part.num_env_runners, part.num_learners, part.gpus_per_learner) == (8, 1, 1.0)
    config, part = sized(Config(task="point"), Room(100, 100, shared=True, gpus=4.0), images=True)
    assert (part.num_env_runners, part.num_learners, part.gpus_per_learner) == (24, 3, 1.0)
    config, part = sized(Config(task="point"), Room(4, 4, shared=True, gpus=1.0), images=True)
    assert (part.num_env_runners, part.num_learners, part.gpus_per_learner, config.reward.gpus) == (2, 1, 0.5, 0.5)
    config, _ = sized(Config(task="point", serving=ServingPart(replicas=3)), room, images=True)
    assert config.serving.replicas == 3
    config, _ = sized(Config(task="point", reward=RewardPart(gpus=0.0)), room, images=True)
    assert config.reward.gpus == 0.0
    config, _ = sized(Config(task="point"), Room(2, 2, shared=True, gpus=0.0), images=True)
    assert config.serving.replicas == 1 and config.reward.gpus == 0.0
