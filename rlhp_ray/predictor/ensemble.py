"""The reward predictor's ensemble as one batched network: no loop over members.

Christiano et al. 2017, appendix A: an MLP of two layers of 64 on observation and action; for images four convolutions
7, 5, 3, 3 with strides 3, 2, 1, 1 of 16 filters, batch norm and dropout 0.5 on each, then 64, leaky ReLU everywhere.
Shapes: M members, N steps. Within the dense layers the features come before the steps ([M, features, N]): matrix
products over that layout are a quarter faster on a CPU.
"""

from __future__ import annotations

import abc
import dataclasses
import itertools
import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from rlhp_ray.predictor.inputs import StepInputs

NEGATIVE_SLOPE = 0.01
FILTERS = 16
KERNELS_AND_STRIDES = ((7, 3), (5, 2), (3, 1), (3, 1))
IMAGE_HIDDEN_SIZE = 64
FIRST_OUTPUT_SCALE = 0.001  # of vectors: the loss is flat where two clips differ much, so chance differences would stay


@dataclasses.dataclass(frozen=True, slots=True)
class Architecture:
    """What an ensemble is built from; travels with each published version."""

    inputs: StepInputs
    members: int
    hidden_sizes: tuple[int, ...]  # vectors only
    dropout: float  # on each convolution, or on each hidden layer of vectors


