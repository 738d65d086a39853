"""The steps of a fragment as they are taken, in preallocated arrays.

Shapes: N environments, T steps, F frames an observation. Rows are environments, so that a sequence lies in one piece.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from rlhp_ray.interfaces import Environments
from rlhp_ray.segments import RolloutSteps
from rlhp_ray.tasks import Task
from rlhp_ray.types import Array, BoolArray, FloatArray, IntArray


@dataclasses.dataclass(frozen=True, slots=True)
class TakenSteps:
    """T steps in each of N environments."""

    frames: Array  # [N, T + F, *frame_shape]; the observation of step t is [:, t : t + F]
    policy_actions: Array  # [N, T, *action_shape], as the policy chose them
    actions: Array  # [N, T, *action_shape], as the environments took them (clipped)
    action_logp: FloatArray  # [N, T]
    values: FloatArray  # [N, T + 1], where the policy gives them as it acts
    final_values: FloatArray  # [N, T], of the observation that a truncated episode ended with; 0 elsewhere
    true_rewards: FloatArray  # [N, T]
    scores: FloatArray  # [N, T]
    terminated: BoolArray  # [N, T]
    truncated: BoolArray  # [N, T]
    ended: BoolArray  # [N, T]
    states: Array  # [N, T, *state_shape]
    episode_ids: IntArray  # [N, T]
    episode_steps: IntArray  # [N, T]

    @staticmethod
    def empty(task: Task, envs: Environments, steps: int) -> TakenSteps:
        """Arrays to be filled; the first observations are in them."""
        count, stack = len(envs), task.frames_per_observation
        frames = np.empty((count, steps + stack, *task.frame_shape), dtype=envs.observations.dtype)
        frames[:, :stack] = envs.observations.reshape(count, stack, *task.frame_shape)
        action_shape = task.action_space.shape or ()
        action_dtype = np.float32 if action_shape else np.int64
        policy_actions, actions = np.empty((2, count, steps, *action_shape), dtype=action_dtype)
        logp, true_rewards, scores = np.empty((3, count, steps), dtype=np.float32)
        terminated, truncated, ended = np.empty((3, count, steps), dtype=np.bool_)
        episode_ids, episode_steps = np.empty((2, count, steps), dtype=np.int64)
        return TakenSteps(
            frames=frames,
            policy_actions=policy_actions,
            actions=actions,
            action_logp=logp,
            values=np.empty((count, steps + 1), dtype=np.float32),
            final_values=np.zeros((count, steps), dtype=np.float32),
            true_rewards=true_rewards,
            scores=scores,
            terminated=terminated,
            truncated=truncated,
            ended=ended,
            states=np.empty((count, steps, *task.state_shape), dtype=task.state_dtype),
            episode_ids=episode_ids,
            episode_steps=episode_steps,
        )

    def note_decision(self, t: int, envs: Environments, policy_actions: Array, actions: Array, logp: Array) -> None:
        """Step t before it is taken: what is done in which state."""
        self.policy_actions[:, t], self.actions[:, t], self.action_logp[:, t] = policy_actions, actions, logp
        self.states[:, t], self.episode_ids[:, t] = envs.states, envs.episode_ids
        self.episode_steps[:, t] = envs.episode_steps

    def note_outcome(self, t: int, envs: Environments) -> None:
        """Step t after it was taken: what came of it."""
        self.frames[:, self.frames.shape[1] - self.action_logp.shape[1] + t] = envs.frames
        self.true_rewards[:, t], self.scores[:, t] = envs.rewards, envs.scores
        self.terminated[:, t], self.truncated[:, t], self.ended[:, t] = envs.terminated, envs.truncated, envs.ended

    def rollout_steps(self, env_steps: int, policy_version: int) -> RolloutSteps:
        """The same for the cutter, by time, without a copy; env_steps: of the run before this fragment."""
        return RolloutSteps(
            observations=self.frames[:, :-1].swapaxes(0, 1),
            actions=self.actions.swapaxes(0, 1),
            true_rewards=self.true_rewards.swapaxes(0, 1),
            render_states=self.states.swapaxes(0, 1),
            episode_ids=self.episode_ids.swapaxes(0, 1),
            episode_steps=self.episode_steps.swapaxes(0, 1),
            ended=self.ended.swapaxes(0, 1),
            env_steps=env_steps + self.action_logp.size,
            policy_version=policy_version,
        )
