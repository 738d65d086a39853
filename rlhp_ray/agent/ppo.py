"""PPO (Schulman et al. 2017): an update takes a fragment of every EnvRunner, with the runners' advantages."""

from __future__ import annotations

from torch import Tensor

from rlhp_ray.agent.algorithm import FragmentAlgorithm
from rlhp_ray.agent.batch import SequenceBatch
from rlhp_ray.agent.module import ActorCritic
from rlhp_ray.agent.sequence_learner import SequenceLearner


class PPOLearner(SequenceLearner):
    """Learns from GAE by the values of the policy that acted."""

    columns = ("observations", "actions", "action_logp", "advantages", "value_targets")

    def estimate(self, batch: SequenceBatch, logp: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """The runners' own."""
        return batch.tensors["advantages"], batch.tensors["value_targets"]


class PPO(FragmentAlgorithm):
    """Waits for all EnvRunners at each update."""

    learner_class = PPOLearner
    module_class = ActorCritic

    @property
    def least_fragments(self) -> int:
        """One of each runner."""
        return int(self.config.num_env_runners)
