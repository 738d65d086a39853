"""A run of rlhp_ray through its command line, without what comes after training."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys
import tempfile
from typing import Any

from benchmarks.core_seconds import CoreSeconds

ROOT = pathlib.Path(__file__).parents[1]
QUIET = (
    "run.overwrite=true",
    "evaluation.episodes=1",
    "evaluation.random_episodes=1",
    "evaluation.video=false",
    "evaluation.plot=false",
)


def train_command(config: str, scratch: str, *overrides: str) -> list[str]:
    """Trains this config as the run `benchmark` in the folder `scratch`."""
    return [
        str(pathlib.Path(sys.executable).with_name("rlhp-ray")),
        "train",
        str(ROOT / "configs" / f"{config}.yaml"),
        f"run.dir={scratch}",
        "run.name=benchmark",
        *QUIET,
        *overrides,
    ]


def run(config: str, *overrides: str, look_at_cores: bool = False) -> dict[str, Any]:
    """Train to the end; returns summary.json, with the newest line of metrics under `metrics`, all under `lines`.

    `look_at_cores`: with core seconds by role under `core_seconds`.
    """
    with tempfile.TemporaryDirectory() as scratch:
        command = train_command(config, scratch, *overrides)
        with open(pathlib.Path(scratch, "said"), "w+") as said:
            process = subprocess.Popen(command, stdout=said, stderr=subprocess.STDOUT, cwd=ROOT)
            cores = CoreSeconds(process.pid)
            if look_at_cores:
                cores.start()
            if process.wait():
                said.seek(0)
                sys.exit(said.read())
        folder = pathlib.Path(scratch, "benchmark")
        summary: dict[str, Any] = json.loads((folder / "summary.json").read_text())
        lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
        used = cores.stop() if look_at_cores else {}
        return summary | {"metrics": lines[-1]["metrics"], "lines": lines, "core_seconds": used}


def peer(venv: str, script: str, *arguments: str) -> dict[str, float]:
    """A script of a peer, in a virtual environment of its own; it prints one line of JSON last."""
    folder = ROOT / "benchmarks" / "peers"
    python = folder / f".venv-{venv}" / "bin" / "python"
    if not python.exists():
        subprocess.run(["bash", str(folder / "setup.sh"), venv], check=True)
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [str(python), str(folder / script), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=env)
    if done.returncode:
        sys.exit(done.stdout + done.stderr)
    figures: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return figures
