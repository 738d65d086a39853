"""What a half-cheetah run takes: memory of all its processes, Ray's included, and seconds to its first env step."""

from __future__ import annotations

import pathlib
import subprocess
import sys
import tempfile
import threading
import time

from benchmarks.ours import ROOT, train_command
from benchmarks.pairs import Side, run_pairs
from rlhp_ray.telemetry import memory_bytes

LOOK_SECONDS = 1.0
FIRST_STEP = "collecting behaviour to ask about"  # said as the environments are told to take their first steps
STEPS = 300_000


def footprint(pairs: int, steps: int | None) -> None:
    """The most memory at any look [bytes, proportional set size]; seconds from the command to the first env step."""
    run_pairs("footprint", [Side("half-cheetah", lambda: _measure(steps or STEPS))], pairs)


def _measure(steps: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as scratch:
        begun = time.monotonic()
        process = subprocess.Popen(
            train_command("half-cheetah", scratch, f"budget.env_steps={steps}", "budget.labels=200"),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=ROOT,
        )
        looks: list[int] = []
        looking = threading.Thread(target=_look, args=(process, looks))
        looking.start()
        assert process.stdout is not None
        said, first = list[str](), None
        for line in process.stdout:
            said.append(line)
            if first is None and FIRST_STEP in line:
                first = time.monotonic() - begun
        looking.join()
        if process.wait() or first is None:
            sys.exit("".join(said))
        assert pathlib.Path(scratch, "benchmark", "summary.json").exists()
        return {
            "memory bytes at most": max(looks),
            "memory bytes in the middle": sorted(looks)[len(looks) // 2],
            "seconds to the first env step": first,
        }


def _look(process: subprocess.Popen[str], looks: list[int]) -> None:
    while process.poll() is None:
        looks.append(memory_bytes([process.pid]) or 0)
        time.sleep(LOOK_SECONDS)
