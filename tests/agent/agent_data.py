"""A small agent on the point task, whole or in parts."""

from __future__ import annotations

from typing import Any

import numpy as np
from ray.rllib.core import DEFAULT_MODULE_ID
from ray.rllib.core.learner.training_data import TrainingData
from ray.rllib.policy.sample_batch import MultiAgentBatch, SampleBatch

from rlhp_ray.agent.build import ALGORITHMS, build_algorithm, rllib_config
from rlhp_ray.config.agent import SizedAgentPart
from rlhp_ray.rollouts.env_runner import RolloutSettings
from rlhp_ray.tasks import load_task

ENVS, STEPS = 8, 32
BUDGET = 10_000


def agent_part(algorithm: str, **fields: Any) -> SizedAgentPart:
    """Settings with which a fragment is ENVS x STEPS."""
    runners = fields.get("num_env_runners", 1)
    small = {
        "algorithm": algorithm,
        "num_env_runners": 1,
        "num_learners": 0,
        "gpus_per_learner": 0.0,
        "envs_per_runner": ENVS,
        "train_batch_size": ENVS * STEPS * runners,
        "minibatch_size": 64,
        "num_epochs": 4,
        "hidden_sizes": (16,),
        "learning_rate": 3e-3,
        "gamma": 0.9,
    }
    return SizedAgentPart(**(small | fields))


def rollout_settings(part: SizedAgentPart, task: str = "point", **fields: Any) -> RolloutSettings:
    """Of runners that learn from the true reward and offer nothing."""
    given = {
        "task": task,
        "clip_steps": 10,
        "envs": part.envs_per_runner,
        "fragment_steps": part.fragment_steps,
        "gamma": part.gamma,
        "gae_lambda": None if part.off_policy else part.gae_lambda,
        "seed": 0,
        "epoch": 1,
        "offered_fraction": 1.0,
        "lockstep": False,
        "store": None,
        "predictor": None,
    }
    return RolloutSettings(**(given | fields))


def make_config(part: SizedAgentPart, task: str = "point", **fields: Any) -> Any:
    """RLlib's configuration of such an agent."""
    settings = rollout_settings(part, task, **fields)
    return rllib_config(part, load_task(task, 10), settings, env_steps_budget=BUDGET)


def make_algorithm(part: SizedAgentPart, task: str = "point", **fields: Any) -> Any:
    """The whole agent, with its actors."""
    settings = rollout_settings(part, task, **fields)
    return build_algorithm(part, load_task(task, 10), settings, env_steps_budget=BUDGET)


def make_learner(part: SizedAgentPart, task: str = "point") -> Any:
    """Its learner alone, in this process."""
    config = make_config(part, task)
    loaded = load_task(task, 10)
    spaces = {DEFAULT_MODULE_ID: (loaded.observation_space, loaded.action_space)}
    spec = config.get_multi_rl_module_spec(spaces=spaces)
    learner = ALGORITHMS[part.algorithm].learner_class(config=config, module_spec=spec)
    learner.build()
    return learner


def training_data(arrays: dict[str, np.ndarray]) -> TrainingData:
    """As the LearnerGroup hands it to a learner."""
    batch = MultiAgentBatch(
        {DEFAULT_MODULE_ID: SampleBatch(arrays)},
        env_steps=len(arrays["rewards"]) if "rewards" in arrays else arrays["action_logp"].size,
    )
    return TrainingData(batch=batch)
