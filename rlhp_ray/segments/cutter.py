"""Cuts a runner's stream of steps into segments, the candidates for comparison.

First station after the rollouts: runner -> cutter -> segment store. Christiano et al. 2017, section 2.2.1.
Shapes: T steps a fragment, N environments, S segments, K steps a segment.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt

from rlhp_ray.types import Array, FloatArray, IntArray, Segments


@dataclasses.dataclass(frozen=True, slots=True)
class RolloutSteps:
    """A fragment of one runner's vector environment, as the environments saw it."""

    observations: Array  # [T, N, *observation_shape]
    actions: Array  # [T, N, *action_shape]
    true_rewards: FloatArray  # [T, N]
    render_states: npt.NDArray[np.float64]  # [T, N, R]
    episode_ids: IntArray  # [T, N]; -1 where an environment only reset itself and took no step
    episode_steps: IntArray  # [T, N]; the step's place in its episode, from 0
    env_steps: int  # of the run, at the fragment's end
    policy_version: int


_STEP_FIELDS = ("observations", "actions", "true_rewards", "render_states")


class SegmentCutter:
    """Tiles each episode with windows of K steps from its first step on, and offers a random share of them.

    Windows don't overlap, never cross an episode's end, and go on over fragments: a stream gives the same segments
    however it is split. What is left of an episode after its last whole window (fewer than K steps) isn't offered.
    """

    def __init__(self, clip_steps: int, offered_fraction: float, rng: np.random.Generator) -> None:
        self._clip_steps = clip_steps
        self._offered_fraction = offered_fraction
        self._rng = rng
        self._carry: dict[str, Array] = {}  # the stream's last steps, at most K - 1, by field
        self._carried_steps = 0

    def cut(self, steps: RolloutSteps) -> Segments:
        """The offered segments that end in this fragment, by time and then environment.

        `segment_ids` are -1. Arrays are copies: the caller may fill its own anew.
        """
        k = self._clip_steps
        end, env = np.nonzero((steps.episode_steps % k == k - 1) & (steps.episode_ids >= 0))
        # One draw a window, in the stream's order, so that the fragments' lengths don't change what is offered.
        offered = self._rng.random(len(end)) < self._offered_fraction
        offered &= end - (k - 1) >= -self._carried_steps  # else it began before this cutter did
        end, env = end[offered], env[offered]
        times = end[:, None] + np.arange(1 - k, 1)  # [S, K], negative in the carried steps
        segments = Segments(
            segment_ids=np.full(len(end), -1, np.int64),
            episode_ids=steps.episode_ids[end, env],
            first_steps=steps.episode_steps[end, env] - (k - 1),
            env_steps=np.full(len(end), steps.env_steps, np.int64),
            policy_versions=np.full(len(end), steps.policy_version, np.int64),
            **{name: self._gather(name, getattr(steps, name), times, env[:, None]) for name in _STEP_FIELDS},
        )
        self._carry = {name: self._last_steps(name, getattr(steps, name)) for name in _STEP_FIELDS}
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
