"""The EnvRunner: steps its environments into arrays, asks the predictor once a fragment, offers segments.

One request for all T x N steps of a fragment costs about 1 % of the time that the steps take; a request a vector step
would cost several times the environment. Rewards are replaced here, before advantages are estimated, so the
true reward never leaves this process but for metrics and for the oracle's segments.
"""

from __future__ import annotations

import dataclasses
import time
from typing import Any

import numpy as np
import ray
import torch
from ray.actor import ActorHandle
from ray.rllib.core import COMPONENT_RL_MODULE, DEFAULT_MODULE_ID
from ray.rllib.env import INPUT_ENV_SINGLE_SPACES, INPUT_ENV_SPACES
from ray.rllib.env.env_runner import EnvRunner
from ray.rllib.utils.metrics import WEIGHTS_SEQ_NO

from rlhp_ray.actors import result
from rlhp_ray.interfaces import RewardPredictor
from rlhp_ray.rollouts.advantages import advantages, next_values
from rlhp_ray.rollouts.fragment import Episode, Fragment
from rlhp_ray.segments import RolloutSteps, SegmentCutter
from rlhp_ray.tasks import load_task
from rlhp_ray.types import Array, FloatArray

SETTINGS = "rollouts"  # the key of env_config that holds RolloutSettings


@dataclasses.dataclass(frozen=True)
class RolloutSettings:
    """All that a runner needs to know; travels in RLlib's env_config."""

    task: str
    clip_steps: int | None
    envs: int  # N
    fragment_steps: int  # T
    gamma: float
    gae_lambda: float
    seed: int
    epoch: int  # of the run: a resumed run takes other random numbers
    offered_fraction: float
    lockstep: bool
    store: ActorHandle[Any] | None  # the segment store; None: nothing is offered
    predictor: RewardPredictor | None  # None: the true reward


