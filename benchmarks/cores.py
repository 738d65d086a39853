"""What a run costs in core seconds, by process: by the true reward, by a learned one, and by one that is only served.

As benchmarks/ppo.py has half-cheetah and hopper. Only served: nothing is asked or trained after the first labels, but
all processes are there, fragments are rewarded and segments stored: what a learned reward costs without the learning.
What a run of two batches and as many first labels costs is taken off, so that start, first training of the predictor
and end aren't counted: neither are they in env steps/s.
"""

from __future__ import annotations

import os
from typing import Any

from benchmarks.ours import ROOT, run
from benchmarks.pairs import Side, run_pairs
from benchmarks.ppo import ENV_STEPS_PER_LABEL, SAME
from rlhp_ray.config.load import load_config
from rlhp_ray.queries.schedules import first_labels

SHORT = 8_192  # env steps: two batches
AGENT = ("driver", "EnvRunners")
METHOD = ("replicas", "segment store", "questioner", "collector", "teacher")


def cores(pairs: int, steps: int | None) -> None:
    """Both tasks."""
    for task in ("half-cheetah", "hopper"):
        _compare(task, pairs, steps or 200_000)


def _compare(task: str, pairs: int, steps: int) -> None:
    labels = f"budget.labels={round(steps / ENV_STEPS_PER_LABEL)}"
    config = load_config(ROOT / "configs" / f"{task}.yaml", [labels])
    few = (f"budget.labels={first_labels(config.queries, config.budget)}", "queries.initial_fraction=1")
    served = (*few, "reward.labels_per_env_step=1e-6")
    sides = [
        Side("true", lambda: _cost(task, "true", steps, (labels,), few)),
        Side("learned", lambda: _cost(task, "learned", steps, (labels,), few)),
        Side("only served", lambda: _cost(task, "learned", steps, served, served)),
    ]
    run_pairs(f"cores-{task}", sides, pairs)


def _cost(
    task: str, source: str, steps: int, settings: tuple[str, ...], short_settings: tuple[str, ...]
) -> dict[str, float]:
    long = _run(task, source, steps, *settings)
    short = _run(task, source, SHORT, *short_settings)
    used = {role: seconds - short["core_seconds"].get(role, 0.0) for role, seconds in long["core_seconds"].items()}
    agent, trainer = sum(used.get(role, 0.0) for role in AGENT), used.get("reward trainer", 0.0)
    method, whole = sum(used.get(role, 0.0) for role in METHOD), sum(used.values())
    seconds = steps / long["env_steps_per_second"] - SHORT / short["env_steps_per_second"]
    return {
        "core seconds": whole,
        "driver and EnvRunner": agent,
        "reward trainer": trainer,
        "replica, store, questioner, collector, teacher": method,
        "Ray's own processes": whole - agent - trainer - method,
        "seconds": seconds,
        "share of the cores": whole / (seconds * (os.cpu_count() or 1)),
    }


def _run(task: str, source: str, steps: int, *overrides: str) -> dict[str, Any]:
    which = (f"reward.source={source}", f"budget.env_steps={steps}")
    return run(task, *SAME, *which, *overrides, look_at_cores=True)
