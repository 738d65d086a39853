"""The EnvRunner: steps its environments into arrays, asks the predictor once a fragment, offers segments.

One request asks for all T x N steps of a fragment, since a request a vector step would cost several times the
environment; while it is on its way the runner takes the next fragment's first steps, with the policy that it has.
Rewards are replaced here, before advantages are estimated, so the true reward never leaves this process but for metrics
and for the oracle's segments.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import dataclasses
import logging
import time
from typing import Any

import gymnasium
import numpy as np
import ray
import torch
from ray.actor import ActorHandle
from ray.exceptions import RayError, RayTaskError
from ray.rllib.core import COMPONENT_RL_MODULE, DEFAULT_MODULE_ID
from ray.rllib.env import INPUT_ENV_SINGLE_SPACES, INPUT_ENV_SPACES
from ray.rllib.env.env_runner import EnvRunner
from ray.rllib.utils.metrics import WEIGHTS_SEQ_NO

from rlhp_ray.actors import result_of
from rlhp_ray.errors import AgentLostError, ClusterError, RlhpRayError, TaskError
from rlhp_ray.interfaces import RewardPredictor
from rlhp_ray.own_code import where_it_failed
from rlhp_ray.rollouts.advantages import advantages, next_values
from rlhp_ray.rollouts.fragment import Episode, Estimates, Fragment
from rlhp_ray.rollouts.taken_steps import TakenSteps
from rlhp_ray.segments import RolloutSteps, SegmentCutter
from rlhp_ray.tasks import load_task
from rlhp_ray.types import BoolArray, FloatArray, IntArray, PredictedRewards

SETTINGS = "rollouts"  # the key of env_config that holds RolloutSettings


@dataclasses.dataclass(frozen=True)
class RolloutSettings:
    """All that a runner needs to know; travels in RLlib's env_config."""

    task: str
    clip_steps: int | None
    envs: int  # N
    fragment_steps: int  # T
    gamma: float
    gae_lambda: float | None  # None: no values and advantages
    seed: int
    epoch: int  # of the run: a resumed run takes other random numbers
    offered_fraction: float
    lockstep: bool
    store: ActorHandle[Any] | None  # the segment store; None: nothing is offered
    predictor: RewardPredictor | None  # None: the true reward


def _restarted_at() -> tuple[int, ...]:
    """When this process took a dead one's place, so that it doesn't live the same episodes again; else nothing."""
    if not ray.is_initialized() or ray.get_runtime_context().get_actor_id() is None:
        return ()
    return (time.time_ns(),) if ray.get_runtime_context().was_current_actor_reconstructed else ()


