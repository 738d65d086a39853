"""Evaluation on the task's true reward: the policy that was learned, a random one, and a video."""

from __future__ import annotations

import dataclasses
import math
import pathlib
from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np
import torch

from rlhp_ray.agent.networks import PolicyModule
from rlhp_ray.tasks import Task
from rlhp_ray.tasks.video import write_video
from rlhp_ray.types import Array, FloatArray

Policy = Callable[[Array], Array]  # raw observations [N, ...] to actions [N, ...]

MAX_EPISODE_STEPS = 10_000  # of a task whose episodes have no end of their own
VIDEO_SECONDS = 10.0
VIDEO_FRAMES_PER_SECOND = 30.0
MAX_STATES_BYTES = 256_000_000  # of the episode kept for video and success: all of a robot's, minutes of a game


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """True returns of some whole episodes, the task's own measures, and the first one's render states."""

    returns: FloatArray  # [episodes]
    states: Array  # [steps, *state_shape] of the first episode, its beginning where they are large
    observations: Array  # [steps, *observation.shape] of the same steps
    actions: Array  # [steps, *action.shape] that the policy chose
    measures: dict[str, float]  # mean over the episodes; empty where the task has none

    @property
    def mean(self) -> float:
        """Mean true return."""
        return float(self.returns.mean())

    @property
    def std(self) -> float:
        """Standard deviation of the true return over the episodes."""
        return float(self.returns.std())

    @property
    def success(self) -> float | None:
        """The task's own measure of success; None where it has none."""
        return next(iter(self.measures.values()), None)

    def figures(self) -> dict[str, Any]:
        """What summary.json and `rlhp-ray evaluate` say of it."""
        return {
            "true_return_mean": self.mean,
            "true_return_std": self.std,
            "eval_episodes": len(self.returns),
            "success": self.success,
            "measures": self.measures,
        }


def learned_policy(module: PolicyModule, task: Task, *, sampled: np.random.Generator | None = None) -> Policy:
    """The deterministic policy, or one that samples its actions; clipped to what the environment takes."""
    low, high = getattr(task.action_space, "low", None), getattr(task.action_space, "high", None)
    generator = None if sampled is None else torch.Generator().manual_seed(int(sampled.integers(2**63)))

    @torch.inference_mode()
    def act(observations: Array) -> Array:
        seen = torch.from_numpy(observations)
        chosen = module.act_greedily(seen) if generator is None else module.act(seen, generator).actions
        actions: Array = chosen.numpy()
        return actions if low is None else np.clip(actions, low, high)

    return act


def random_policy(task: Task, rng: np.random.Generator) -> Policy:
    """Actions drawn uniformly from the task's action space."""
    space: Any = task.action_space
    if isinstance(space, gymnasium.spaces.Box):
        low, high = np.maximum(space.low, -1e3), np.minimum(space.high, 1e3)
        return lambda observations: rng.uniform(low, high, (len(observations), *space.shape)).astype(np.float32)
    return lambda observations: rng.integers(int(space.n), size=len(observations))


def evaluate(
    task: Task, policy: Policy, episodes: int, rng: np.random.Generator, *, seconds: float | None = None
) -> Evaluation:
    """One episode in each of `episodes` environments, side by side, or the first seconds of it."""
    envs = task.environments(episodes, rng)
    limit = task.episode_steps or MAX_EPISODE_STEPS
    if seconds is not None:
        limit = min(limit, math.ceil(seconds * task.frames_per_second))
    running = np.ones(episodes, dtype=np.bool_)
    returns = np.zeros(episodes, dtype=np.float64)
    states: list[Array] = []
    whole: list[list[Array]] = [[] for _ in range(episodes)]  # states of each episode, where they are measured
    observations: list[Array] = []
    actions: list[Array] = []
    kept_states = MAX_STATES_BYTES // max(1, envs.states[0].nbytes)
    for _ in range(limit):
        if running[0] and len(states) < kept_states:
            states.append(envs.states[0].copy())
            observations.append(envs.observations[0].copy())
        if task.measured:
            for episode in np.flatnonzero(running):
                whole[episode].append(envs.states[episode].copy())
        chosen = policy(envs.observations)
        if len(actions) < len(states):
            actions.append(chosen[0].copy())
        envs.step(chosen)
        returns[running] += envs.scores[running]
        running &= ~envs.ended
        if not running.any():
            break
    envs.close()
    measured = [task.measures(np.stack(episode)) for episode in whole if episode]
    return Evaluation(
        returns.astype(np.float32),
        np.stack(states),
        np.stack(observations),
        np.stack(actions),
        {name: float(np.mean([one[name] for one in measured])) for name in (measured[0] if measured else {})},
    )


def film(task: Task, states: Array, file: pathlib.Path, *, width: int = 480, height: int = 360) -> None:
    """Write the first seconds of an episode as a video, at 30 frames a second or fewer."""
    stride = max(1, round(task.frames_per_second / VIDEO_FRAMES_PER_SECOND))
    shown = states[: int(VIDEO_SECONDS * task.frames_per_second) : stride]
    write_video(task.render(shown, width=width, height=height), file, task.frames_per_second / stride)
