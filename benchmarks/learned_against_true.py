"""Env steps/s of a run that learns from preferences beside the same agent on the true reward, in turn, in one call.

    python benchmarks/learned_against_true.py [--pairs N] [--env-steps N] [--task TASK]

Prints each pair's speeds and their ratio, the medians, and the share of time that EnvRunners wait for predictions.
"""

from __future__ import annotations

import argparse
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile
from typing import Any

CONFIGS = pathlib.Path(__file__).parents[1] / "configs"


def run(task: str, source: str, env_steps: int, folder: pathlib.Path) -> dict[str, Any]:
    """One run to its end; returns its summary."""
    name = f"{task}-{source}"
    command = [
        str(pathlib.Path(sys.executable).with_name("rlhp-ray")),
        "train",
        str(CONFIGS / f"{task}.yaml"),
        f"reward.source={source}",
        f"budget.env_steps={env_steps}",
        f"run.dir={folder}",
        f"run.name={name}",
        "run.overwrite=true",
        "evaluation.episodes=1",
        "evaluation.random_episodes=1",
        "evaluation.video=false",
        "evaluation.plot=false",
    ]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stdout + done.stderr)
    summary: dict[str, Any] = json.loads((folder / name / "summary.json").read_text())
    return summary


def main() -> None:
    """Run the pairs and print what they made."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--env-steps", type=int, default=300_000)
    parser.add_argument("--task", default="half-cheetah")
    options = parser.parse_args()
    learned, true, ratios, waiting = [], [], [], []
    print(f"{options.task}, {options.env_steps:,} env steps a run, {options.pairs} pairs")
    print(f"{'pair':>4} {'learned':>12} {'true':>12} {'ratio':>7} {'waiting':>8}   (env steps/s)")
    with tempfile.TemporaryDirectory() as scratch:
        for pair in range(options.pairs):
            summaries = {}
            for source in ("learned", "true") if pair % 2 == 0 else ("true", "learned"):
                summaries[source] = run(options.task, source, options.env_steps, pathlib.Path(scratch))
            learned.append(summaries["learned"]["env_steps_per_second"])
            true.append(summaries["true"]["env_steps_per_second"])
            ratios.append(learned[-1] / true[-1])
            waiting.append(summaries["learned"]["predict_share"])
            print(f"{pair + 1:>4} {learned[-1]:>12,.0f} {true[-1]:>12,.0f} {ratios[-1]:>7.2f} {waiting[-1]:>8.1%}")
    medians = [statistics.median(values) for values in (learned, true, ratios, waiting)]
    print(f"{'med.':>4} {medians[0]:>12,.0f} {medians[1]:>12,.0f} {medians[2]:>7.2f} {medians[3]:>8.1%}")


if __name__ == "__main__":
    main()
