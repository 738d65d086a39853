"""A run's result as one JSON, which a repository keeps of it: what made it, its curves thinned out, its summary.

    {"run": "half-cheetah-0", "task": ..., "condition": ..., "seed": 0, "settings": {"budget.labels": 350, ...},
     "command": [...], "commit": {...}, "created_at": ..., "machine": {...},
     "curve": {"env_steps": [...], "labels": [...], "true_return": [...], ...}, "summary": {...} or null}

`rlhp-ray sweep` writes one a run; `rlhp-ray report` reads them, and makes the same of a run's folder.
"""

from __future__ import annotations

import json
import pathlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from rlhp_ray.config.schema import Config
from rlhp_ray.errors import CorruptDataError
from rlhp_ray.experiment.finish import SUMMARY
from rlhp_ray.experiment.run_config import condition, read_config
from rlhp_ray.storage import RunFolder
from rlhp_ray.telemetry import MetricsLine, MetricsLog

MANIFEST = "manifest.json"
CURVES = (
    "true_return",
    "predicted_return",
    "return_correlation",
    "reward/fresh_accuracy",
    "reward/audit_accuracy",
    "reward/audit_answers",
    "reward/disagreement",
    "novelty/disagreement",
    "novelty/predicted",
    "novelty/distance",
    "novelty/unanswered",
    "health",
    "people/fleiss_kappa",
)
CURVE_POINTS = 200  # that a result keeps of a run's lines
_ELSEWHERE = {"seed", "run", "ray", "wandb", "evaluation", "profile"}  # they make no difference to what is learned
_OF_LABELS = ("budget.labels", "teacher.", "labeling.", "queries.", "segments.", "serving.", "reward.")


def result(folder: RunFolder) -> dict[str, Any]:
    """What a run has come to, finished or not; the summary is None where it hasn't. CorruptDataError."""
    config = read_config(folder)
    made = _read_json(folder, MANIFEST) or {}
    return {
        "run": config.run.name,
        "task": config.task,
        "condition": condition(config),
        "seed": config.seed,
        "settings": settings(config),
        **{key: made.get(key) for key in ("command", "commit", "created_at", "machine")},
        "curve": _curve(MetricsLog(folder).lines()),
        "summary": _read_json(folder, SUMMARY),
    }


def write_result(record: Mapping[str, Any], file: pathlib.Path) -> None:
    """Write it, as a whole or not at all; a line for each field, and for each field of one that has some."""
    lines = []
    for name, value in record.items():
        if isinstance(value, dict):
            inner = ",\n".join(f"  {json.dumps(key)}: {json.dumps(one)}" for key, one in value.items())
            lines.append(f" {json.dumps(name)}: {{\n{inner}\n }}" if inner else f" {json.dumps(name)}: {{}}")
        else:
            lines.append(f" {json.dumps(name)}: {json.dumps(value)}")
    file.parent.mkdir(parents=True, exist_ok=True)
    unfinished = file.with_suffix(".unfinished")
    unfinished.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
    unfinished.rename(file)


def settings(config: Config) -> dict[str, Any]:
    """What isn't by default and makes a difference to what is learned, by dotted field path."""
    fields = dict(_flat(config.model_dump(mode="json", exclude_defaults=True, exclude=_ELSEWHERE), ""))
    fields.pop("teacher.path", None)  # a place on some machine
    if config.reward.source == "true":
        return {name: fields[name] for name in fields if not name.startswith(_OF_LABELS)} | {"reward.source": "true"}
    return fields


def _flat(fields: Mapping[str, Any], above: str) -> Iterator[tuple[str, Any]]:
    for name, value in fields.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{above}{name}.")
        else:
            yield f"{above}{name}", value


def _curve(lines: Sequence[MetricsLine]) -> dict[str, list[Any]]:
    """Columns over some of the lines, the first and the last among them."""
    kept = np.unique(np.linspace(0, len(lines) - 1, min(len(lines), CURVE_POINTS)).astype(int))
    rows = [lines[index] for index in kept]
    curve: dict[str, list[Any]] = {
        "env_steps": [row.env_steps for row in rows],
        "labels": [row.labels for row in rows],
    }
    for name in CURVES:
        values = [row.metrics.get(name) for row in rows]
        if any(value is not None for value in values):
            curve[name] = [None if value is None else float(f"{value:.6g}") for value in values]
    return curve


def _read_json(folder: RunFolder, file: str) -> dict[str, Any] | None:
    try:
        found = json.loads(folder.read(file))
    except FileNotFoundError:
        return None
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise CorruptDataError(f"{folder.address}/{file} is not what a run writes.")
    return found
