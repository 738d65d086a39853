"""APPO: PPO's clipped loss on EnvRunners' fragments as they come, all that came during the last update together.

A fragment is as many updates old as there were while it was taken, so advantages and value targets are V-trace's
(Espeholt et al. 2018) by the learner's own policy and values, and the loss clips against the policy that acted (Luo et
al. 2019, without its target network: with so few updates between acting and learning it gains nothing).
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

    @torch.no_grad()
    def estimate(self, batch: SequenceBatch) -> tuple[Tensor, Tensor]:
        """V-trace over whole sequences."""
        shape = (batch.sequences, batch.steps)
        arrays = {
            name: batch.tensors[name].reshape(shape).cpu().numpy()
            for name in ("rewards", "final_values", "terminated", "truncated")
        }
        logp, values = self._evaluate(batch)
        ratios = (logp - batch.tensors["action_logp"].reshape(shape)).exp().cpu().numpy()
        part = self._part
        advantages, targets = v_trace(
            ratios, values=values.cpu().numpy(), gamma=part.gamma, trace_lambda=part.gae_lambda, **arrays
        )
        advantage, target = (torch.from_numpy(array).flatten().to(self.device) for array in (advantages, targets))
        return advantage, target

    def _evaluate(self, batch: SequenceBatch) -> tuple[Tensor, Tensor]:
        """Log-probabilities [N, T] of the actions, and values [N, T + 1] in units of the reward."""
        actions = batch.tensors["actions"]
        actions = actions.reshape(batch.sequences, batch.steps, *actions.shape[1:])
        actions = torch.cat([actions, actions[:, -1:]], dim=1).flatten(0, 1)  # the last observation has none
        evaluated, begin = [], 0
        for observations in batch.all_observations():
            end = begin + len(observations)
            said = self.actor_critic.evaluate_actions(observations, actions[begin:end])
            evaluated.append(torch.stack([said.action_logp, self.actor_critic.in_reward_units(said.values)]))
            begin = end
        logp, values = torch.cat(evaluated, dim=1).reshape(2, batch.sequences, batch.steps + 1)
        return logp[:, :-1], values


class APPO(FragmentAlgorithm):
    """Waits for no EnvRunner while another one's fragment is there."""

    learner_class = APPOLearner
    module_class = ActorCritic

    @property
    def least_fragments(self) -> int:
        """One, of whichever runner."""
        return 1