class ArrayEnvRunner(EnvRunner):  # type: ignore[misc]  # RLlib is untyped
    """Samples fragments of T steps in each of N environments. RLlib makes one as an actor per `num_env_runners`."""

    def __init__(self, *, config: Any, **kwargs: Any) -> None:
        super().__init__(config=config, **kwargs)
        torch.set_num_threads(1)
        self._settings: RolloutSettings = self.config.env_config[SETTINGS]
        s = self._settings
        index = int(self.worker_index or 0)
        self._task = load_task(s.task, s.clip_steps)
        space = self._task.action_space
        self._bounds = (space.low, space.high) if isinstance(space, gymnasium.spaces.Box) else None
        self._rng = np.random.default_rng([s.seed, s.epoch, 1, index, *_restarted_at()])
        self._generator = torch.Generator().manual_seed(int(self._rng.integers(2**62)))
        self._predictor = s.predictor
        if self._predictor is not None:
            self._predictor.connect()  # while all runners start, not in the first fragment
        self._asking = concurrent.futures.ThreadPoolExecutor(1, "predictor")
        self._offered: ray.ObjectRef[int] | None = None
        self._weights_seq_no = 0
        self.make_env()
        self.make_module()
        self._cutter = SegmentCutter(self._task.clip_steps, s.offered_fraction, self._rng)
        self._next, self._taken_ahead = self._empty(), 0  # of the next fragment
        self._returns = np.zeros((2, s.envs))  # of the running episodes: true, predicted
        self._fragment_at: float | None = None  # when the newest one that is learned from was ready

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
        self._asking.shutdown(wait=False, cancel_futures=True)
        self._envs.close()

    # Sampling -----------------------------------------------------------------------------------------------------

    def sample(
        self, *, env_steps: int = 0, learned: bool = True, weights: dict[str, Any] | None = None, **kwargs: Any
    ) -> Fragment | RlhpRayError:
        """Take T steps in each environment, replace their rewards, estimate advantages, offer segments.

        env_steps: the run's count before this fragment. learned=False leaves rewards out, as before the first
        predictor is there. weights: the state to act with, if it is newer. An error is returned, since RLlib would
        restart a runner that raises; but where another process died, which may be back by then.
        """
        if weights is not None:
            self.set_state(weights)
        try:
            return self._sample(env_steps, learned)
        except RlhpRayError as error:
            return error
        except Exception as error:  # such as of a user's environment
            if isinstance(error, RayError) and not isinstance(error, RayTaskError):
                raise
            logging.getLogger(__name__).exception("failed")
            return AgentLostError(
                f"An EnvRunner failed in {where_it_failed(error)}; once that is mended the run can go on from its last "
                "checkpoint, with `rlhp-ray resume`."
            )

    @torch.inference_mode()
    def _sample(self, env_steps: int, learned: bool) -> Fragment:
        begun = time.perf_counter() if self._fragment_at is None else self._fragment_at
        taken = self._take_fragment()
        asked = None
        if self._predictor is not None and learned:
            asked = self._asking.submit(self._predictor.rewards, taken.frames[:, :-1], taken.actions)
        values = self._values(taken) if self._settings.gae_lambda is not None else None
        self._offer(taken.rollout_steps(env_steps, self._weights_seq_no))
        rewards, version, predict_seconds = taken.true_rewards, 0, 0.0
        if asked is not None:
            if not self._settings.lockstep:
                self._step_ahead_until(asked)
            predict_begun = time.perf_counter()
            predicted = asked.result()
            predict_seconds = time.perf_counter() - predict_begun
            rewards, version = predicted.rewards, predicted.version
        elif self._predictor is not None:
            rewards = np.zeros_like(rewards)  # the true reward is nobody's to learn from
        ready = time.perf_counter()
        self._fragment_at = ready if learned else None  # not the wait for the first labels
        return Fragment(
            observations=taken.frames,
            actions=taken.policy_actions,
            action_logp=taken.action_logp,
            rewards=rewards,
            terminated=taken.terminated,
            truncated=taken.truncated,
            estimates=None if values is None else self._estimates(taken, values, rewards),
            runner=int(self.worker_index or 0),
            episodes=self._finished(taken.scores, rewards, taken.ended, taken.episode_steps),
            policy_version=self._weights_seq_no,
            reward_version=version,
            rewarded_at=time.time(),
            elapsed_seconds=ready - begun,
            predict_seconds=predict_seconds,
        )

    def _empty(self) -> TakenSteps:
        return TakenSteps.empty(self._task, self._envs, self._settings.fragment_steps)

    def _take_fragment(self) -> TakenSteps:
        """The next fragment, from the first step that wasn't taken ahead."""
        taken = self._next
        for t in range(self._taken_ahead, self._settings.fragment_steps):
            self._take_step(taken, t)
        self._next, self._taken_ahead = self._empty(), 0
        return taken

    def _step_ahead_until(self, asked: concurrent.futures.Future[PredictedRewards]) -> None:
        """Take steps of the next fragment while the predictor computes."""
        while not asked.done() and self._taken_ahead < self._settings.fragment_steps:
            self._take_step(self._next, self._taken_ahead)
            self._taken_ahead += 1

    def _take_step(self, taken: TakenSteps, t: int) -> None:
        envs = self._envs
        chosen, logp, values = self.module.act(torch.from_numpy(envs.observations), self._generator)
        policy_actions = chosen.numpy()
        actions = policy_actions if self._bounds is None else np.clip(policy_actions, *self._bounds)
        taken.note_decision(t, envs, policy_actions, actions, logp.numpy())
        if values is not None:
            taken.values[:, t] = values.numpy()
        try:
            envs.step(actions)
        except Exception as error:
            raise TaskError(
                f"An environment of {self._task.name} failed in a step with {type(error).__name__}: {error}; "
                "mend it and resume the run."
            ) from error
        taken.note_outcome(t, envs)
        cut = envs.truncated
        if self._settings.gae_lambda is not None and cut.any():
            taken.final_values[cut, t] = self.module.values(torch.from_numpy(envs.final_observations[cut])).numpy()

    def _estimates(self, taken: TakenSteps, values: FloatArray, rewards: FloatArray) -> Estimates:
        assert self._settings.gae_lambda is not None
        advantage = advantages(
            rewards,
            values[:, :-1],
            next_values(values, taken.final_values, taken.terminated, taken.truncated),
            taken.terminated | taken.truncated,
            gamma=self._settings.gamma,
            gae_lambda=self._settings.gae_lambda,
        )
        return Estimates(advantage, advantage + values[:, :-1], taken.final_values)

    def _values(self, taken: TakenSteps) -> FloatArray:
        """Values [N, T + 1]: images' are known from acting but for the last, vectors' are taken all at once."""
        if self.module.images:
            taken.values[:, -1] = self.module.values(torch.from_numpy(self._envs.observations)).numpy()
            return taken.values
        frames = taken.frames
        every: FloatArray = self.module.values(torch.from_numpy(frames.reshape(-1, *frames.shape[2:]))).numpy()
        return every.reshape(taken.values.shape)

    def _offer(self, steps: RolloutSteps) -> None:
        """Cut segments and offer them; never more than one offer is on its way. A store that is down gets none."""
        store = self._settings.store
        if store is None:
            return
        segments = self._cutter.cut(steps)
        with contextlib.suppress(ClusterError):
            if self._offered is not None:
                offered, self._offered = self._offered, None
                result_of(store, offered)
        if len(segments):
            self._offered = store.offer.remote(segments)
            if self._settings.lockstep:
                result_of(store, self._offered)

    def _finished(
        self, scores: FloatArray, rewards: FloatArray, ended: BoolArray, episode_steps: IntArray
    ) -> tuple[Episode, ...]:
        """Figures of the episodes that ended, each with the share of it that earlier fragments saw."""
        episodes = []
        sums = np.cumsum(np.stack([scores, rewards]), axis=2, dtype=np.float64)  # [2, N, T]
        for n in range(len(ended)):
            before = np.zeros(2)
            for t in np.flatnonzero(ended[n]):
                total = self._returns[:, n] + sums[:, n, t] - before
                episodes.append(Episode(float(total[0]), float(total[1]), int(episode_steps[n, t]) + 1))
                self._returns[:, n], before = 0.0, sums[:, n, t]
            self._returns[:, n] += sums[:, n, -1] - before
        return tuple(episodes)
