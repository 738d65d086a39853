"""Two things measured in turn, in one call: medians, ranges, and the ratio of each pair.

A machine's speed changes from minute to minute, so only what ran side by side in time is compared. Who comes first
changes with each pair.
"""

from __future__ import annotations

import dataclasses
import importlib.metadata
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

from benchmarks.page import write_page

ROOT = pathlib.Path(__file__).parents[1]
RESULTS = ROOT / "docs" / "benchmarks"
PACKAGES = ("ray", "torch", "gymnasium", "mujoco", "ale-py", "numpy")

Figures = dict[str, float]


@dataclasses.dataclass(frozen=True)
class Side:
    """What is measured, under this name; its first figure is the one that ratios are of."""

    name: str
    measure: Callable[[], Figures]


def run_pairs(name: str, sides: list[Side], pairs: int) -> dict[str, Any]:
    """Measure all sides so many times in turn; print, and return what is written to docs/benchmarks/NAME.json."""
    measured: dict[str, list[Figures]] = {side.name: [] for side in sides}
    for pair in range(pairs):
        order = sides if pair % 2 == 0 else sides[::-1]
        for side in order:
            figures = side.measure()
            measured[side.name].append(figures)
            print(f"pair {pair + 1} of {pairs}: {side.name}: {_in_words(figures)}", flush=True)
    first = sides[0].name
    record = {
        "benchmark": name,
        "command": " ".join(["python", "-m", "benchmarks", *sys.argv[1:]]),
        "commit": _git("rev-parse", "HEAD"),
        "changed": bool(_git("status", "--porcelain", "--", "rlhp_ray", "configs", "benchmarks")),
        "machine": {"cores": os.cpu_count(), "system": platform.platform(), "python": platform.python_version()},
        "versions": {name: importlib.metadata.version(name) for name in PACKAGES},
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "pairs": pairs,
        "measured": measured,
        "medians": {side: _medians(runs) for side, runs in measured.items()},
        "ratios": {f"{first} / {other.name}": _ratio(measured[first], measured[other.name]) for other in sides[1:]},
    }
    for side, medians in record["medians"].items():
        print(f"median: {side}: {_in_words(medians)}")
    for of, ratio in record["ratios"].items():
        print(f"ratio: {of}: {ratio['median']:.2f} ({ratio['lowest']:.2f} to {ratio['highest']:.2f})")
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / f"{name}.json").write_text(json.dumps(record, indent=1) + "\n")
    write_page(RESULTS)
    return record


def _ratio(mine: list[Figures], others: list[Figures]) -> Figures:
    ratios = [next(iter(m.values())) / next(iter(o.values())) for m, o in zip(mine, others, strict=True)]
    return {"median": statistics.median(ratios), "lowest": min(ratios), "highest": max(ratios)}


def _medians(runs: list[Figures]) -> Figures:
    return {name: statistics.median(run[name] for run in runs) for name in runs[0]}


def _in_words(figures: Figures) -> str:
    return ", ".join(
        f"{name} {value:,.3g}" if value < 100 else f"{name} {value:,.0f}" for name, value in figures.items()
    )


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()
