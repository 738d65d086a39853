"""What an exported reward predictor is worth elsewhere: Stable-Baselines3's PPO trained with it, beside its own run."""

from __future__ import annotations

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
    """configs/half-cheetah.yaml, a seed a pair: run, export, and as many steps of PPO on `LearnedReward`.

    All runs come first, and a line says when they are done: what a run learns depends on the pace that the machine
    allows it, what Stable-Baselines3 learns doesn't.
    """
    env_steps = steps or STEPS
    with tempfile.TemporaryDirectory() as scratch:
        runs = [
            _run_and_export("half-cheetah", seed, env_steps, pathlib.Path(scratch, str(seed))) for seed in range(pairs)
        ]
        print(f"{pairs} runs are done and exported", flush=True)
        left = iter(runs)
        run_pairs("exported", [Side("half-cheetah", lambda: _beside("half-cheetah", next(left), env_steps))], pairs)


def _run_and_export(task: str, seed: int, env_steps: int, folder: pathlib.Path) -> pathlib.Path:
    folder.mkdir()
    episodes = (f"evaluation.episodes={EPISODES}", "evaluation.random_episodes=20")
    _call(train_command(task, str(folder), f"seed={seed}", f"budget.env_steps={env_steps}", *episodes))
    out = str(folder / "out")
    _call([str(pathlib.Path(sys.executable).with_name("rlhp-ray")), "export", str(folder / "benchmark"), "-o", out])
    return folder


def _beside(task: str, folder: pathlib.Path, env_steps: int) -> dict[str, float]:
    arguments = ("shared", task, str(env_steps), folder.name, str(EPISODES), str(folder / "out" / "predictor"))
    theirs = peer("stable-baselines3", "returns.py", *arguments)["true_return"]
    summary = json.loads((folder / "benchmark" / "summary.json").read_text())
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
