"""Resident memory of all processes, and bytes in the object store, over a long half-cheetah run."""

from __future__ import annotations

import statistics

from benchmarks.ours import run
from benchmarks.pairs import Side, run_pairs


def memory(pairs: int, steps: int | None) -> None:
    """Medians of the third and of the last quarter of 3M steps; one run, whatever `pairs` says."""
    count = steps or 3_000_000

    def ours() -> dict[str, float]:
        lines = run("half-cheetah", f"budget.env_steps={count}")["lines"]
        figures = {}
        for name in ("cluster/memory_bytes", "cluster/object_store_bytes"):
            for quarter in (3, 4):
                low, high = (quarter - 1) / 4 * count, quarter / 4 * count
                values = [line["metrics"].get(name) for line in lines if low < line["env_steps"] <= high]
                figures[f"{name} in quarter {quarter}"] = statistics.median(v for v in values if v is not None)
        return figures

    run_pairs("memory", [Side("half-cheetah", ours)], 1)
