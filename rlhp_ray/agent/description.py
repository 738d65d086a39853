"""The deterministic policy as a list of layers, for whoever has no RLlib: what `rlhp_ray.exported` rebuilds it from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import gymnasium as gym
import numpy as np
from torch import nn

from rlhp_ray.agent.dqn import QNetwork
from rlhp_ray.agent.module import OBSERVATION_CLIP, VARIANCE_EPSILON, ActorCritic
from rlhp_ray.agent.networks import PolicyModule
from rlhp_ray.agent.sac import SoftActorCritic
from rlhp_ray.tasks import Task

_ACTIVATIONS: dict[type[nn.Module], str] = {nn.Tanh: "tanh", nn.ReLU: "relu", nn.Flatten: "flatten"}


def describe(policy: PolicyModule, task: Task) -> dict[str, Any]:
    """What is done to an observation, the layers with their weights' names, and what the outputs mean; fit for JSON."""
    space: Any = task.observation_space
    observation: dict[str, Any] = {"shape": list(space.shape), "dtype": str(space.dtype)}
    networks: list[tuple[str, nn.Module]]
    if isinstance(policy, ActorCritic):
        networks = [("trunk", policy.trunk), ("policy", policy.policy)]
        if not policy.images:
            observation["moments"] = {
                "mean": "obs_mean",
                "variance": "obs_var",
                "epsilon": VARIANCE_EPSILON,
                "clip": OBSERVATION_CLIP,
            }
    elif isinstance(policy, SoftActorCritic):
        networks = [("policy", policy.policy)]
    else:
        assert isinstance(policy, QNetwork)
        networks = [("q", policy.q)]
    if space.dtype == np.uint8 and len(space.shape) == 3:
        observation["scale"] = 1 / 255
    layers = [layer for name, network in networks for layer in _layers(name, network)]
    squashed = isinstance(policy, SoftActorCritic)
    return {"observation": observation, "layers": layers, "actions": _actions(task.action_space, squashed=squashed)}


def _layers(name: str, module: nn.Module) -> Iterator[dict[str, Any]]:
    if isinstance(module, nn.Sequential):
        for child, layer in module.named_children():
            yield from _layers(f"{name}.{child}", layer)
    elif isinstance(module, nn.Linear):
        yield {"kind": "linear", "weight": f"{name}.weight", "bias": f"{name}.bias"}
    elif isinstance(module, nn.Conv2d):
        yield {"kind": "convolution", "weight": f"{name}.weight", "bias": f"{name}.bias", "stride": module.stride[0]}
    elif not isinstance(module, nn.Identity):
        yield {"kind": _ACTIVATIONS[type(module)]}


def _actions(space: gym.Space[Any], *, squashed: bool) -> dict[str, Any]:
    if not isinstance(space, gym.spaces.Box):
        return {"kind": "argmax"}
    low, high = (
        [float(bound) if np.isfinite(bound) else None for bound in bounds.ravel()] for bounds in (space.low, space.high)
    )
    about = {"kind": "clip", "shape": list(space.shape), "low": low, "high": high}
    return about | {"kind": "tanh", "center": "center", "half_range": "half_range"} if squashed else about
