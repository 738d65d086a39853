"""`rlhp-ray status`: one page on a run, or JSON."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping

from rlhp_ray.experiment.status import Status, status
from rlhp_ray.telemetry import Metric, health
from rlhp_ray.telemetry.progress import number, percent

_UNITS = ((86_400.0, "days"), (3600.0, "h"), (60.0, "min"), (1.0, "s"))

SHOWN_INCIDENTS = 10  # the newest

_WORDS = {"cant_tell": "can't tell"}


def print_status(address: str, *, as_json: bool) -> int:
    """Print it; returns the exit status."""
    found = status(address)
    print(json.dumps(found.as_json()) if as_json else page(found))
    return 0


def page(run: Status) -> str:
    """The page: facts in two columns, then what is outside of its healthy range."""
    metrics = run.metrics
    paces = metrics if run.state == "running" else {}
    rows = [
        ("run", f"{run.name}: {run.task}, {run.condition}, seed {run.seed}"),
        ("folder", run.address),
        ("state", _state(run)),
        ("env steps", _of_budget(run.env_steps, run.env_steps_budget, paces.get("env_steps_per_second"), "a second")),
        ("true return", _return(metrics.get("true_return"), metrics.get("episode_steps"))),
    ]
    if run.labels_budget:
        kinds = ", ".join(f"{count} {_WORDS.get(kind, kind)}" for kind, count in run.answers.items())
        rows += [
            ("labels", _of_budget(run.labels, run.labels_budget, paces.get("labels_per_minute"), "a minute")),
            ("answers", f"{kinds}, {run.undone} undone"),
            ("teachers", ", ".join(f"{name} {count}" for name, count in run.teachers.items()) or "-"),
            ("open queries", f"{run.open_queries}"),
            (
                "predicted return",
                f"{number(metrics.get('predicted_return'))}, correlation with the true one "
                f"{number(metrics.get('return_correlation'), 2)}",
            ),
            (
                "accuracy",
                f"{percent(metrics.get('reward/fresh_accuracy'))} on new answers, "
                f"{percent(metrics.get('reward/audit_accuracy'))} on audit answers",
            ),
            ("health", _health(metrics)),
            ("predictor", _version(metrics.get("reward/version"), metrics.get("reward/version_lag"))),
        ]
    rows += [
        ("policy", _version(metrics.get("agent/policy_version"), metrics.get("agent/policy_version_lag"))),
        ("checkpoint", "none yet" if run.checkpoint_seconds is None else f"{ago(run.checkpoint_seconds)} ago"),
        ("metrics", "none yet" if run.metrics_seconds is None else f"{ago(run.metrics_seconds)} ago"),
    ]
    if run.evaluation is not None:
        rows.append(("evaluation", _evaluation(run.evaluation)))
    width = max(len(name) for name, _ in rows)
    lines = [f"{name.ljust(width)}  {value}" for name, value in rows]
    lines += _processes(run)
    for metric in run.warnings:
        lines += ["", *_warning(metric, metrics[metric.name])]
    return "\n".join(lines)


def ago(seconds: float) -> str:
    """`3 s`, `12 min`, `5 h`, `2 days`."""
    for size, unit in _UNITS:
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def _state(run: Status) -> str:
    if run.sign_of_life_seconds is None:
        return "never started: the folder has a config and nothing else"
    since = ago(run.sign_of_life_seconds)
    go_on = f"`rlhp-ray resume {run.address}` goes on from the last checkpoint"
    match run.state:
        case "running":
            return f"running: {run.activity or 'starting'}; last sign of life {since} ago"
        case "finished":
            return f"finished {since} ago"
        case "stopped":
            return f"stopped {since} ago; {go_on}"
        case "failed":
            return f"failed {since} ago: {run.activity} ({go_on})"
        case _:
            return f"not running: last sign of life {since} ago, while {run.activity or 'starting'}; {go_on}"


def _of_budget(done: int, budget: int, pace: float | None, per: str) -> str:
    text = f"{done:,} of {budget:,} ({percent(done / budget)})"
    return text if pace is None else f"{text}, {number(pace, 0)} {per}"


def _return(value: float | None, steps: float | None) -> str:
    return number(value) if steps is None else f"{number(value)} in episodes of {number(steps, 0)} steps"


def _evaluation(found: Mapping[str, float]) -> str:
    return (
        f"{number(found['true_return_mean'])} ± {number(found['true_return_std'])} over {found['eval_episodes']} "
        f"episodes; a random policy {number(found['random_return_mean'])}"
    )


def _health(metrics: Mapping[str, float | None]) -> str:
    seen = health(metrics)
    return "-" if seen is None else f"{seen.state.name.lower()}: {seen.reason}"


def _version(version: float | None, lag: float | None) -> str:
    if not version:
        return "none yet"
    behind = "" if not lag else f", the newest fragment is {number(lag, 0)} behind"
    return f"version {number(version, 0)}{behind}"


def _processes(run: Status) -> list[str]:
    """Who runs where and was started again how often; then what happened last, with the time since."""
    rows = [
        (
            process.role,
            process.node,
            f"started again {process.restarts}x, lost: {process.lost}" * bool(process.restarts),
        )
        for process in run.processes
    ]
    widths = [max((len(row[column]) for row in rows), default=0) for column in (0, 1)]
    table = [f"  {role.ljust(widths[0])}  {node.ljust(widths[1])}  {cost}".rstrip() for role, node, cost in rows]
    now = time.time()
    happened = [
        f"  {ago(max(0.0, now - incident.time))} ago: {incident.said}" for incident in run.incidents[-SHOWN_INCIDENTS:]
    ]
    heads = ("processes" if run.state == "running" else "processes, as they were last", "what happened")
    return [line for head, part in zip(heads, (table, happened), strict=True) if part for line in ("", head, *part)]


def _warning(metric: Metric, value: float | None) -> tuple[str, ...]:
    return (
        f"! {metric.name} is {value:.3g}, which is not {metric.healthy} ({metric.unit})",
        f"  {metric.meaning}",
        f"  {metric.otherwise[0].upper()}{metric.otherwise[1:]}.",
    )