class Ensemble(nn.Module, abc.ABC):
    """M reward functions of a step: inputs [N, *inputs.shape] -> rewards [M, N], not normalised."""

    def __init__(self, architecture: Architecture, generator: torch.Generator) -> None:
        super().__init__()
        self.architecture = architecture
        self.members = architecture.members
        self._generator = generator

    @abc.abstractmethod
    def forward(self, inputs: Tensor) -> Tensor: ...

    def regularized(self) -> list[Tensor]:
        """The weights that l2 shrinks, first axis a multiple of M by member; no bias, no batch norm."""
        return [p for name, p in self.named_parameters() if name.endswith("weight") and "norm" not in name]

    def _drop(self, features: Tensor) -> Tensor:
        rate = self.architecture.dropout
        if not self.training or rate == 0.0:
            return features
        # torch's own dropout draws from the global generator, and floats; a byte a feature takes a sixth of the time
        seed = int(torch.randint(2**62, (), generator=self._generator))
        generator = torch.Generator(features.device).manual_seed(seed)
        drawn = torch.empty(-(-features.numel() // 8), dtype=torch.int64, device=features.device)
        drawn.random_(-(2**63), None, generator=generator)
        kept = drawn.view(torch.uint8)[: features.numel()] >= round(256 * rate)
        factors = torch.empty_like(features)  # in the features' own layout, and floats: twice as fast as bools
        factors.as_strided(kept.shape, (1,)).copy_(kept).mul_(1 / (1 - rate))
        return features * factors


def make_ensemble(architecture: Architecture, generator: torch.Generator) -> Ensemble:
    """A new ensemble, its members drawn independently from the generator, which also draws dropout while it trains."""
    if architecture.inputs.images:
        return ImageEnsemble(architecture, generator)
    return VectorEnsemble(architecture, generator)


class MemberLinear(nn.Module):
    """One dense layer for each member: [M, in, N] -> [M, out, N]; what all share is [in, N]."""

    def __init__(self, members: int, inputs: int, outputs: int, generator: torch.Generator) -> None:
        super().__init__()
        self.weight = nn.Parameter(_kaiming((members, outputs, inputs), inputs, generator))
        self.bias = nn.Parameter(torch.zeros(members, outputs, 1))

    def forward(self, features: Tensor) -> Tensor:
        # not a view of one flat product: an activation in place of a view costs copies in the backward pass
        return torch.baddbmm(self.bias, self.weight, features.expand(len(self.weight), -1, -1))


class VectorEnsemble(Ensemble):
    """MLP on concatenated observation and action; observations are centred and scaled by buffers of it.

    Then their symlog is taken (Hafner et al. 2023, "Symlog predictions"), which is linear near the center and a
    logarithm far out: what tells two clips apart often lies within a tenth of what a fall spreads over.
    """

    input_center: Tensor  # [inputs]; actions keep center 0 and scale 1
    input_scale: Tensor

    def __init__(self, architecture: Architecture, generator: torch.Generator) -> None:
        super().__init__(architecture, generator)
        (size,) = architecture.inputs.shape
        sizes = (size, *architecture.hidden_sizes, 1)
        self.layers = nn.ModuleList(MemberLinear(self.members, i, o, generator) for i, o in itertools.pairwise(sizes))
        with torch.no_grad():
            self.layers[-1].get_parameter("weight").mul_(FIRST_OUTPUT_SCALE)
        self.register_buffer("input_center", torch.zeros(size))
        self.register_buffer("input_scale", torch.ones(size))

    def scaled(self, inputs: Tensor) -> Tensor:
        """Inputs [..., inputs], centred and scaled: distances in them are the same near and far out."""
        return (inputs - self.input_center) / self.input_scale

    def normalized(self, inputs: Tensor) -> Tensor:
        """Inputs [..., inputs] as the first layer sees them."""
        scaled = self.scaled(inputs)
        observed = self.architecture.inputs.observation_size
        return torch.cat([symlog(scaled[..., :observed]), scaled[..., observed:]], dim=-1)

    def forward(self, inputs: Tensor) -> Tensor:
        features = self.normalized(inputs).t()
        for layer in self.layers[:-1]:
            features = self._drop(functional.leaky_relu_(layer(features), NEGATIVE_SLOPE))
        rewards: Tensor = self.layers[-1](features)
        return rewards.squeeze(1)


class ImageEnsemble(Ensemble):
    """The paper's convolutional network, its members as groups of channels; uint8 [N, C, H, W] / 255."""

    def __init__(self, architecture: Architecture, generator: torch.Generator) -> None:
        super().__init__(architecture, generator)
        channels, height, width = architecture.inputs.observation_shape
        self.convolutions = nn.ModuleList()
        self.norms = nn.ModuleList()
        fan_channels = channels
        for index, (kernel, stride) in enumerate(KERNELS_AND_STRIDES):
            # all members read the same image, so the first layer needs no groups
            groups = self.members if index else 1
            layer = nn.Conv2d(fan_channels * groups, FILTERS * self.members, kernel, stride, groups=groups, bias=False)
            with torch.no_grad():
                layer.weight.copy_(_kaiming(tuple(layer.weight.shape), fan_channels * kernel**2, generator))
            self.convolutions.append(layer)
            self.norms.append(nn.BatchNorm2d(FILTERS * self.members))  # a channel belongs to one member
            height, width, fan_channels = (height - kernel) // stride + 1, (width - kernel) // stride + 1, FILTERS
        self.hidden = MemberLinear(self.members, FILTERS * height * width, IMAGE_HIDDEN_SIZE, generator)
        self.head = MemberLinear(self.members, IMAGE_HIDDEN_SIZE, 1, generator)

    def forward(self, inputs: Tensor) -> Tensor:
        # channels last in memory, which convolutions are quicker on
        features = inputs.to(torch.float32, memory_format=torch.channels_last).div_(255)
        for convolution, norm in zip(self.convolutions, self.norms, strict=True):
            features = self._drop(functional.leaky_relu_(norm(convolution(features)), NEGATIVE_SLOPE))
        flat = features.reshape(len(inputs), self.members, -1).permute(1, 2, 0)
        rewards: Tensor = self.head(functional.leaky_relu_(self.hidden(flat), NEGATIVE_SLOPE))
        return rewards.squeeze(1)


def symlog(numbers: Tensor) -> Tensor:
    """sign(x) ln(1 + |x|)."""
    return numbers.abs().log1p_().copysign_(numbers)


def _kaiming(shape: tuple[int, ...], fan_in: int, generator: torch.Generator) -> Tensor:
    bound = math.sqrt(6 / ((1 + NEGATIVE_SLOPE**2) * fan_in))
    return torch.empty(shape).uniform_(-bound, bound, generator=generator)
