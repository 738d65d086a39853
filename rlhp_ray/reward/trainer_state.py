"""The reward trainer's own state in the run folder: one safetensors file whose header holds the counters as JSON.

Written with every published version, so that a restarted trainer goes on with the weights, Adam's moments, l2,
normalisation, counters and random generators where they were.
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
from rlhp_ray.predictor.published import payload_metadata
from rlhp_ray.storage.run_folder import RunFolder

PATH = "predictor/trainer.safetensors"


@dataclasses.dataclass(slots=True)
class TrainerCounters:
    """Where the trainer stands, beside its tensors."""

    version: int = 0  # the highest that was given
    position: int = 0  # of the answer log, up to which the preferences were taken in
    env_steps: int = 0  # of the run, that credit was given for
    credit_labels: float = 0.0  # that may be processed
    labels_processed: int = 0
    scale_segments: int = 0  # labelled segments when the scale of inputs was taken
    fresh: dict[str, int] = dataclasses.field(default_factory=dict)  # new answers, oldest first -> passes still due
    fresh_hits: list[bool] = dataclasses.field(default_factory=list)  # of the last new answers
    audit_accuracy: float | None = None
    audit_answers: int = 0  # that this is counted over
    train_loss: float | None = None
    validation_loss: float | None = None


class TrainerStates:
    """Writes and reads a run's trainer state."""

    def __init__(self, folder: RunFolder) -> None:
        self._folder = folder

    def write(
        self,
        counters: TrainerCounters,
        tensors: dict[str, Tensor],
        rng: np.random.Generator,
        generator: torch.Generator,
    ) -> None:
        """Replace the state, atomically."""
        about = {"counters": dataclasses.asdict(counters), "rng": rng.bit_generator.state}
        tensors = {name: tensor.contiguous() for name, tensor in tensors.items()} | {"generator": generator.get_state()}
        self._folder.write(PATH, safetensors.torch.save(tensors, metadata={"trainer": json.dumps(about)}))

    def read(
        self, rng: np.random.Generator, generator: torch.Generator
    ) -> tuple[TrainerCounters, dict[str, Tensor]] | None:
        """Counters and tensors as written, and both generators set; None where nothing was. CorruptDataError."""
        try:
            payload = self._folder.read(PATH)
        except FileNotFoundError:
            return None
        try:
            about: dict[str, Any] = json.loads(payload_metadata(payload)["trainer"])
            tensors = safetensors.torch.load(payload)
            counters = TrainerCounters(**about["counters"])
            rng.bit_generator.state = about["rng"]
            generator.set_state(tensors.pop("generator"))
        except (safetensors.SafetensorError, KeyError, TypeError, ValueError, RuntimeError) as error:
            raise CorruptDataError(
                f"{PATH} in the run folder is damaged ({error}); remove it and resume the run: the ensemble is trained "
                "anew from the answers, which are safe."
            ) from error
        return counters, tensors
