"""An exported policy: the deterministic one, rebuilt from the layers that its JSON lists.

policy.json says what is done to an observation (`scale` or `moments`), the `layers` with the names of their weights in
policy.safetensors, and what the last one's outputs mean (`actions`).
"""

from __future__ import annotations

import json
import os
import pathlib
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import safetensors
import safetensors.torch
import torch
from torch import Tensor
from torch.nn import functional

from rlhp_ray.errors import CorruptDataError, UserError
from rlhp_ray.types import Array

FORMAT = "rlhp_ray.policy.1"
DESCRIPTION, WEIGHTS = "policy.json", "policy.safetensors"

Step = Callable[[Tensor], Tensor]


class ExportedPolicy:
    """The deterministic policy of a run: `policy(observation)` is an action."""

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        """`folder`: the export's `policy/`. UserError where there is none, CorruptDataError."""
        try:
            about = json.loads(pathlib.Path(folder, DESCRIPTION).read_text(encoding="utf-8"))
            weights = safetensors.torch.load_file(pathlib.Path(folder, WEIGHTS))
        except OSError as error:
            raise UserError(
                f"There is no exported policy at {folder} ({error.strerror}): `rlhp-ray export RUN -o DIR` writes "
                "DIR/policy."
            ) from None
        except (ValueError, safetensors.SafetensorError) as error:
            raise CorruptDataError(
                f"The exported policy at {folder} can't be read ({error}); export it anew."
            ) from None
        if not isinstance(about, dict) or about.get("format") != FORMAT:
            raise CorruptDataError(f"The policy at {folder} is not of the format {FORMAT}; export it anew.")
        self.task: str = about["task"]
        self._inputs = _inputs(about["observation"], weights)
        self._steps = [_layer(layer, weights) for layer in about["layers"]]
        self._actions = _actions(about["actions"], weights)

    def __call__(self, observation: Array) -> Array:
        """The action for one observation, as the environment takes it."""
        action: Array = self.act(np.asarray(observation)[None])[0]
        return action

    @torch.inference_mode()
    def act(self, observations: Array) -> Array:
        """Actions [B, ...] for observations [B, ...]."""
        features = self._inputs(torch.from_numpy(np.array(observations)))
        for step in self._steps:
            features = step(features)
        return self._actions(features)


def _inputs(about: Mapping[str, Any], weights: Mapping[str, Tensor]) -> Step:
    scale, moments = about.get("scale"), about.get("moments")
    if scale is not None:
        return lambda raw: raw.to(torch.float32) * scale
    if moments is None:
        return lambda raw: raw.to(torch.float32).flatten(1)
    mean, var, clip = weights[moments["mean"]], weights[moments["variance"]], moments["clip"]
    std = torch.sqrt(var + moments["epsilon"])
    return lambda raw: ((raw.to(torch.float32).flatten(1) - mean) / std).clamp(-clip, clip)


def _layer(about: Mapping[str, Any], weights: Mapping[str, Tensor]) -> Step:
    if about["kind"] == "tanh":
        return torch.tanh
    if about["kind"] == "relu":
        return torch.relu
    if about["kind"] == "flatten":
        return lambda features: features.flatten(1)
    weight, bias = weights[about["weight"]], weights[about["bias"]]
    if about["kind"] == "linear":
        return lambda features: functional.linear(features, weight, bias)
    return lambda features: functional.conv2d(features, weight, bias, about["stride"])


def _actions(about: Mapping[str, Any], weights: Mapping[str, Tensor]) -> Callable[[Tensor], Array]:
    if about["kind"] == "argmax":
        return lambda outputs: outputs.argmax(-1).numpy()
    shape = about["shape"]
    low, high = (np.array(about[name], dtype=np.float32).reshape(shape) for name in ("low", "high"))  # null: none
    low, high = np.where(np.isnan(low), -np.inf, low), np.where(np.isnan(high), np.inf, high)
    if about["kind"] == "tanh":
        center, half_range = weights[about["center"]], weights[about["half_range"]]
        size = half_range.numel()
        return lambda outputs: np.clip(
            (center + half_range * outputs[:, :size].tanh().reshape(-1, *shape)).numpy(), low, high
        )
    return lambda outputs: np.clip(outputs.reshape(-1, *shape).numpy(), low, high)
