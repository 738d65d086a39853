"""One step of learning for all members at once: weighted loss, Adam, l2 adapted to each member.

Christiano et al. 2017, sections 2.2.3 and A: the l2 coefficient is adapted so that validation loss stays between 1.1
and 1.5 times training loss. Shapes: M members, B preferences, K steps a segment.

A minibatch of image clips is taken in chunks whose gradients add up: all of it at once would hold gigabytes of
activations, and buffers under 32 MB are used again instead of being mapped anew (together less than half the time).
Batch norm's moments are a chunk's. Images train on a GPU where this process sees one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import torch
from torch import Tensor

from rlhp_ray.predictor.ensemble import Ensemble, VectorEnsemble
from rlhp_ray.reward.loss import preference_loss
from rlhp_ray.reward.training_set import Minibatch

LOW_RATIO, HIGH_RATIO = 1.1, 1.5  # of validation to training loss
L2_FACTOR = 1.5
LEAST_L2 = 1e-7
MOST_L2, MOST_IMAGE_L2 = 1e-1, 1e-2  # more leaves a member that hardly says anything
LEAST_VALIDATION_LABELS = 8  # a ratio from fewer says too little
LEAST_SCALE = 1e-3  # an input that hardly moves isn't blown up
IMAGE_CHUNK_STEPS = 200  # four pairs of the paper's clips


def adapted_l2(l2: Tensor, training: Tensor, validation: Tensor, most: float = MOST_L2) -> Tensor:
    """The next coefficients [M]: more where validation/training loss is above 1.5, less below 1.1; NaN: as it is."""
    ratio = validation / training
    factor = torch.ones_like(l2)
    factor[ratio > HIGH_RATIO] = L2_FACTOR
    factor[ratio < LOW_RATIO] = 1 / L2_FACTOR
    return torch.where(factor == 1, l2, (l2 * factor).clamp(LEAST_L2, most))


class EnsembleOptimizer:
    """Trains an ensemble in place. Losses and weights of members never mix, so each is trained as if alone."""

    def __init__(
        self, ensemble: Ensemble, *, learning_rate: float, l2_initial: float, error_probability: float
    ) -> None:
        images = ensemble.architecture.inputs.images
        self._device = torch.device("cuda" if images and torch.cuda.is_available() else "cpu")
        self._chunk_steps = IMAGE_CHUNK_STEPS if images else None
        self.ensemble = ensemble.to(self._device)
        self.l2 = torch.full((ensemble.members,), l2_initial)  # [M]
        self._most_l2 = MOST_IMAGE_L2 if images else MOST_L2
        self._error_probability = error_probability
        self._adam = torch.optim.Adam(ensemble.parameters(), lr=learning_rate, fused=True)

    def train(self, batch: Minibatch) -> None:
        """One Adam step on the mean of the members' own weighted losses, with l2 in the gradient."""
        self.ensemble.train()
        weight = batch.weights.sum(1).clamp(min=1)
        self._adam.zero_grad()
        for chunk in self._chunks(batch):
            torch.autograd.backward((chunk.weights * self._losses(chunk)).sum(1).div(weight).sum())
        with torch.no_grad():
            members = self.ensemble.members
            for parameter in self.ensemble.regularized():
                assert parameter.grad is not None
                shrink = self.l2.to(self._device).unsqueeze(1) * parameter.view(members, -1)
                parameter.grad.view(members, -1).add_(shrink)
        self._adam.step()

    def adapt_l2(self, training: Tensor, validation: Tensor) -> None:
        """Bring each member's l2 nearer to what its losses [M] ask for."""
        self.l2 = adapted_l2(self.l2, training, validation, self._most_l2)

    @torch.inference_mode()
    def losses(self, batches: Iterable[Minibatch]) -> tuple[Tensor, Tensor]:
        """Training and validation loss [M], without l2 and dropout; NaN where too little is held out."""
        self.ensemble.eval()
        pieces = [(self._losses(chunk), chunk.weights) for batch in batches for chunk in self._chunks(batch)]
        losses, weights = (torch.cat(column, dim=1) for column in zip(*pieces, strict=True))
        held_out = (weights == 0).to(torch.float32)
        training = (weights * losses).sum(1) / weights.sum(1)
        validation = (held_out * losses).sum(1) / held_out.sum(1)
        validation[held_out.sum(1) < LEAST_VALIDATION_LABELS] = torch.nan
        return training, validation

    @torch.inference_mode()
    def returns(self, batches: Iterable[Minibatch]) -> Tensor:
        """Predicted undiscounted returns [M, B, 2], not normalised."""
        self.ensemble.eval()
        return torch.cat([self._returns(chunk) for batch in batches for chunk in self._chunks(batch)], dim=1)

    @torch.inference_mode()
    def rewards(self, steps: Tensor) -> Tensor:
        """Predicted rewards [M, N] of inputs [N, *inputs.shape], not normalised."""
        self.ensemble.eval()
        chunks = torch.split(steps, self._chunk_steps or max(1, len(steps)))
        return torch.cat([self.ensemble(chunk.to(self._device)).cpu() for chunk in chunks], dim=1)

    @torch.no_grad()
    def set_input_scale(self, center: Tensor, scale: Tensor) -> None:
        """Center and scale observations by these [observation_size] from now on. Vectors only."""
        ensemble = self.ensemble
        assert isinstance(ensemble, VectorEnsemble)
        ensemble.input_center[: len(center)] = center
        ensemble.input_scale[: len(scale)] = scale.clamp(min=LEAST_SCALE)

    def state(self) -> dict[str, Tensor]:
        """Weights, buffers, Adam's moments and l2, by flat names."""
        tensors = {f"ensemble.{name}": tensor for name, tensor in self.ensemble.state_dict().items()}
        tensors["l2"] = self.l2
        for index, slots in self._adam.state_dict()["state"].items():
            tensors |= {f"adam.{index}.{name}": tensor for name, tensor in slots.items()}
        return tensors

    def load_state(self, tensors: Mapping[str, Tensor]) -> None:
        """Take up what `state` gave."""
        prefix = "ensemble."
        self.ensemble.load_state_dict({k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)})
        self.l2 = tensors["l2"].clone()
        adam = self._adam.state_dict()
        adam["state"] = {}
        for key, tensor in tensors.items():
            if key.startswith("adam."):
                _, index, name = key.split(".", 2)
                adam["state"].setdefault(int(index), {})[name] = tensor.clone()
        self._adam.load_state_dict(adam)

    def _losses(self, batch: Minibatch) -> Tensor:
        returns = self._returns(batch)
        return preference_loss(returns[..., 0], returns[..., 1], batch.targets, self._error_probability)

    def _returns(self, batch: Minibatch) -> Tensor:
        # frames travel to the device before they are stacked
        steps = self.ensemble.architecture.inputs.steps_of(batch.encoded.to(self._device))  # [B, 2, K, *inputs.shape]
        rewards: Tensor = self.ensemble(steps.flatten(0, 2)).cpu()
        return rewards.view(-1, *steps.shape[:3]).sum(-1)

    def _chunks(self, batch: Minibatch) -> Iterator[Minibatch]:
        """The minibatch in parts of so many preferences that each has about `_chunk_steps` steps."""
        pairs = len(batch.targets)
        if self._chunk_steps is not None:
            pairs = max(1, self._chunk_steps // (2 * batch.encoded.shape[2]))
        for first in range(0, len(batch.targets), pairs):
            some = slice(first, first + pairs)
            yield Minibatch(batch.encoded[some], batch.targets[some], batch.weights[:, some])
