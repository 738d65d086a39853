"""Cuts a runner's stream of steps into segments, the candidates for comparison.

First station after the rollouts: runner -> cutter -> segment store. Christiano et al. 2017, section 2.2.1.
Shapes: T steps a fragment, N environments, S segments, K steps a segment, F frames an observation.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from rlhp_ray.types import Array, BoolArray, FloatArray, IntArray, Segments


@dataclasses.dataclass(frozen=True, slots=True)
class RolloutSteps:
    """A fragment of one runner's vector environment, as the environments saw it."""

    observations: Array  # [T + F - 1, N, *frame_shape]; the observation of step t is [t : t + F]
    actions: Array  # [T, N, *action_shape]
    true_rewards: FloatArray  # [T, N]
    render_states: Array  # [T, N, *state_shape]
    episode_ids: IntArray  # [T, N]; -1 where an environment only reset itself and took no step
    episode_steps: IntArray  # [T, N]; the step's place in its episode, from 0
    ended: BoolArray  # [T, N]; the step was its episode's last
    env_steps: int  # of the run, at the fragment's end
    policy_version: int


_STEP_FIELDS = ("actions", "true_rewards", "render_states")


class SegmentCutter:
    """Tiles each episode with windows of K steps from its first step on, and offers a random share of them.

    The K last steps of an episode are one more window, so that its end can be asked about; it overlaps the last tile
    where the episode isn't a multiple of K long. Windows never cross an episode's end, and go on over fragments: a
    stream gives the same segments however it is split.
    """

    def __init__(self, clip_steps: int, offered_fraction: float, rng: np.random.Generator) -> None:
        self._clip_steps = clip_steps
        self._offered_fraction = offered_fraction
        self._rng = rng
        self._carry: dict[str, Array] = {}  # the stream's last steps, at most K - 1, by field; of frames as many
        self._carried_steps = 0

    def cut(self, steps: RolloutSteps) -> Segments:
        """The offered segments that end in this fragment, by time and then environment.

        `segment_ids` are -1. Arrays are copies: the caller may fill its own anew.
        """
        k = self._clip_steps
        whole = (steps.episode_steps % k == k - 1) | (steps.ended & (steps.episode_steps >= k - 1))
        end, env = np.nonzero(whole & (steps.episode_ids >= 0))
        # One draw a window, in the stream's order, so that the fragments' lengths don't change what is offered.
        offered = self._rng.random(len(end)) < self._offered_fraction
        offered &= end - (k - 1) >= -self._carried_steps  # else it began before this cutter did
        end, env = end[offered], env[offered]
        times = end[:, None] + np.arange(1 - k, 1)  # [S, K], negative in the carried steps
        stacked = len(steps.observations) - len(steps.episode_ids)  # F - 1
        frame_times = end[:, None] + np.arange(1 - k, 1 + stacked)  # [S, K + F - 1]
        segments = Segments(
            segment_ids=np.full(len(end), -1, np.int64),
            episode_ids=steps.episode_ids[end, env],
            first_steps=steps.episode_steps[end, env] - (k - 1),
            env_steps=np.full(len(end), steps.env_steps, np.int64),
            policy_versions=np.full(len(end), steps.policy_version, np.int64),
            observations=self._gather("observations", steps.observations, frame_times, env[:, None]),
            **{name: self._gather(name, getattr(steps, name), times, env[:, None]) for name in _STEP_FIELDS},
        )
        fragment = {name: getattr(steps, name) for name in _STEP_FIELDS}
        # the next fragment begins with the F - 1 frames that are left out here
        fragment["observations"] = steps.observations[: len(steps.episode_ids)]
        self._carry = {name: self._last_steps(name, array) for name, array in fragment.items()}
        self._carried_steps = len(self._carry["true_rewards"])
        return segments

    def _gather(self, name: str, fragment: Array, times: IntArray, env: IntArray) -> Array:
        """Steps [S, K, ...] at these times; only what is offered is copied, since images are large."""
        gathered: Array = fragment[np.maximum(times, 0), env]
        early = times < 0
        if early.any():
            envs = np.broadcast_to(env, times.shape)
            gathered[early] = self._carry[name][times[early] + self._carried_steps, envs[early]]
        return gathered

    def _last_steps(self, name: str, fragment: Array) -> Array:
        """The stream's last K - 1 steps, copied."""
        wanted = self._clip_steps - 1
        new = fragment[max(0, len(fragment) - wanted) :].copy()
        if not self._carry or len(new) == wanted:
            return new
        old = self._carry[name]
        return np.concatenate([old[max(0, len(old) + len(new) - wanted) :], new])
