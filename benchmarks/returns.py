"""PPO on the true reward of the paper's robotics tasks: ours, by the tasks' configs, beside Stable-Baselines3's.

As many env steps on each side, 20 episodes of the deterministic policy at the end, a seed a pair.
"""

from __future__ import annotations

import itertools
import pathlib

import yaml

from benchmarks.ours import ROOT, peer, run
from benchmarks.pairs import Side, run_pairs

EPISODES = 20
TASKS = (
    *("hopper", "half-cheetah", "walker2d", "swimmer", "reacher"),
    *("inverted-pendulum", "inverted-double-pendulum", "ant"),
)


def returns(pairs: int, steps: int | None) -> None:
    """A file for each task, docs/benchmarks/returns-TASK.json; those that are there are left as they are."""
    for task in TASKS:
        if not pathlib.Path(ROOT, "docs", "benchmarks", f"returns-{task}.json").exists():
            _returns(task, pairs, steps)


def _returns(task: str, pairs: int, steps: int | None) -> None:
    budget = steps or int(yaml.safe_load((ROOT / "configs" / f"{task}.yaml").read_text())["budget"]["env_steps"])
    seeds = {side: itertools.count() for side in ("true", "defaults", "shared")}
    sides = [
        Side("true", lambda: _ours(task, budget, next(seeds["true"]))),
        Side("stable-baselines3, its defaults", lambda: _theirs("defaults", task, budget, next(seeds["defaults"]))),
        Side("stable-baselines3, our batches", lambda: _theirs("shared", task, budget, next(seeds["shared"]))),
    ]
    run_pairs(f"returns-{task}", sides, pairs)


def _ours(task: str, steps: int, seed: int) -> dict[str, float]:
    overrides = (f"seed={seed}", f"budget.env_steps={steps}", f"evaluation.episodes={EPISODES}")
    done = run(task, "reward.source=true", *overrides, "evaluation.random_episodes=20")
    return _figures(done["true_return_mean"], done["true_return_std"], done["random_return_mean"])


def _theirs(settings: str, task: str, steps: int, seed: int) -> dict[str, float]:
    done = peer("stable-baselines3", "returns.py", settings, task, str(steps), str(seed), str(EPISODES))
    return _figures(done["true_return"], done["true_return_std"], done["random_return"])


def _figures(mean: float, std: float, random: float) -> dict[str, float]:
    return {"above a random policy": mean - random, "true return": mean, "standard deviation": std}
