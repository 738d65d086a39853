"""Which labels the next minibatch holds, and whether there is one: the pace of the trainer.

Christiano et al. 2017, appendix A: about one label processed every ten steps of the agent. New answers don't wait for
that: they are trained on as soon as they are taken in, in a few minibatches beside random others.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor

from rlhp_ray.config.schema import RewardPart
from rlhp_ray.reward.trainer_state import TrainerCounters
from rlhp_ray.reward.training_set import TrainingSet
from rlhp_ray.types import Preference

NEW_PASSES = 4  # minibatches that a new answer is in before it is one among all


class Pacing:
    """Chooses minibatches from a training set; its numbers live in the trainer's counters."""

    def __init__(
        self, part: RewardPart, labels: TrainingSet, counters: TrainerCounters, rng: np.random.Generator
    ) -> None:
        self._part = part
        self._labels = labels
        self._counters = counters
        self._rng = rng
        self.newly_covered: list[float] = []  # answered_at of the answers trained on for the first time

    @property
    def untrained(self) -> int:
        """New answers that were in no minibatch yet."""
        return sum(passes == NEW_PASSES for passes in self._counters.fresh.values())

    @property
    def env_steps_behind(self) -> float:
        """The env steps whose share of training is still to be done; 0 where it rests."""
        return self._counters.credit_labels / self._part.labels_per_env_step if self._may_train else 0.0

    @property
    def _may_train(self) -> bool:
        """Whether there are labels, credit and passes for a minibatch."""
        counters = self._counters
        enough = counters.labels_processed <= self._part.max_epochs * len(self._labels)
        return enough and counters.credit_labels >= self._part.batch_labels and bool(len(self._labels))

    def grant(self, env_steps: int) -> None:
        """Give credit for the env steps that the run took since the last call."""
        counters = self._counters
        counters.credit_labels += self._part.labels_per_env_step * max(0, env_steps - counters.env_steps)
        counters.env_steps = max(counters.env_steps, env_steps)

    def forget(self, labels: int) -> None:
        """So many labels are gone, such as an excluded person's: the others get what training those had at first.

        It doesn't wait for env steps: an agent that waits for answers takes none.
        """
        self._counters.credit_labels += self._part.initial_epochs * labels

    def queue(self, preferences: Iterable[Preference]) -> None:
        """New answers, oldest first, that are due at once."""
        for preference in preferences:
            if not preference.audit:
                self._counters.fresh[preference.preference_id] = NEW_PASSES
        # what was undone meanwhile, or fell out of the window, isn't due any more
        fresh = self._counters.fresh
        self._counters.fresh = {name: passes for name, passes in fresh.items() if name in self._labels}

    def next_slots(self) -> Tensor | None:
        """The next minibatch: at most half of it new answers, the newest first; None: rest."""
        size, counters = self._part.batch_labels, self._counters
        if counters.fresh:
            newest = list(counters.fresh)[::-1][: max(1, size // 2)]
            self._count_pass(newest)
            return torch.cat([self._labels.slots_of(newest), self.random_slots(size - len(newest))])
        if not self._may_train:
            return None
        counters.credit_labels -= size
        return self.random_slots(size)

    def random_slots(self, count: int) -> Tensor:
        """At most `count` different labels."""
        slots = self._labels.training_slots()
        return slots[torch.from_numpy(self._rng.permutation(len(slots))[:count])]

    def cover_all(self) -> None:
        """Every label was trained on, as after the first training."""
        self._count_pass([name for name, passes in self._counters.fresh.items() if passes == NEW_PASSES])
        self._counters.fresh.clear()

    def _count_pass(self, names: list[str]) -> None:
        fresh = self._counters.fresh
        for name in names:
            if fresh[name] == NEW_PASSES:
                self.newly_covered.append(self._labels.preference(name).answered_at)
            fresh[name] -= 1
            if not fresh[name]:
                del fresh[name]
