"""What all policies have in common: how they act, layers, and their weights as arrays."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from rlhp_ray.errors import TaskError
from rlhp_ray.types import Array


class Acted(NamedTuple):
    """What a policy chose for B observations."""

    actions: Tensor  # [B, *action_shape], not clipped
    action_logp: Tensor  # [B]
    values: Tensor | None  # [B] in units of the reward, where they cost nothing more; else None


class PolicyModule(Protocol):
    """What acts: an EnvRunner's policy, and an evaluation's. Every algorithm has its own."""

    def act(self, observations: Tensor, generator: torch.Generator) -> Acted:
        """Sample actions for raw observations [B, ...]."""
        ...

    def act_greedily(self, observations: Tensor) -> Tensor:
        """The deterministic policy's actions for raw observations [B, ...]."""
        ...


def mlp(sizes: Sequence[int], activation: Callable[[], nn.Module], last_gain: float) -> nn.Sequential:
    """Linear layers with an activation between them, orthogonal weights, zero biases."""
    layers: list[nn.Module] = []
    for index, (fan_in, fan_out) in enumerate(itertools.pairwise(sizes)):
        linear = nn.Linear(fan_in, fan_out)
        last = index == len(sizes) - 2
        nn.init.orthogonal_(linear.weight, last_gain if last else math.sqrt(2.0))
        nn.init.zeros_(linear.bias)
        layers += [linear] if last else [linear, activation()]
    return nn.Sequential(*layers)


class NatureCNN(nn.Sequential):
    """Features [B, 512] of images [B, C, H, W] in 0..1 (Mnih et al. 2015, methods: model architecture)."""

    LAYERS = ((32, 8, 4), (64, 4, 2), (64, 3, 1))  # filters, kernel, stride
    FEATURES = 512
    LEAST_PIXELS = 36  # a side that leaves one pixel after the last convolution

    def __init__(self, channels: int, height: int, width: int) -> None:
        """TaskError where the images are too small."""
        if min(height, width) < self.LEAST_PIXELS:
            raise TaskError(
                f"An image must have at least {self.LEAST_PIXELS} pixels a side, and this task's observations "
                f"are {(channels, height, width)} (channels, height, width): wrap the environment so that its images "
                "are larger."
            )
        layers: list[nn.Module] = []
        for filters, kernel, stride in self.LAYERS:
            layers += [nn.Conv2d(channels, filters, kernel, stride), nn.ReLU(inplace=True)]
            channels, height, width = filters, (height - kernel) // stride + 1, (width - kernel) // stride + 1
        layers += [nn.Flatten(), nn.Linear(channels * height * width, self.FEATURES), nn.ReLU(inplace=True)]
        super().__init__(*layers)
        for layer in layers:
            if isinstance(layer, nn.Conv2d | nn.Linear):
                nn.init.orthogonal_(layer.weight, math.sqrt(2.0))
                nn.init.zeros_(layer.bias)  # type: ignore[arg-type]  # torch: a bias may be None


def in_unit_range(images: Tensor) -> Tensor:
    """What NatureCNN reads of uint8 images [B, C, H, W]; channels last in memory, which convolutions are quicker on."""
    return images.to(torch.float32, memory_format=torch.channels_last).div_(255)


@torch.no_grad()
def follow(targets: Iterable[Tensor], params: Iterable[Tensor], rate: float) -> None:
    """Move target networks' weights towards these, in place."""
    torch._foreach_lerp_(list(targets), list(params), rate)


def arrays_of(module: nn.Module) -> dict[str, Array]:
    """Copies of all weights and buffers by name (RLlib's own get_state turns scalars into Python floats)."""
    return {name: tensor.detach().cpu().numpy().copy() for name, tensor in module.state_dict().items()}


def load_arrays(module: nn.Module, arrays: dict[str, Array]) -> None:
    """Take weights and buffers from `arrays`."""
    module.load_state_dict({name: torch.from_numpy(np.array(array)) for name, array in arrays.items()})
