"""How a run stands, as the labelling page shows it: curves and news, read from the run's own metrics.

It stands between metrics.jsonl and the page: nothing is counted twice, and a page that is opened late shows the whole.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from rlhp_ray.storage import RunFolder
from rlhp_ray.telemetry import MetricsLine, health

CURVES = {"predicted_return": "predicted_return", "fresh_accuracy": "reward/fresh_accuracy", "labels": "labels"}
RESEARCH_CURVES = {"true_return": "true_return", "disagreement": "reward/disagreement"}
CURVE_POINTS = 200
NEWS_LINES = 12


def curves(lines: Sequence[MetricsLine], *, research: bool) -> dict[str, list[list[float]]]:
    """Points [seconds since the run began, value] of each curve, at most 200, the newest among them."""
    found = {}
    for name, metric in (CURVES | (RESEARCH_CURVES if research else {})).items():
        points = [
            [float(line.metrics["wall_seconds"] or 0.0), value]
            for line in lines
            if (value := line.metrics.get(metric)) is not None
        ]
        stride = max(1, -(-len(points) // CURVE_POINTS))
        found[name] = points[::-stride][::-1]
    return found


def news(lines: Sequence[MetricsLine], *, own: bool) -> list[str]:
    """What the answers changed, newest first. `own`: all of them are those of whoever reads it."""
    whose = "your" if own else "the"
    told: list[str] = []
    before = 0
    for line in lines:
        learned = int(line.metrics.get("reward/labels_trained") or 0)
        if learned > before:
            answers = "last answer" if learned == before + 1 else f"last {learned - before} answers"
            told.append(f"Version {line.metrics['reward/version']:.0f} learned from {whose} {answers}.")
        before = max(before, learned)
    return told[: -NEWS_LINES - 1 : -1]


def doubt(lines: Sequence[MetricsLine]) -> dict[str, str] | None:
    """What is wrong with the reward now, as `state` and `reason`; None where nothing is, or it can't be told."""
    seen = health(lines[-1].metrics) if lines else None
    return None if seen is None or not seen.state else {"state": seen.state.name.lower(), "reason": seen.reason}


def newest_film(folder: RunFolder) -> dict[str, Any] | None:
    """The newest film that comes with its predicted rewards: `name`, `env_steps`, `rewards`; None before the first."""
    names = [name for name in folder.list("videos") if name.endswith(".json")]
    if not names:
        return None
    told: dict[str, Any] = json.loads(folder.read(f"videos/{names[-1]}"))
    return {"name": names[-1].removesuffix(".json"), **told}
