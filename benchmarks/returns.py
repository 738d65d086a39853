"""PPO on the true reward of the paper's robotics tasks, beside Stable-Baselines3's.

Ours are the results that configs/sweeps/robotics.yaml made. As many env steps on each side, 20 episodes of the
deterministic policy at the end, a seed a pair.
"""

from __future__ import annotations

import itertools
import json
import pathlib
from typing import Any

from benchmarks.ours import ROOT, peer
from benchmarks.pairs import Side, run_pairs

EPISODES = 20
TASKS = (
    *("hopper", "half-cheetah", "walker2d", "swimmer", "reacher"),
    *("inverted-pendulum", "inverted-double-pendulum", "ant"),
)


def returns(pairs: int, steps: int | None) -> None:
    """A file for each task, docs/benchmarks/returns-TASK.json; those that are there are left as they are.

    `steps`: of Stable-Baselines3's, where they aren't to be as many as ours.
    """
    for task in TASKS:
        if not pathlib.Path(ROOT, "docs", "benchmarks", f"returns-{task}.json").exists() and _result(task, 0).exists():
            _returns(task, pairs, steps)


def _returns(task: str, pairs: int, steps: int | None) -> None:
    seeds = {side: itertools.count() for side in ("true", "defaults", "shared")}
    sides = [
        Side("true", lambda: _ours(task, next(seeds["true"]))),
        Side("stable-baselines3, its defaults", lambda: _theirs("defaults", task, next(seeds["defaults"]), steps)),
        Side("stable-baselines3, our batches", lambda: _theirs("shared", task, next(seeds["shared"]), steps)),
    ]
    run_pairs(f"returns-{task}", sides, pairs)


def _result(task: str, seed: int) -> pathlib.Path:
    return ROOT / "docs" / "results" / task / f"{task}-true-reward-{seed}.json"


def _summary(task: str, seed: int) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(_result(task, seed).read_text())["summary"]
    return found


def _ours(task: str, seed: int) -> dict[str, float]:
    done = _summary(task, seed)
    return _figures(done["true_return_mean"], done["true_return_std"], done["random_return_mean"])


def _theirs(settings: str, task: str, seed: int, steps: int | None) -> dict[str, float]:
    budget = steps or _summary(task, seed)["env_steps"]
    done = peer("stable-baselines3", "returns.py", settings, task, str(budget), str(seed), str(EPISODES))
    return _figures(done["true_return"], done["true_return_std"], done["random_return"])


def _figures(mean: float, std: float, random: float) -> dict[str, float]:
    return {"above a random policy": mean - random, "true return": mean, "standard deviation": std}
