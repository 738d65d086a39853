"""The runs that a report compares: read from their folders, or from the JSON that is kept of them."""

from __future__ import annotations

import dataclasses
import json
import pathlib
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rlhp_ray.errors import UserError
from rlhp_ray.experiment.finish import VIDEO
from rlhp_ray.experiment.results import result
from rlhp_ray.experiment.status import status
from rlhp_ray.storage import RunFolder

Column = Sequence[float | None]


@dataclasses.dataclass(frozen=True)
class Run:
    """One run, finished or not."""

    address: str
    name: str
    task: str
    condition: str  # what it is an example of, beside its task and seed
    seed: int
    algorithm: str
    is_baseline: bool  # it learned from the true reward
    settings: Mapping[str, Any]  # that aren't by default
    curve: Mapping[str, Column]  # columns over lines; `env_steps` and `labels` among them
    summary: Mapping[str, Any] | None  # None: not finished
    state: str  # as `rlhp-ray status` says it
    notes: tuple[str, ...]  # what is to be known of it, the warnings first
    video: bytes | None  # an mp4
    command: tuple[str, ...]
    commit: str | None
    created_at: float | None  # seconds since 1970

    def figure(self, name: str) -> float | None:
        """A number of the summary; None where there is none."""
        value = (self.summary or {}).get(name)
        return float(value) if isinstance(value, int | float) else None


def read_runs(addresses: Iterable[str]) -> list[Run]:
    """Each run once. UserError or CorruptDataError where there is none, or not what a run writes."""
    runs = [_from_json(one) if one.endswith(".json") else _from_folder(one) for one in dict.fromkeys(addresses)]
    return _told_apart(runs)


def _from_folder(address: str) -> Run:
    folder = RunFolder.open(address)
    found = status(address)
    notes = [
        f"{metric.name} was {found.metrics[metric.name]:.3g} in the end, which is not {metric.healthy}: "
        f"{metric.otherwise}."
        for metric in found.warnings
    ]
    if found.state != "finished":
        notes.append(f"It has not finished ({found.state}), so it has no evaluation: only its curves are shown.")
    record = result(folder)
    video = None
    if record["summary"] is not None and folder.exists(VIDEO):
        video = folder.read(VIDEO)
    return _run(address, record, state=found.state, notes=notes, video=video)


def _from_json(address: str) -> Run:
    file = pathlib.Path(address)
    try:
        record = json.loads(file.read_text(encoding="utf-8"))
        record = {"run": file.stem, **record}
        summary = record["summary"]
        if "condition" not in record:  # of an earlier version: its name without the seed says it
            record["condition"] = re.sub(rf"-{summary['seed']}$", "", file.stem)
        return _run(address, {"task": summary["task"], "seed": summary["seed"], **record}, state="finished")
    except OSError as error:
        raise UserError(f"The result {address} can't be read: {error.strerror}.") from None
    except (ValueError, KeyError, TypeError):
        raise UserError(
            f"{address} is not a run's result, which `rlhp-ray sweep` writes; give a run's folder or such a JSON."
        ) from None


def _run(
    address: str, record: Mapping[str, Any], *, state: str, notes: Sequence[str] = (), video: bytes | None = None
) -> Run:
    summary, settings = record["summary"], record.get("settings") or {}
    known = summary or {}
    commit = record.get("commit")
    return Run(
        address=address,
        name=str(record["run"]),
        task=str(record["task"]),
        condition=str(record["condition"]),
        seed=int(record["seed"]),
        algorithm=str(known.get("algorithm") or settings.get("agent.algorithm", "ppo")),
        is_baseline=(known.get("reward_source") or settings.get("reward.source", "learned")) == "true",
        settings=settings,
        curve=record.get("curve") or {},
        summary=summary,
        state=state,
        notes=tuple(notes),
        video=video,
        command=tuple(record.get("command") or ()),
        commit=f"{commit['id'][:12]}{', changed' if commit['changed'] else ''}" if commit else None,
        created_at=record.get("created_at"),
    )


def _told_apart(runs: list[Run]) -> list[Run]:
    """Where runs of one condition differ by settings, those that aren't by default become part of its name."""
    alike: defaultdict[tuple[str, str], list[Run]] = defaultdict(list)
    for run in runs:
        alike[run.task, run.condition].append(run)
    found: dict[int, Run] = {}
    for group in alike.values():
        values: defaultdict[str, set[str]] = defaultdict(set)
        for name in {name for run in group for name in run.settings}:
            values[name] = {json.dumps(run.settings.get(name)) for run in group}
        differing = sorted(name for name, several in values.items() if len(several) > 1)
        for run in group:
            special = ", ".join(
                f"{name}={json.dumps(run.settings.get(name))}" for name in differing if name in run.settings
            )
            named = f"{run.condition}, {special}" if special else run.condition
            found[id(run)] = dataclasses.replace(run, condition=named)
    return [found[id(run)] for run in runs]
