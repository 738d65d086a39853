"""Run folders written by hand, as a run leaves them: nothing is trained."""

from __future__ import annotations

import json
import pathlib
import time
from typing import Any

import numpy as np

from rlhp_ray.config.load import dump, parse_config
from rlhp_ray.storage import RunFolder
from rlhp_ray.tasks import write_video
from rlhp_ray.telemetry import MetricsLog

BUDGET = 100_000


def make_run(
    folder: pathlib.Path,
    name: str,
    *overrides: str,
    task: str = "half-cheetah",
    seed: int = 0,
    true_return: float = 1000.0,
    finished: bool = True,
    video: bool = False,
    correlation: float = 0.9,
    falls_at: int = BUDGET,
    hacked_at: int = BUDGET + 1,
) -> str:
    """A run whose true return grows along a line from 0 until it falls to nothing; its address."""
    config = parse_config(
        f"task: {task}\n",
        source="made",
        overrides=[f"run.name={name}", f"seed={seed}", "budget.labels=200", f"budget.env_steps={BUDGET}", *overrides],
    )
    learned = config.reward.source == "learned"
    run = RunFolder(str(folder / name))
    run.write("config.yaml", dump(config).encode())
    made = {
        "epoch": 1,
        "created_at": 1.7e9,
        "command": ["rlhp-ray", "train", "x.yaml", f"run.name={name}"],
        "commit": {"id": "0123456789abcdef", "changed": False},
        "machine": {"cpus": 2},
    }
    run.write("manifest.json", json.dumps(made).encode())
    log = MetricsLog(run)
    for step in range(0, BUDGET + 1, 2_000):
        share = step / BUDGET
        values: dict[str, float | None] = {"true_return": true_return * share if step <= falls_at else 0.0}
        if learned:
            values |= {"reward/fresh_accuracy": 0.5 + 0.4 * share, "return_correlation": correlation}
            values |= {"novelty/predicted": 3.0, "novelty/disagreement": 1.0, "novelty/distance": 1.0}
            values |= {"novelty/unanswered": 0.5 if step >= hacked_at else 0.0}
        log.write(env_steps=step, labels=int(200 * share) if learned else 0, values=values)
    state = "finished" if finished else "stopped"
    beat = {"time": time.time(), "every_seconds": 5.0, "epoch": 1, "state": state, "activity": ""}
    run.write("heartbeat.json", json.dumps(beat).encode())
    if finished:
        run.write("summary.json", json.dumps(summary(config.task, seed, true_return, learned=learned)).encode())
    if video:
        frames = np.random.default_rng(seed).integers(0, 255, (20, 120, 160, 3)).astype(np.uint8)
        (folder / name / "videos").mkdir()
        write_video(frames, folder / name / "videos" / "evaluation.mp4", 10)
    return run.address


def summary(task: str, seed: int, true_return: float, *, learned: bool) -> dict[str, Any]:
    """What a finished run tells."""
    return {
        "task": task,
        "algorithm": "ppo",
        "reward_source": "learned" if learned else "true",
        "teacher": "oracle" if learned else None,
        "seed": seed,
        "env_steps": BUDGET,
        "labels": 200 if learned else 0,
        "seen_fraction": 0.06 if learned else 0.0,
        "reward_versions": 30 if learned else 0,
        "reward_accuracy_fresh": {"new_answers": 0.9 if learned else None, "audit": None},
        "wall_seconds": 360.0,
        "env_steps_per_second": 5_000.0,
        "true_return_mean": true_return,
        "true_return_std": 10.0,
        "eval_episodes": 20,
        "random_return_mean": -100.0,
        "success": None,
    }