class ArrayEnvRunner(EnvRunner):  # type: ignore[misc]  # RLlib is untyped
    """Samples fragments of T steps in each of N environments. RLlib makes one as an actor per `num_env_runners`."""

    def __init__(self, *, config: Any, **kwargs: Any) -> None:
        super().__init__(config=config, **kwargs)
        torch.set_num_threads(1)
        self._settings: RolloutSettings = self.config.env_config[SETTINGS]
        s = self._settings
        index = int(self.worker_index or 0)
        self._task = load_task(s.task, s.clip_steps)
        self._rng = np.random.default_rng([s.seed, s.epoch, 1, index])
        self._generator = torch.Generator().manual_seed(int(self._rng.integers(2**62)))
        self._predictor = s.predictor
        self._offered: ray.ObjectRef[int] | None = None
        self._weights_seq_no = 0
        self.make_env()
        self.make_module()
        self._cutter = SegmentCutter(self._task.clip_steps, s.offered_fraction, self._rng)
        self._returns = np.zeros((2, s.envs))  # of the running episodes: true, predicted

    def __repr__(self) -> str:
        return f"EnvRunner {self.worker_index} ({self._task.name}, {self._settings.envs} environments)"

    # What RLlib asks of an EnvRunner ------------------------------------------------------------------------------

    def make_env(self) -> None:
        """Make the N environments."""
        self._envs = self._task.environments(self._settings.envs, self._rng)

    def make_module(self) -> None:
        """Make the policy; its weights come by `set_state`."""
        spec = self.config.get_multi_rl_module_spec(spaces=self.get_spaces(), inference_only=False)
        self.module = spec.build()[DEFAULT_MODULE_ID]
        self.module.eval()

    def get_spaces(self) -> dict[str, Any]:
        """The task's spaces under RLlib's keys."""
        spaces = (self._task.observation_space, self._task.action_space)
        return {INPUT_ENV_SPACES: spaces, INPUT_ENV_SINGLE_SPACES: spaces, DEFAULT_MODULE_ID: spaces}

    def get_state(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Weights and their number."""
        return {COMPONENT_RL_MODULE: self.module.get_state(), WEIGHTS_SEQ_NO: self._weights_seq_no}

    def set_state(self, state: dict[str, Any]) -> None:
        """Take newer weights."""
        weights = state.get(COMPONENT_RL_MODULE)
        number = state.get(WEIGHTS_SEQ_NO, 0)
        if weights is None or (number and number <= self._weights_seq_no):
            return
        if isinstance(weights, ray.ObjectRef):
            weights = ray.get(weights)
        self.module.set_state(weights.get(DEFAULT_MODULE_ID, weights))
        self._weights_seq_no = number or self._weights_seq_no

    def get_metrics(self) -> Any:
        """RLlib's own metrics; ours travel in the fragments."""
        return self.metrics.reduce()

    def assert_healthy(self) -> None:
        """Raise if the runner isn't able to sample."""
        if self.module is None or not len(self._envs):
            raise RuntimeError("this EnvRunner has no policy or no environments")

    def stop(self) -> None:
        """Close the environments."""
        self._envs.close()

    # Sampling -----------------------------------------------------------------------------------------------------

    @torch.inference_mode()
    def sample(self, *, env_steps: int = 0, learned: bool = True, **kwargs: Any) -> Fragment:
        """Take T steps in each environment, replace their rewards, estimate advantages, offer segments.

        env_steps: the run's count before this fragment. learned=False leaves rewards out, as before
        the first predictor is there.
        """
        begun = time.perf_counter()
        s = self._settings
        steps, shape = s.fragment_steps, (s.fragment_steps, s.envs)
        envs, task = self._envs, self._task
        observations = np.empty((steps + 1, *envs.observations.shape), dtype=envs.observations.dtype)
        policy_actions = self._empty_actions(shape)
        actions = np.empty_like(policy_actions)
        logp = np.empty(shape, dtype=np.float32)
        rewards = np.empty(shape, dtype=np.float32)
        scores = np.empty(shape, dtype=np.float32)
        terminated, truncated, ended = np.empty((3, *shape), dtype=np.bool_)
        finals: dict[int, Array] = {}
        states = np.empty((*shape, *task.state_shape), dtype=task.state_dtype)
        episode_ids, episode_steps = np.empty((2, *shape), dtype=np.int64)
        low, high = self._action_bounds()

        for t in range(steps):
            observations[t] = envs.observations
            states[t], episode_ids[t], episode_steps[t] = envs.states, envs.episode_ids, envs.episode_steps
            chosen, chosen_logp = self.module.act(torch.from_numpy(observations[t]), self._generator)
            policy_actions[t], logp[t] = chosen.numpy(), chosen_logp.numpy()
            actions[t] = policy_actions[t] if low is None else np.clip(policy_actions[t], low, high)
            envs.step(actions[t])
            rewards[t], scores[t] = envs.rewards, envs.scores
            terminated[t], truncated[t], ended[t] = envs.terminated, envs.truncated, envs.ended
            if truncated[t].any():
                finals[t] = envs.final_observations.copy()
        observations[steps] = envs.observations

        true_rewards = rewards
        predict_begun = time.perf_counter()
        version = 0
        if self._predictor is not None and learned:
            predicted = self._predictor.rewards(observations[:-1].swapaxes(0, 1), actions.swapaxes(0, 1))
            rewards, version = predicted.rewards.T, predicted.version
        elif self._predictor is not None:
            rewards = np.zeros_like(true_rewards)  # the true reward is nobody's to learn from
        predict_seconds = time.perf_counter() - predict_begun

        advantage, targets = self._advantages(observations, rewards, terminated, truncated, finals)
        self._offer(
            RolloutSteps(
                observations=observations[:-1],
                actions=actions,
                true_rewards=true_rewards,
                render_states=states,
                episode_ids=episode_ids,
                episode_steps=episode_steps,
                ended=ended,
                env_steps=env_steps + steps * s.envs,
                policy_version=self._weights_seq_no,
            ),
        )
        flat = steps * s.envs
        return Fragment(
            observations=observations[:-1].reshape(flat, *observations.shape[2:]),
            actions=policy_actions.reshape(flat, *policy_actions.shape[2:]),
            action_logp=logp.reshape(flat),
            advantages=advantage.reshape(flat),
            value_targets=targets.reshape(flat),
            episodes=self._finished(scores, rewards, ended, episode_steps),
            policy_version=self._weights_seq_no,
            reward_version=version,
            rewarded_at=time.time(),
            sample_seconds=time.perf_counter() - begun,
            predict_seconds=predict_seconds,
        )

    def _advantages(
        self,
        observations: Array,
        rewards: FloatArray,
        terminated: Array,
        truncated: Array,
        finals: dict[int, Array],
    ) -> tuple[FloatArray, FloatArray]:
        steps, envs = rewards.shape
        every = self.module.values(torch.from_numpy(observations.reshape(-1, *observations.shape[2:]))).numpy()
        values = every.reshape(steps + 1, envs)
        final_values = np.zeros_like(rewards)
        for t, final in finals.items():
            final_values[t] = self.module.values(torch.from_numpy(final)).numpy()
        following = next_values(values[:-1], values[-1], final_values, terminated, truncated)
        advantage = advantages(
            rewards,
            values[:-1],
            following,
            terminated | truncated,
            gamma=self._settings.gamma,
            gae_lambda=self._settings.gae_lambda,
        )
        return advantage, advantage + values[:-1]

    def _offer(self, steps: RolloutSteps) -> None:
        """Cut segments and offer them; never more than one offer is on its way."""
        store = self._settings.store
        if store is None:
            return
        segments = self._cutter.cut(steps)
        if self._offered is not None:
            result(self._offered)
            self._offered = None
        if len(segments):
            self._offered = store.offer.remote(segments)
            if self._settings.lockstep:
                result(self._offered)

    def _finished(
        self, scores: FloatArray, rewards: FloatArray, done: Array, episode_steps: Array
    ) -> tuple[Episode, ...]:
        """Figures of the episodes that ended, each with the share of it that earlier fragments saw."""
        episodes = []
        sums = np.cumsum(np.stack([scores, rewards]), axis=1, dtype=np.float64)  # [2, T, N]
        for n in range(done.shape[1]):
            before = np.zeros(2)
            for t in np.flatnonzero(done[:, n]):
                total = self._returns[:, n] + sums[:, t, n] - before
                episodes.append(Episode(float(total[0]), float(total[1]), int(episode_steps[t, n]) + 1))
                self._returns[:, n], before = 0.0, sums[:, t, n]
            self._returns[:, n] += sums[:, -1, n] - before
        return tuple(episodes)

    def _empty_actions(self, shape: tuple[int, int]) -> Array:
        space = self._task.action_space
        dtype = np.float32 if self._action_bounds()[0] is not None else np.int64
        return np.empty((*shape, *(space.shape or ())), dtype=dtype)

    def _action_bounds(self) -> tuple[Array | None, Array | None]:
        space = self._task.action_space
        return getattr(space, "low", None), getattr(space, "high", None)
