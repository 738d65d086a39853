"""Builds a run's agent: RLlib's configuration from ours, and its actors."""

from __future__ import annotations

import logging
from typing import Any, NamedTuple

import ray
import torch
from ray.rllib.algorithms.algorithm_config import AlgorithmConfig
from ray.rllib.core.rl_module.rl_module import RLModuleSpec

from rlhp_ray.agent.algorithm import OVERLAP, FragmentAlgorithm
from rlhp_ray.agent.appo import APPO
from rlhp_ray.agent.dqn import DQN
from rlhp_ray.agent.learner import AGENT, BUDGET, SEED
from rlhp_ray.agent.ppo import PPO
from rlhp_ray.agent.sac import SAC
from rlhp_ray.config.agent import AgentPart, SizedAgentPart
from rlhp_ray.errors import ConfigError
from rlhp_ray.rollouts.env_runner import SETTINGS, ArrayEnvRunner, RolloutSettings
from rlhp_ray.tasks import Task

ALGORITHMS: dict[str, type[FragmentAlgorithm]] = {"ppo": PPO, "appo": APPO, "sac": SAC, "dqn": DQN}
PROBE_SECONDS = 0.2  # how long a dead runner is waited for before the others go on


class Placed(NamedTuple):
    """Custom resources by which Ray finds the nodes of each kind of actor."""

    runners: dict[str, float]
    learners: dict[str, float]


ANYWHERE = Placed({}, {})


class _Config(AlgorithmConfig):  # type: ignore[misc]  # RLlib is untyped
    """RLlib's configuration, with our module."""

    def get_default_rl_module_spec(self) -> RLModuleSpec:
        return RLModuleSpec(module_class=self.algo_class.module_class)


def build_algorithm(
    part: SizedAgentPart,
    task: Task,
    rollouts: RolloutSettings,
    *,
    env_steps_budget: int,
    placed: Placed = ANYWHERE,
) -> FragmentAlgorithm:
    """The algorithm of a run, with its EnvRunner and learner actors started.

    ConfigError where the cluster has too few CPUs for them: Ray would wait for more without a word.
    """
    cpus = ray.cluster_resources().get("CPU", 0.0)  # type: ignore[no-untyped-call]  # Ray's
    actors = part.num_env_runners + part.num_learners
    if actors > cpus:
        raise ConfigError(
            f"agent.num_env_runners={part.num_env_runners} and agent.num_learners={part.num_learners} take a CPU each, "
            f"and the cluster has {cpus:g}: ask for fewer, or set ray.num_cpus={actors}, so that they share cores."
        )
    torch.set_num_threads(part.learner_threads)  # a learner in the driver's
    logging.getLogger("ray.rllib").setLevel(logging.ERROR)  # it warns of its own defaults at every start
    config = rllib_config(part, task, rollouts, env_steps_budget=env_steps_budget, placed=placed)
    algorithm: FragmentAlgorithm = config.build_algo()
    logging.getLogger("ray.rllib").setLevel(logging.CRITICAL)  # who dies is restarted, or said in our words
    return algorithm


def rllib_config(
    part: SizedAgentPart,
    task: Task,
    rollouts: RolloutSettings,
    *,
    env_steps_budget: int,
    placed: Placed = ANYWHERE,
) -> AlgorithmConfig:
    """RLlib's configuration of a run's agent."""
    rate: Any = part.learning_rate
    if part.learning_rate_schedule == "linear":
        rate = [[0, part.learning_rate], [env_steps_budget, 0.0]]
    algorithm_class = ALGORITHMS[part.algorithm]
    return (
        _Config(algo_class=algorithm_class)
        .api_stack(enable_rl_module_and_learner=True, enable_env_runner_and_connector_v2=True)
        .environment(
            env=task.name,
            observation_space=task.observation_space,
            action_space=task.action_space,
            env_config={SETTINGS: rollouts, OVERLAP: part.overlap and not rollouts.lockstep},
            disable_env_checking=True,
        )
        .env_runners(
            env_runner_cls=ArrayEnvRunner,
            num_env_runners=part.num_env_runners,
            custom_resources_per_env_runner=placed.runners,
            num_envs_per_env_runner=part.envs_per_runner,
            rollout_fragment_length=part.fragment_steps,
            create_local_env_runner=False,
            max_requests_in_flight_per_env_runner=1,
            # They have no connectors; each step would wait until none of them samples.
            merge_env_runner_states=False,
            broadcast_env_runner_states=False,
        )
        .learners(
            learner_class=algorithm_class.learner_class,
            num_learners=part.num_learners,
            num_gpus_per_learner=part.gpus_per_learner,
            custom_resources_per_learner=placed.learners,
            learner_config_dict={AGENT: part, SEED: rollouts.seed, BUDGET: env_steps_budget},
        )
        .training(lr=rate)
        .rl_module(model_config=model_config(part))
        .fault_tolerance(
            restart_failed_env_runners=True,
            delay_between_env_runner_restarts_s=0,
            env_runner_health_probe_timeout_s=PROBE_SECONDS,
        )
        # without RLlib's seed, for which each process would import torch's compiler (deterministic kernels of CUDA)
        .debugging(log_level="ERROR", log_sys_usage=False)
        .reporting(min_time_s_per_iteration=0)
    )


def model_config(part: AgentPart) -> dict[str, Any]:
    """What a module is built from, beside the task's spaces."""
    return {
        "hidden_sizes": part.hidden_sizes,
        "initial_log_std": part.initial_log_std,
        "learned_log_std": part.final_log_std is None,
    }
