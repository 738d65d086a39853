"""What an EnvRunner hands to the learner: one fragment of T steps in each of N environments, ready for the update."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from rlhp_ray.types import Array, FloatArray


@dataclasses.dataclass(frozen=True, slots=True)
class Episode:
    """A finished episode's figures. The true return is for metrics only."""

    true_return: float
    predicted_return: float
    steps: int


@dataclasses.dataclass(frozen=True, slots=True)
class Fragment:
    """B = T x N steps as arrays, with advantages by the rewards that the learner is to see."""

    observations: Array  # [B, *observation_shape], not normalised
    actions: Array  # [B, *action_shape], the policy's own (not clipped)
    action_logp: FloatArray  # [B], by the policy that acted
    advantages: FloatArray  # [B]
    value_targets: FloatArray  # [B]
    episodes: tuple[Episode, ...]  # those that ended in this fragment
    policy_version: int
    reward_version: int  # of the predictor; 0 with the true reward
    rewarded_at: float  # unix seconds
    sample_seconds: float
    predict_seconds: float  # of them, waiting for the predictor

    def __len__(self) -> int:
        return len(self.action_logp)

    @staticmethod
    def learner_arrays(fragments: Sequence[Fragment]) -> dict[str, Array]:
        """The arrays that the learner needs, of all fragments in order."""
        names = ("observations", "actions", "action_logp", "advantages", "value_targets")
        return {name: np.concatenate([getattr(f, name) for f in fragments]) for name in names}
