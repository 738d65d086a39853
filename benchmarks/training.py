"""How many labels a second the reward trainer's gradient steps take, on one core: the MLP of robots, Atari's CNN."""

from __future__ import annotations

import time

import torch

from benchmarks.pairs import Side, run_pairs
from rlhp_ray.predictor import Architecture, StepInputs, make_ensemble
from rlhp_ray.reward.optimizer import EnsembleOptimizer
from rlhp_ray.reward.training_set import Minibatch
from rlhp_ray.tasks import load_task

MEMBERS = 3


def training(pairs: int, steps: int | None) -> None:
    """Minibatches of 64 pairs of 30 steps, and of 16 pairs of 25 images; `steps` gradient steps."""
    torch.set_num_threads(1)
    robots, atari = (_inputs(name) for name in ("half-cheetah", "pong"))
    sides = [
        Side("MLP", lambda: _measure(robots, 64, 30, 0.0, steps or 300)),
        Side("CNN", lambda: _measure(atari, 16, 25, 0.5, max(1, (steps or 300) // 60))),
    ]
    run_pairs("training", sides, pairs)


def _inputs(name: str) -> StepInputs:
    task = load_task(name)
    return StepInputs.of_spaces(task.observation_space, task.action_space, task.frames_per_observation)


def _measure(inputs: StepInputs, pairs: int, clip_steps: int, dropout: float, count: int) -> dict[str, float]:
    generator = torch.Generator().manual_seed(0)
    ensemble = make_ensemble(Architecture(inputs, MEMBERS, (64, 64), dropout), generator)
    optimizer = EnsembleOptimizer(ensemble, learning_rate=1e-3, l2_initial=1e-4, error_probability=0.1)
    if inputs.images:
        frames = (pairs, 2, clip_steps + inputs.frames - 1, *inputs.observation_shape[-2:])
        encoded = torch.randint(0, 256, frames, dtype=torch.uint8, generator=generator)
    else:
        encoded = torch.randn((pairs, 2, clip_steps, *inputs.shape), generator=generator)
    batch = Minibatch(encoded, torch.rand(pairs, generator=generator).round(), torch.ones(MEMBERS, pairs))
    optimizer.train(batch)
    begun = time.perf_counter()
    for _ in range(count):
        optimizer.train(batch)
    return {"labels_per_second": count * pairs / (time.perf_counter() - begun)}
