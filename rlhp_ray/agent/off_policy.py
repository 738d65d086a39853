"""What SAC and DQN share: steps go into a replay buffer, and an update takes minibatches from it.

An update is as many gradient steps as its fragment's env steps are worth (`agent.updates_per_env_step`), in one call of
RLlib's learner, or in several where the rows of all would take much memory.
"""

from __future__ import annotations

import abc
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from rlhp_ray.agent.algorithm import FragmentAlgorithm, learner_died
from rlhp_ray.agent.learner import AGENT, ArrayLearner
from rlhp_ray.agent.relabeling import Relabeler
from rlhp_ray.agent.replay import ReplayBuffer
from rlhp_ray.agent.state_entropy import OTHERS, StateEntropy
from rlhp_ray.config.agent import SizedAgentPart
from rlhp_ray.rollouts.env_runner import SETTINGS, RolloutSettings
from rlhp_ray.rollouts.fragment import Fragment
from rlhp_ray.tasks import load_task
from rlhp_ray.types import Array

MAX_BYTES = 256_000_000  # of rows on their way to the learner; a half-cheetah's are 170 bytes, Atari's 56,000
_REPLAY = "replay/"


class ReplayLearner(ArrayLearner, abc.ABC):
    """Learns from rows, `minibatch_size` of them a gradient step."""

    columns = ("observations", "actions", "rewards", "next_observations", "terminated")

    @abc.abstractmethod
    def gradient_step(self, rows: dict[str, Tensor]) -> Tensor:
        """One gradient step on a minibatch; its figures."""

    def learn(self, arrays: dict[str, Array], *, first_time: bool) -> tuple[Tensor, int]:
        """A gradient step for each minibatch, in order."""
        tensors = {
            name: torch.from_numpy(np.require(arrays[name], requirements="W")).to(self.device) for name in self.columns
        }
        size = self._part.minibatch_size
        sums, count = torch.zeros(len(self.figures), device=self.device), len(tensors["rewards"]) // size
        for first in range(0, count * size, size):
            sums += self.gradient_step({name: tensor[first : first + size] for name, tensor in tensors.items()})
        return sums / count, count * size

    def compute_loss_for_module(self, **kwargs: Any) -> Tensor:
        """Not asked: each gradient step has losses of its own (RLlib wants this to be there)."""
        raise NotImplementedError


class OffPolicyAlgorithm(FragmentAlgorithm, abc.ABC):
    """Fills a replay buffer with each runner's fragments, as they come, and learns from samples of it."""

    @property
    def least_fragments(self) -> int:
        """One, of whichever runner."""
        return 1

    def setup(self, config: Any) -> None:
        """Make the buffer beside runners and learners (RLlib calls this)."""
        settings: RolloutSettings = self.config.env_config[SETTINGS]
        self._part: SizedAgentPart = self.config.learner_config_dict[AGENT]
        self._buffer = ReplayBuffer(
            runners=self.config.num_env_runners,
            envs=settings.envs,
            steps=self._part.replay_env_steps,
            stack=load_task(settings.task, settings.clip_steps).frames_per_observation,
            rng=np.random.default_rng([settings.seed, settings.epoch, *b"replay"]),
        )
        self._relabeler = Relabeler(self._buffer, settings.predictor) if settings.predictor else None
        self._state_entropy = StateEntropy()
        self._owed = 0.0  # gradient steps
        super().setup(config)

    def collect(self, *, learned: bool) -> list[Fragment]:
        """Likewise, and keep the steps: they are rewarded once there is a predictor."""
        fragments = super().collect(learned=learned)
        for fragment in fragments:
            self._buffer.add(fragment)
        return fragments

    def pretrain(self) -> list[Fragment]:
        """A batch of fragments by the policy, which learns to see what was seldom seen: before there are rewards."""
        fragments = self.collect(learned=False)
        for rows in self._due(fragments):
            others = self._buffer.sample(OTHERS)["observations"]
            rows["rewards"] = self._state_entropy.rewards(rows["next_observations"], others)
            self._update(rows, env_steps=0)
        self._store_weights()
        return fragments

    def batches(self, fragments: list[Fragment]) -> Iterator[dict[str, Array]]:
        """Rows for all gradient steps that are due, about `MAX_BYTES` of them at a time.

        None are due while there is too little to learn from.
        """
        for fragment in fragments:
            self._buffer.add(fragment)
        self._relabel(max(fragment.reward_version for fragment in fragments))
        yield from self._due(fragments)

    def _due(self, fragments: list[Fragment]) -> Iterator[dict[str, Array]]:
        if len(self._buffer) < self._part.learning_starts:
            return
        self._owed += self._part.updates_per_env_step * sum(map(len, fragments))
        due = int(self._owed)
        self._owed -= due
        if not self._buffer.usable:
            return
        size = self._part.minibatch_size
        at_once = max(1, MAX_BYTES // (size * self._buffer.row_bytes))
        for first in range(0, due, at_once):
            yield self._buffer.sample(min(at_once, due - first) * size)

    def snapshot(self) -> dict[str, Array]:
        """The agent's state, its replay buffer included."""
        buffer = {f"{_REPLAY}{name}": array for name, array in self._buffer.snapshot().items()}
        return super().snapshot() | buffer

    def go_on(self, arrays: dict[str, Array]) -> None:
        """Go on from a snapshot, with its replay buffer."""
        super().go_on(arrays)
        self._buffer.restore({k.removeprefix(_REPLAY): a for k, a in arrays.items() if k.startswith(_REPLAY)})

    def stop(self) -> None:
        """Stop relabelling, runners and learners."""
        if self._relabeler is not None:
            self._relabeler.stop()
        super().stop()

    def _relabel(self, version: int) -> None:
        """Rewards by this version: now where they are none yet, or in lockstep; else in the background."""
        relabeler = self._relabeler
        if relabeler is None or version <= relabeler.version:
            return
        if relabeler.version == 0 or self._lockstep:
            if self._part.pretraining_env_steps and not self.updates:
                self._forget_values()  # of another reward
            relabeler.pass_once()
        else:
            relabeler.want(version)

    def _forget_values(self) -> None:
        """What the state entropy taught them; the policy stays (PEBBLE, section 4.1). Only SAC is pretrained."""
        for outcome in self.learner_group.foreach_learner(lambda learner: learner.forget_values()):
            if not outcome.ok:
                raise learner_died() from outcome.get()
