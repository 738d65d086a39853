"""Sequences of steps as tensors, from which the learner gathers minibatches.

Shapes: N sequences (one an environment), T steps each, F frames an observation. Frames are kept once: the observation
of step t is frames[t : t + F], so that stacked images take a quarter of the memory and none is copied but for use.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from rlhp_ray.agent.module import ActorCritic
from rlhp_ray.types import Array

CHUNK_ROWS = 1024  # images of a forward pass over everything: 29 MB of Atari's, in single precision four times that


class SequenceBatch:
    """A learner's batch; `tensors` are the arrays [N, T, ...], flattened to rows [N x T, ...], by name."""

    def __init__(self, arrays: dict[str, Array], module: ActorCritic) -> None:
        self._device = module.value_mean.device
        tensors = {
            name: torch.from_numpy(np.require(array, requirements="W")).to(self._device)
            for name, array in arrays.items()
        }
        frames = tensors.pop("observations")  # [N, T + F, *frame_shape]
        self.sequences, self.steps = tensors["action_logp"].shape
        self.tensors = {name: tensor.flatten(0, 1) for name, tensor in tensors.items()}
        length = frames.shape[1]
        self._stack = length - self.steps
        self._module = module
        self._frames = frames.flatten(0, 1)
        # where the observation of step t begins, t = T being the one after the last step: [N, T + 1]
        sequences, steps = (torch.arange(count, device=self._device) for count in (self.sequences, self.steps + 1))
        starts = sequences[:, None] * length + steps
        self._step_starts = starts[:, :-1].flatten()
        self._all_starts = starts.flatten()
        self._normalized: Tensor | None = None

    def __len__(self) -> int:
        return self.sequences * self.steps

    def raw_vectors(self) -> Tensor:
        """The steps' observations [N x T, D] as the environments gave them, where they are vectors."""
        return self._frames[self._step_starts]

    def normalize(self) -> None:
        """Normalise vectors once for all minibatches, by the module's moments of now."""
        if not self._module.images:
            self._normalized = self._module.normalize(self._frames)

    def observations(self, rows: Tensor) -> Tensor:
        """What the networks read [B, ...] of the steps at these rows [B]."""
        return self._gather(self._step_starts[rows])

    def all_observations(self) -> Iterator[Tensor]:
        """What the networks read of all T + 1 observations of each sequence, in order, chunk by chunk."""
        if self._normalized is not None:
            yield self._normalized
            return
        for starts in torch.split(self._all_starts, CHUNK_ROWS):
            yield self._gather(starts)

    def _gather(self, starts: Tensor) -> Tensor:
        if self._normalized is not None:
            return self._normalized[starts]
        if self._stack == 1:
            return self._module.normalize(self._frames[starts])
        return self._module.normalize(self._frames[starts[:, None] + torch.arange(self._stack, device=self._device)])
