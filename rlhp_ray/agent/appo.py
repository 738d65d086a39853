"""APPO: PPO's clipped loss on EnvRunners' fragments as they come, all that came during the last update together.

A fragment is as many updates old as there were while it was taken, so advantages and value targets are V-trace's
(Espeholt et al. 2018) by the learner's own policy and values (Luo et al. 2019, whose target network isn't needed: the
loss clips against the policy before the update).
"""

from __future__ import annotations

import torch
from torch import Tensor

from rlhp_ray.agent.algorithm import FragmentAlgorithm
from rlhp_ray.agent.batch import SequenceBatch
from rlhp_ray.agent.module import ActorCritic
from rlhp_ray.agent.sequence_learner import SequenceLearner
from rlhp_ray.agent.vtrace import v_trace


class APPOLearner(SequenceLearner):
    """Learns from V-trace by the policy and the values of now."""

    columns = ("observations", "actions", "action_logp", "rewards", "terminated", "truncated", "final_values")

    def estimate(self, batch: SequenceBatch, logp: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """V-trace over whole sequences."""
        shape = (batch.sequences, batch.steps)
        arrays = {
            name: batch.tensors[name].reshape(shape).cpu().numpy()
            for name in ("rewards", "final_values", "terminated", "truncated")
        }
        ratios = (logp - batch.tensors["action_logp"].reshape(shape)).exp().cpu().numpy()
        part = self._part
        advantages, targets = v_trace(
            ratios, values=values.cpu().numpy(), gamma=part.gamma, trace_lambda=part.gae_lambda, **arrays
        )
        advantage, target = (torch.from_numpy(array).flatten().to(self.device) for array in (advantages, targets))
        return advantage, target


class APPO(FragmentAlgorithm):
    """Waits for no EnvRunner while another one's fragment is there."""

    learner_class = APPOLearner
    module_class = ActorCritic

    @property
    def least_fragments(self) -> int:
        """One, of whichever runner."""
        return 1
