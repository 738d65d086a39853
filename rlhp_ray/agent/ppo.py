"""PPO on RLlib: its Algorithm, EnvRunnerGroup and LearnerGroup, fed with fragments.

The next batch is sampled while the learner updates (a lag of one batch, corrected by the stored log-probabilities),
so that on two cores neither waits for the other.
"""

from __future__ import annotations

import dataclasses
import logging
from typing import Any

import numpy as np
import torch
from ray.rllib.algorithms.ppo import PPO, PPOConfig
from ray.rllib.core import DEFAULT_MODULE_ID
from ray.rllib.core.rl_module.rl_module import RLModuleSpec
from ray.rllib.policy.sample_batch import MultiAgentBatch, SampleBatch

from rlhp_ray.agent.learner import ArrayPPOLearner
from rlhp_ray.agent.module import ActorCritic
from rlhp_ray.config.schema import AgentPart
from rlhp_ray.rollouts.env_runner import SETTINGS, ArrayEnvRunner, RolloutSettings
from rlhp_ray.rollouts.fragment import Fragment
from rlhp_ray.tasks import Task
from rlhp_ray.types import Array

SAMPLE = "sample"


@dataclasses.dataclass(frozen=True)
class Update:
    """What one update learned from, and its figures."""

    fragments: tuple[Fragment, ...]
    figures: dict[str, float]  # policy_loss, value_loss, entropy, kl, clip_fraction

    @property
    def env_steps(self) -> int:
        """Steps that the learner trained on."""
        return sum(map(len, self.fragments))


class ArrayPPO(PPO):  # type: ignore[misc]  # RLlib is untyped
    """RLlib's PPO whose training step takes fragments. `last_update` is what the newest one did."""

    last_update: Update
    env_steps: int = 0  # trained on, over the run's whole life
    updates: int = 0  # likewise; the policy's version

    def collect(self, *, learned: bool) -> list[Fragment]:
        """A batch of fragments, one of each runner, outside training (the first rollouts)."""
        self._request(learned=learned)
        return self._wait(learned=learned)

    def training_step(self) -> None:
        """Take a batch, ask for the next, update, send the weights."""
        if not self.env_runner_group.num_in_flight_async_reqs(SAMPLE):
            self._request(learned=True)
        fragments = self._wait(learned=True)
        if self.config.env_config["overlap"]:
            self._request(learned=True)
        arrays = Fragment.learner_arrays(fragments)
        steps = len(arrays["action_logp"])
        batch = MultiAgentBatch({DEFAULT_MODULE_ID: SampleBatch(arrays)}, env_steps=steps)
        (results,) = self.learner_group.update(
            batch=batch, timesteps={"num_env_steps_sampled_lifetime": self.env_steps}
        )
        self.env_steps += steps
        self.updates += 1
        self._send_weights()
        figures = {name: float(value.peek()) for name, value in results[DEFAULT_MODULE_ID].items() if name in FIGURES}
        self.last_update = Update(tuple(fragments), figures)

    def snapshot(self) -> dict[str, Array]:
        """The agent's state as named arrays: weights with their normalisation, optimiser, counters."""
        (result,) = self.learner_group.foreach_learner(lambda learner: learner.snapshot())
        return {**result.get(), "env_steps": np.asarray(self.env_steps), "updates": np.asarray(self.updates)}

    def go_on(self, arrays: dict[str, Array]) -> None:
        """Go on from a snapshot, in the learner and in every runner."""
        self.env_steps, self.updates = int(arrays["env_steps"]), int(arrays["updates"])
        for result in self.learner_group.foreach_learner(lambda learner: learner.restore(arrays)):
            result.get()
        self._send_weights()

    def _send_weights(self) -> None:
        self.env_runner_group.sync_weights(
            from_worker_or_learner_group=self.learner_group, policies=[DEFAULT_MODULE_ID], inference_only=True
        )

    def _request(self, *, learned: bool) -> None:
        kwargs = {"env_steps": self.env_steps, "learned": learned}
        self.env_runner_group.foreach_env_runner_async(SAMPLE, tag=SAMPLE, kwargs=kwargs)

    def _wait(self, *, learned: bool) -> list[Fragment]:
        """The fragments on their way, of every runner; in the runners' order."""
        wanted = self.config.num_env_runners
        received: list[tuple[int, Fragment]] = []
        while len(received) < wanted:
            received += self.env_runner_group.fetch_ready_async_reqs(tags=SAMPLE, timeout_seconds=None)
            if len(received) < wanted and not self.env_runner_group.num_in_flight_async_reqs(SAMPLE):
                self.env_runner_group.probe_unhealthy_env_runners()
                self._request(learned=learned)
        return [fragment for _, fragment in sorted(received, key=lambda pair: pair[0])][:wanted]


FIGURES = ("policy_loss", "value_loss", "entropy", "kl", "clip_fraction")


def build_ppo(part: AgentPart, task: Task, rollouts: RolloutSettings, *, env_steps_budget: int) -> ArrayPPO:
    """The algorithm of a run, with its EnvRunner actors started."""
    torch.set_num_threads(1)
    logging.getLogger("ray.rllib").setLevel(logging.ERROR)  # it warns of its own defaults at every start
    rate: Any = part.learning_rate
    if part.learning_rate_schedule == "linear":
        rate = [[0, part.learning_rate], [env_steps_budget, 0.0]]
    config = (
        PPOConfig(algo_class=ArrayPPO)
        .api_stack(enable_rl_module_and_learner=True, enable_env_runner_and_connector_v2=True)
        .environment(
            env=task.name,
            observation_space=task.observation_space,
            action_space=task.action_space,
            env_config={SETTINGS: rollouts, "overlap": part.overlap and not rollouts.lockstep},
            disable_env_checking=True,
        )
        .env_runners(
            env_runner_cls=ArrayEnvRunner,
            num_env_runners=part.num_env_runners,
            num_envs_per_env_runner=part.envs_per_runner,
            rollout_fragment_length=part.fragment_steps,
            create_local_env_runner=False,
            max_requests_in_flight_per_env_runner=1,
        )
        .learners(num_learners=0)
        .training(
            learner_class=ArrayPPOLearner,
            train_batch_size_per_learner=part.train_batch_size,
            minibatch_size=part.minibatch_size,
            num_epochs=part.num_epochs,
            lr=rate,
            gamma=part.gamma,
            lambda_=part.gae_lambda,
            clip_param=part.clip,
            entropy_coeff=part.entropy_coefficient,
            vf_loss_coeff=part.value_coefficient,
            grad_clip=part.max_grad_norm,
            use_kl_loss=False,
        )
        .rl_module(
            rl_module_spec=RLModuleSpec(
                module_class=ActorCritic,
                model_config={"hidden_sizes": part.hidden_sizes, "initial_log_std": part.initial_log_std},
            )
        )
        .fault_tolerance(restart_failed_env_runners=True)
        .debugging(seed=rollouts.seed, log_level="ERROR", log_sys_usage=False)
        .reporting(min_time_s_per_iteration=0)
    )
    algorithm: ArrayPPO = config.build_algo()
    return algorithm
