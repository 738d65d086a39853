"""What an EnvRunner hands to the learner: one fragment of T steps in each of N environments, ready for the update."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence

import numpy as np

from rlhp_ray.types import Array, BoolArray, FloatArray


@dataclasses.dataclass(frozen=True, slots=True)
class Episode:
    """A finished episode's figures. The true return is for metrics only."""

    true_return: float
    predicted_return: float
    steps: int


@dataclasses.dataclass(frozen=True, slots=True)
class Estimates:
    """What the policy that acted makes of its steps."""

    advantages: FloatArray  # [N, T], GAE
    value_targets: FloatArray  # [N, T]
    final_values: FloatArray  # [N, T], of the observation that a truncated episode ended with; 0 elsewhere


@dataclasses.dataclass(frozen=True, slots=True)
class Fragment:
    """N sequences of T steps, one an environment, with the rewards that the learner is to see.

    Frames are kept once: the observation of step t is observations[:, t : t + F], t = T being the one after the last.
    """

    observations: Array  # [N, T + F, *frame_shape], not normalised
    actions: Array  # [N, T, *action_shape], the policy's own (not clipped)
    action_logp: FloatArray  # [N, T], by the policy that acted
    rewards: FloatArray  # [N, T]
    terminated: BoolArray  # [N, T]
    truncated: BoolArray  # [N, T]
    estimates: Estimates | None  # None where the policy has no value function
    runner: int  # the EnvRunner's number
    episodes: tuple[Episode, ...]  # those that ended in this fragment
    policy_version: int
    reward_version: int  # of the predictor; 0 with the true reward
    rewarded_at: float  # unix seconds
    elapsed_seconds: float  # of its runner, since the fragment before
    predict_seconds: float  # of them, waiting for the predictor

    def __len__(self) -> int:
        """Steps, N x T."""
        return self.action_logp.size

    @staticmethod
    def learner_arrays(fragments: Sequence[Fragment], columns: Iterable[str]) -> dict[str, Array]:
        """These arrays of all fragments, one after the other."""
        return {name: np.concatenate([_array(f, name) for f in fragments]) for name in columns}


def _array(fragment: Fragment, name: str) -> Array:
    array: Array = getattr(fragment if hasattr(fragment, name) else fragment.estimates, name)
    return array
