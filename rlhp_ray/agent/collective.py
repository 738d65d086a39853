"""What several learners do together, so that they stay equal; a learner that is alone does it by itself.

Each learner has as many steps of a batch as every other. The process group is RLlib's LearnerGroup's.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
import torch.distributed as dist
from torch import Tensor, nn


def learners() -> int:
    """How many learners there are."""
    return dist.get_world_size() if dist.is_initialized() else 1


def mean(tensor: Tensor) -> Tensor:
    """The mean of this tensor over all learners."""
    if learners() == 1:
        return tensor
    total = tensor.clone()
    dist.all_reduce(total)
    return total / learners()


def moments(rows: Tensor) -> tuple[int, Tensor, Tensor]:
    """Count, mean [...] and variance [...] of the rows [B, ...] of all learners, in double precision."""
    rows = rows.double()
    own_variance, own_mean = torch.var_mean(rows, dim=0, correction=0)
    all_mean = mean(own_mean)
    variance = mean(own_variance + (own_mean - all_mean).square())
    return len(rows) * learners(), all_mean, variance


def average_gradients(parameters: Iterable[nn.Parameter]) -> None:
    """Replace gradients by their means over all learners, in one message."""
    if learners() == 1:
        return
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    flat = mean(torch.cat([gradient.flatten() for gradient in gradients]))
    for gradient, averaged in zip(gradients, torch.split(flat, [g.numel() for g in gradients]), strict=True):
        gradient.copy_(averaged.view_as(gradient))


@torch.no_grad()
def share(module: nn.Module) -> None:
    """Give every learner the first one's weights and buffers."""
    if learners() > 1:
        for tensor in module.state_dict().values():
            dist.broadcast(tensor, src=0)
