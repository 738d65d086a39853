"""What the ensemble says of clips: of those that were answered, and of the newest beside them.

It stands between the optimiser with the training set, and the trainer's report. A predictor is right about behaviour
like that which was labelled; where the agent has gone elsewhere, nobody has said anything of its behaviour, and what is
predicted there may be exploited (Christiano et al. 2017, section 3.3, offline training; Gao et al. 2023). `Novelty` is
how far away that is, without any answer.
Shapes: M members, B preferences, N clips of K steps.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator

import torch
from torch import Tensor

from rlhp_ray.predictor.ensemble import VectorEnsemble
from rlhp_ray.reward.optimizer import EnsembleOptimizer
from rlhp_ray.reward.training_set import Minibatch, TrainingSet
from rlhp_ray.types import Segments

LABELLED_CLIPS, LABELLED_IMAGE_CLIPS = 256, 16  # that the newest are compared with
COMPARED_STEPS = 512  # whose nearest labelled steps are looked for
LEAST_CLIPS = 8  # fewer say too little
LEAST = 1e-6  # that something is divided by


@dataclasses.dataclass(frozen=True, slots=True)
class Novelty:
    """How the newest behaviour differs from the labelled one."""

    disagreement: float  # of the members about its clips, by that about labelled ones
    predicted: float  # its mean predicted return, in standard deviations of labelled clips above their mean
    distance: float | None  # of its steps to the nearest labelled ones, by that among labelled clips; None: images


class Judge:
    """Asks the ensemble, which it never changes, about clips."""

    def __init__(self, optimizer: EnsembleOptimizer, labels: TrainingSet, *, batch_labels: int) -> None:
        """`batch_labels`: preferences looked at in one go."""
        self._optimizer = optimizer
        self._labels = labels
        self._batch_labels = batch_labels

    def answers(self, slots: Tensor, output_std: Tensor) -> tuple[list[bool], list[float]]:
        """What it says of these labels [B], with the members' outputs normalised by `output_std` [M].

        Whether it prefers what the teacher did, by the mean of its normalised members, ties left out; and the standard
        deviation over the members of the predicted preference.
        """
        if not len(slots):
            return [], []
        returns = self._optimizer.returns(self._batches(slots))
        difference = ((returns[..., 0] - returns[..., 1]) / output_std.unsqueeze(1)).mean(0)
        targets = self._labels.targets(slots)
        hits: list[bool] = ((difference > 0) == (targets > 0.5))[targets != 0.5].tolist()
        preference = torch.sigmoid(returns[..., 0] - returns[..., 1])
        disagreement: list[float] = preference.std(0, correction=0).tolist()
        return hits, disagreement

    def losses(self, slots: Tensor) -> tuple[Tensor, Tensor]:
        """Training and validation loss [M] on these labels; NaN: too little is held out."""
        return self._optimizer.losses(self._batches(slots))

    def novelty(self, newest: Segments, output_std: Tensor) -> Novelty | None:
        """Of the newest clips; None where there are too few of them or of labelled ones."""
        images = self._optimizer.ensemble.architecture.inputs.images
        labelled = self._labels.spread_steps(LABELLED_IMAGE_CLIPS if images else LABELLED_CLIPS)
        if len(newest) < LEAST_CLIPS or len(labelled) < LEAST_CLIPS:
            return None
        new = self._labels.steps_of(newest).view(len(newest), *labelled.shape[1:])
        new_returns, returns = self._mean_rewards(new, output_std), self._mean_rewards(labelled, output_std)
        # a member's zero means nothing: what it says of a labelled clip in the mean is taken for it
        level = returns.mean(1, keepdim=True)
        spread = (returns - level).std(0, correction=0).mean()
        new_spread = (new_returns - level).std(0, correction=0).mean()
        mean, new_mean = returns.mean(0), new_returns.mean(0)
        return Novelty(
            disagreement=float(new_spread / spread.clamp(min=LEAST)),
            predicted=float((new_mean.mean() - mean.mean()) / mean.std(correction=0).clamp(min=LEAST)),
            distance=None if images else self._distance(new, labelled),
        )

    def _mean_rewards(self, clips: Tensor, output_std: Tensor) -> Tensor:
        """Of a step, in the mean over each clip [N, K, *inputs.shape], of each member by its own scale: [M, N]."""
        rewards = self._optimizer.rewards(clips.flatten(0, 1)).view(-1, *clips.shape[:2])
        return rewards.mean(2) / output_std.unsqueeze(1)

    def _distance(self, new: Tensor, labelled: Tensor) -> float:
        """Median distance of new steps to the nearest of half the labelled clips, by that of the other half."""
        ensemble = self._optimizer.ensemble
        assert isinstance(ensemble, VectorEnsemble)
        new, one, other = (ensemble.scaled(clips).flatten(0, 1) for clips in (new, labelled[::2], labelled[1::2]))
        return float(_nearest(new, one) / _nearest(other, one).clamp(min=LEAST))

    def _batches(self, slots: Tensor) -> Iterator[Minibatch]:
        return (self._labels.minibatch(some) for some in torch.split(slots, self._batch_labels))


def _nearest(steps: Tensor, others: Tensor) -> Tensor:
    """Median over some of the steps of the distance to the nearest of the others."""
    some = steps[:: math.ceil(len(steps) / COMPARED_STEPS)]
    return torch.cdist(some, others).amin(1).median()
