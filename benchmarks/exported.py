"""What an exported reward predictor is worth elsewhere: Stable-Baselines3's PPO trained with it, beside its own run."""

from __future__ import annotations

import itertools
import json
import pathlib
import subprocess
import sys
import tempfile

from benchmarks.ours import ROOT, peer, train_command
from benchmarks.pairs import Side, run_pairs

STEPS = 1_000_000
EPISODES = 20  # of the evaluation on the true reward, on both sides


def exported(pairs: int, steps: int | None) -> None:
    """configs/half-cheetah.yaml, a seed a pair: run, export, and as many steps of PPO on `LearnedReward`."""
    seeds = itertools.count()
    run_pairs("exported", [Side("half-cheetah", lambda: _one("half-cheetah", next(seeds), steps or STEPS))], pairs)


def _one(task: str, seed: int, steps: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as scratch:
        episodes = (f"evaluation.episodes={EPISODES}", "evaluation.random_episodes=20")
        _call(train_command(task, scratch, f"seed={seed}", f"budget.env_steps={steps}", *episodes))
        run, out = pathlib.Path(scratch, "benchmark"), pathlib.Path(scratch, "out")
        _call([str(pathlib.Path(sys.executable).with_name("rlhp-ray")), "export", str(run), "-o", str(out)])
        summary = json.loads((run / "summary.json").read_text())
        arguments = ("shared", task, str(steps), str(seed), str(EPISODES), str(out / "predictor"))
        theirs = peer("stable-baselines3", "returns.py", *arguments)["true_return"]
    own = summary["true_return_mean"]
    return {
        "share of the run's return": theirs / own,
        "return of the run": own,
        "return of stable-baselines3": theirs,
        "return of a random policy": summary["random_return_mean"],
    }


def _call(command: list[str]) -> None:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stdout + done.stderr)
