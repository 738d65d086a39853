"""A published ensemble: what the trainer hands over, the run folder holds and a replica answers with.

The bytes are one safetensors file that describes itself (its header holds the version and the architecture as JSON),
so a replica can swap from a broadcast without reading the disk. Each member is normalised by itself to mean 0 and
standard deviation 1 over recent behaviour, and the reward is the members' mean (Christiano et al. 2017, section 2.2.1
and 2.2.3). Shapes: M members, Q sequences of K steps, F frames an observation.
"""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import numpy as np
import safetensors
import safetensors.torch
import torch
from torch import Tensor

from rlhp_ray.errors import CorruptDataError
from rlhp_ray.predictor.ensemble import Architecture, Ensemble, make_ensemble
from rlhp_ray.predictor.inputs import StepInputs
from rlhp_ray.types import Array, FloatArray

FORMAT = "rlhp_ray.predictor.2"
VECTOR_CHUNK_STEPS, IMAGE_CHUNK_STEPS = 8192, 256  # a chunk's activations stay small


class PublishedEnsemble:
    """An ensemble with its version and the normalisation of its output. Not changed after it is made."""

    def __init__(
        self, version: int, ensemble: Ensemble, *, output_mean: Tensor, output_std: Tensor, normalized_std: float
    ) -> None:
        """`output_mean`, `output_std` [M]: of each member's reward over recent behaviour."""
        self.version = version
        self._ensemble = ensemble.eval()
        self._output_mean = output_mean
        self._output_std = output_std
        self._normalized_std = normalized_std

    @property
    def inputs(self) -> StepInputs:
        """What a step looks like to it."""
        return self._ensemble.architecture.inputs

    @property
    def about(self) -> dict[str, Any]:
        """Format, version and architecture; with the tensors it is all that there is to know."""
        return {
            "format": FORMAT,
            "version": self.version,
            "architecture": dataclasses.asdict(self._ensemble.architecture),
            "normalized_std": self._normalized_std,
        }

    def rewards(self, observations: Array, actions: Array) -> FloatArray:
        """Rewards [Q, K]: the mean of the normalised members times `normalized_std`."""
        members = self._member_rewards(observations, actions)
        scale = self._normalized_std / (len(self._output_std) * self._output_std)
        rewards: FloatArray = (torch.tensordot(scale, members, 1) - scale @ self._output_mean).numpy()
        return rewards

    def member_returns(self, observations: Array, actions: Array) -> FloatArray:
        """Undiscounted returns [M, Q] of sequences, before normalisation."""
        returns: FloatArray = self._member_rewards(observations, actions).sum(-1).numpy()
        return returns

    def to_bytes(self) -> bytes:
        """The self-describing safetensors file."""
        tensors = {f"ensemble.{name}": tensor.contiguous() for name, tensor in self._ensemble.state_dict().items()}
        tensors |= {"output_mean": self._output_mean, "output_std": self._output_std}
        return safetensors.torch.save(tensors, metadata={"predictor": json.dumps(self.about)})

    @staticmethod
    def from_bytes(payload: bytes) -> PublishedEnsemble:
        """The ensemble that `to_bytes` wrote. CorruptDataError where it didn't."""
        try:
            about = json.loads(payload_metadata(payload)["predictor"])
            if about["format"] != FORMAT:
                raise ValueError(f"its format is {about['format']}, and this rlhp_ray reads {FORMAT}")
            tensors = safetensors.torch.load(payload)
            shape = about["architecture"]
            inputs = StepInputs(**shape["inputs"] | {"observation_shape": tuple(shape["inputs"]["observation_shape"])})
            architecture = Architecture(inputs, shape["members"], tuple(shape["hidden_sizes"]), shape["dropout"])
            ensemble = make_ensemble(architecture, torch.Generator())
            prefix = "ensemble."
            ensemble.load_state_dict({k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)})
            return PublishedEnsemble(
                int(about["version"]),
                ensemble,
                output_mean=tensors["output_mean"],
                output_std=tensors["output_std"],
                normalized_std=float(about["normalized_std"]),
            )
        except (safetensors.SafetensorError, KeyError, TypeError, ValueError, RuntimeError) as error:
            raise CorruptDataError(
                f"A published reward predictor can't be read ({error}); remove the damaged file from predictor/ in the "
                "run folder and resume the run, which publishes a new version."
            ) from error

    @torch.inference_mode()
    def _member_rewards(self, observations: Array, actions: Array) -> Tensor:
        """Rewards [M, Q, K] of observations [Q, K + F - 1, *frame_shape] and actions [Q, K, *action_shape]."""
        inputs = self.inputs
        chunk = IMAGE_CHUNK_STEPS if inputs.images else VECTOR_CHUNK_STEPS
        sequences, steps = actions.shape[:2]
        rewards = torch.empty((self._ensemble.members, sequences, steps))
        together = max(1, chunk // max(1, steps))  # sequences of a chunk
        for first in range(0, sequences, together):
            rows = slice(first, first + together)
            for begin in range(0, steps, chunk):
                times = slice(begin, begin + chunk)
                frames = slice(begin, begin + chunk + inputs.frames - 1)
                encoded = inputs.encode(observations[rows, frames], actions[rows, times])
                # what came from the object store is read-only, which torch doesn't take
                owned = encoded if encoded.flags.writeable else np.array(encoded)
                flat = inputs.steps_of(torch.from_numpy(owned)).flatten(0, 1)
                rewards[:, rows, times] = self._ensemble(flat).view(rewards[:, rows, times].shape)
        return rewards


def payload_metadata(payload: bytes) -> dict[str, str]:
    """The header's text fields of safetensors bytes. ValueError where there are none."""
    length = int.from_bytes(payload[:8], "little")
    if len(payload) < 8 + length:
        raise ValueError("the file is cut off")
    metadata = json.loads(payload[8 : 8 + length]).get("__metadata__")
    if not isinstance(metadata, dict):
        raise ValueError("its header has no metadata")
    return metadata
