"""The update that PPO and APPO share: epochs of minibatches over sequences. Loss: Schulman et al. 2017, equation 9."""

from __future__ import annotations

import abc
from typing import Any

import torch
from ray.rllib.core import DEFAULT_MODULE_ID
from torch import Tensor

from rlhp_ray.agent import collective
from rlhp_ray.agent.batch import SequenceBatch
from rlhp_ray.agent.learner import BUDGET, ArrayLearner, on_a_line
from rlhp_ray.agent.module import ActorCritic, Evaluated
from rlhp_ray.types import Array

VALUE_SCALE_RATE = 0.1  # how fast the value's scale follows the batches' targets
WEIGHT_CLIP = 2.0  # of the steps' importance weights


class SequenceLearner(ArrayLearner, abc.ABC):
    """Updates an ActorCritic from sequences.

    What several learners need in common (gradients, moments of observations, targets and advantages) is averaged over
    them, so that each takes the same step.
    """

    figures = ("policy_loss", "value_loss", "entropy", "kl", "clip_fraction")

    @abc.abstractmethod
    def estimate(self, batch: SequenceBatch, logp: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Advantages and value targets of the batch's rows, both [B], in units of the reward.

        By the policy and the value function of now: log-probabilities [N, T] of the actions, values [N, T + 1].
        """

    def build(self) -> None:
        """Build the learner; nothing was reset yet."""
        super().build()
        self._resets = 0

    def configure_optimizers_for_module(self, module_id: str, config: Any = None) -> None:
        """Adam over all parameters, as one fused step; RLlib sets its rate after each update."""
        params = self.get_parameters(self.module[module_id])
        rate = config.lr if isinstance(config.lr, float) else config.lr[0][1]
        optimizer = torch.optim.Adam(params, lr=rate, eps=1e-5, fused=True)
        self.register_optimizer(module_id=module_id, optimizer=optimizer, params=params, lr_or_lr_schedule=config.lr)

    @property
    def actor_critic(self) -> ActorCritic:
        """The module that is trained."""
        assert isinstance(self.trained, ActorCritic)
        return self.trained

    def learn(self, arrays: dict[str, Array], *, first_time: bool) -> tuple[Tensor, int]:
        """All epochs and minibatches of one batch of sequences."""
        module, part = self.actor_critic, self._part
        batch = SequenceBatch(arrays, module)
        moments = None if module.images else collective.moments(batch.raw_vectors())
        if first_time and moments is not None:
            module.observe(*moments)
        batch.normalize()
        logp, values = self.evaluate(batch)
        advantages, targets = self.estimate(batch, logp, values)
        self._follow_value_scale(targets, first_time)
        _, mean, variance = collective.moments(advantages)
        rows_of = {
            "advantages": ((advantages - mean) / (variance.sqrt() + 1e-8)).float(),
            "value_targets": (targets - module.value_mean) / module.value_std,
            "actions": batch.tensors["actions"],
            "action_logp": logp.flatten(),
            "weights": (logp.flatten() - batch.tensors["action_logp"]).exp().clamp(max=WEIGHT_CLIP),
        }

        optimizer = self.get_optimizer(DEFAULT_MODULE_ID)
        params = list(module.parameters())
        self._sums = torch.zeros(len(self.figures), device=self.device)
        minibatches = 0
        for _ in range(part.num_epochs):
            order = torch.randperm(len(batch), generator=self._generator).to(self.device)
            for rows in torch.split(order, part.minibatch_size // collective.learners()):
                evaluated = module.evaluate_actions(batch.observations(rows), rows_of["actions"][rows])
                loss: Any = self.compute_loss_for_module(
                    module_id=DEFAULT_MODULE_ID,
                    config=self.config,
                    batch={name: tensor[rows] for name, tensor in rows_of.items()},
                    fwd_out=evaluated,
                )
                optimizer.zero_grad()
                loss.backward()
                collective.average_gradients(params)
                torch.nn.utils.clip_grad_norm_(params, part.max_grad_norm, foreach=True)
                optimizer.step()
                minibatches += 1
        if not first_time and moments is not None:
            module.observe(*moments)
        return self._sums / minibatches, len(batch)

    @torch.no_grad()
    def evaluate(self, batch: SequenceBatch) -> tuple[Tensor, Tensor]:
        """By what is learned: log-probabilities [N, T] of the actions, and values [N, T + 1] in units of the reward."""
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

    def compute_loss_for_module(
        self, *, module_id: str, config: Any, batch: dict[str, Tensor], fwd_out: Evaluated
    ) -> Tensor:
        """PPO's loss of a minibatch, from what the module says of its rows.

        A batch was taken by a policy that is an update older or more, so the loss is the decoupled one of Hilton et al.
        2022, "Batch size-invariance for policy optimization", section 3: it clips against the policy before this
        update, and weighs each step by how much likelier that one makes it than the policy that acted. Clipped against
        the latter, what the update before has changed would leave this one less to change.
        """
        logp, entropy, values, outputs = fwd_out
        part = self._part
        log_ratio = logp - batch["action_logp"]
        ratio = log_ratio.exp()
        clipped = ratio.clamp(1 - part.clip, 1 + part.clip)
        surrogate = torch.min(batch["advantages"] * ratio, batch["advantages"] * clipped)
        policy_loss = -(batch["weights"] * surrogate).mean()
        value_loss = (values - batch["value_targets"]).square().mean()
        loss = policy_loss + part.value_coefficient * value_loss
        if part.entropy_coefficient:
            loss = loss - part.entropy_coefficient * entropy.mean()
        if part.bounds_coefficient and self.actor_critic.continuous:
            loss = loss + part.bounds_coefficient * self.actor_critic.beyond_bounds(outputs).mean()
        with torch.no_grad():
            divergence, clip_fraction = (ratio - 1 - log_ratio).mean(), (ratio != clipped).float().mean()
            self._sums += torch.stack([policy_loss, value_loss, entropy.mean(), divergence, clip_fraction])
        return loss

    def restore(self, arrays: dict[str, Array], *, env_steps: int) -> None:
        """Go on from a snapshot; the resets before it are done."""
        self._resets = self._resets_by(env_steps)
        super().restore(arrays, env_steps=env_steps)

    def after_gradient_based_update(self, *, timesteps: dict[str, Any]) -> None:
        """RLlib's; the policy's noise of now; and the networks begin anew where that is due (Nikishin et al. 2022)."""
        super().after_gradient_based_update(timesteps=timesteps)
        env_steps = max(timesteps.values(), default=0)
        first, last = self._part.initial_log_std, self._part.final_log_std
        if last is not None and self.actor_critic.continuous:
            passed = env_steps / self.config.learner_config_dict[BUDGET]
            self.actor_critic.log_std.fill_(on_a_line(first, last, passed))
        due = self._resets_by(env_steps)
        if due > self._resets:
            self._resets = due
            self.actor_critic.reset_networks()
            self.get_optimizer(DEFAULT_MODULE_ID).state.clear()
            collective.share(self.actor_critic)

    def _resets_by(self, env_steps: int) -> int:
        return sum(env_steps >= at for at in self._part.reset_env_steps)

    def _follow_value_scale(self, targets: Tensor, first_time: bool) -> None:
        module = self.actor_critic
        rate = 1.0 if first_time else VALUE_SCALE_RATE
        _, mean, variance = collective.moments(targets)
        following_mean = (1 - rate) * float(module.value_mean) + rate * float(mean)
        following_std = (1 - rate) * float(module.value_std) + rate * float(variance.sqrt())
        module.rescale_values(following_mean, max(following_std, 1e-4))
