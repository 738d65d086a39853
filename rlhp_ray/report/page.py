"""The page: tables, curves, notes, videos, in one file that asks for nothing else."""

from __future__ import annotations

import base64
import hashlib
import importlib.resources
from collections.abc import Sequence

import rlhp_ray
from rlhp_ray.report.chart import Level, Series, line_chart, swatch
from rlhp_ray.report.columns import EFFICIENCY, INTERVAL, RETURNS, Column, plain
from rlhp_ray.report.comparison import Comparison, Group
from rlhp_ray.report.html import Html, join, tag
from rlhp_ray.report.runs import Run
from rlhp_ray.telemetry.progress import number

VIDEO_BYTES = 24_000_000  # of all videos together, before they become text; the others are named

SHARE, CORRELATION = (0.0, 1.0), (-1.0, 1.0)


def page(comparison: Comparison) -> str:
    """The whole document."""
    style, script = _static("chart.css") + _static("report.css"), _static("report.js")
    body = [
        _head(comparison),
        _over_tasks(comparison),
        *(_task(comparison, task) for task in comparison.tasks),
        _notes(comparison.runs),
        _videos(comparison.runs),
        _every_run(comparison.runs),
        tag(
            "footer",
            tag("p", "Made by ", tag("code", "rlhp-ray report"), f" of rlhp_ray {rlhp_ray.__version__}. {INTERVAL}"),
        ),
    ]
    policy = f"default-src 'none'; media-src data:; style-src {_hash(style)}; script-src {_hash(script)}"
    head = [
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=policy),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", _title(comparison)),
        tag("style", Html(style)),
    ]
    document = tag(
        "html", tag("head", [*head]), tag("body", tag("main", [*body]), tag("script", Html(script))), lang="en"
    )
    return f"<!doctype html>\n{document}\n"


def _title(comparison: Comparison) -> str:
    return f"{_count(len(comparison.runs), 'run')} of {', '.join(comparison.tasks)}"


def _count(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _head(comparison: Comparison) -> Html:
    buttons = [
        tag("button", swatch(index), name, type="button", aria_pressed="true", data_series=str(index))
        for index, name in enumerate(comparison.conditions)
    ]
    links = [tag("a", task, href=f"#task-{index}") for index, task in enumerate(comparison.tasks)]
    return tag(
        "header",
        tag("h1", _title(comparison)),
        tag("nav", [*links], aria_label="Tasks") if len(links) > 1 else None,
        tag("div", [*buttons], class_="legend", role="group", aria_label="Conditions that the curves show"),
    )


def _over_tasks(comparison: Comparison) -> Html | None:
    found = comparison.scores_over_tasks()
    if not found:
        return None
    names = ("condition", "tasks", "normalised score")
    rows = [[name, str(tasks), plain(score, 2)] for name, tasks, score in found]
    return tag("section", tag("h2", "Over all tasks"), _table("Mean normalised score over tasks", names, rows))


def _task(comparison: Comparison, task: str) -> Html:
    groups = comparison.of_task(task)
    random = next((group.random_return for group in groups if group.random_return is not None), None)
    measured = "" if random is None else f"A random policy makes {number(random)}."
    charts = [
        _chart(groups, "true_return", "true return", "env_steps", random=random),
        _chart(groups, "true_return", "true return", "labels", random=random),
        _chart(groups, "reward/fresh_accuracy", "accuracy on new answers", "labels", y_range=SHARE),
        _chart(groups, "reward/audit_accuracy", "accuracy on audit answers", "labels", y_range=SHARE),
        _chart(groups, "return_correlation", "predicted and true return", "env_steps", y_range=CORRELATION),
        _chart(groups, "reward/disagreement", "disagreement of members", "labels"),
        _chart(groups, "people/fleiss_kappa", "agreement of people", "labels", y_range=CORRELATION),
    ]
    return tag(
        "section",
        tag("h2", task),
        tag("p", measured) if measured else None,
        _group_table("What was reached", groups, RETURNS),
        tag("div", [*charts], class_="charts"),
        _group_table("How efficient the labels were", groups, EFFICIENCY),
        id=f"task-{comparison.tasks.index(task)}",
    )


_EXPLAINED = {
    "true_return": "Mean return of the newest 20 training episodes, by the task's own reward",
    "reward/fresh_accuracy": "How often the predictor agrees with an answer before it is trained on it (newest 100)",
    "reward/audit_accuracy": "How often it agrees with answers that it is never trained on",
    "return_correlation": "Correlation of predicted and true return over the newest 100 episodes",
    "reward/disagreement": "How far the members differ in the preference that they predict for a new answer",
    "people/fleiss_kappa": "Fleiss' kappa of the people who answered: 1 always alike, 0 as by chance",
}


def _chart(
    groups: Sequence[Group],
    metric: str,
    name: str,
    x: str,
    *,
    random: float | None = None,
    y_range: tuple[float, float] | None = None,
) -> Html | None:
    """The metric's curves; None where no group has one."""
    x_name = x.replace("_", " ")
    found = [(group, group.curve(x, metric)) for group in groups if x != "labels" or not group.is_baseline]
    series = [Series(group.index, group.condition, curve) for group, curve in found if curve is not None]
    if not series:
        return None
    levels = [] if random is None else [Level("random policy", random)]
    if x == "labels" and metric == "true_return":
        baseline = [g.figure("true_return_mean") for g in groups if g.is_baseline]
        levels += [Level("true reward, at its end", one.mean) for one in baseline[:1] if one is not None]
    title = f"{name[0].upper()}{name[1:]} against {x_name}"
    return tag(
        "figure",
        tag("figcaption", tag("strong", title), tag("span", f"{_EXPLAINED[metric]}.")),
        line_chart(series, title=title, x_name=x_name, y_name=name, levels=levels, y_range=y_range),
        tag("output", aria_live="polite"),
    )


def _group_table(title: str, groups: Sequence[Group], columns: Sequence[Column]) -> Html | None:
    """The columns of which anything is known; None where nothing is."""
    known = [column for column in columns if any(column.cell(group) != "-" for group in groups)]
    if not known:
        return None
    names = ("condition", *(column.name for column in known))
    rows = [[group.condition, *(column.cell(group) for column in known)] for group in groups]
    meanings = [tag("div", tag("dt", column.name), tag("dd", column.meaning)) for column in known]
    return join(
        _table(title, names, rows),
        tag("details", tag("summary", "What the columns say"), tag("dl", [*meanings])),
    )


def _table(title: str, names: Sequence[str], rows: Sequence[Sequence[str]]) -> Html:
    """On a phone each row becomes a card (report.css), so the roles are said."""
    head = tag("tr", [tag("th", name, scope="col", role="columnheader") for name in names], role="row")
    body = [
        tag(
            "tr",
            tag("th", first, scope="row", role="rowheader"),
            [tag("td", cell, role="cell", data_name=name) for name, cell in zip(names[1:], cells, strict=True)],
            role="row",
        )
        for first, *cells in rows
    ]
    return tag(
        "table",
        tag("caption", title),
        tag("thead", head, role="rowgroup"),
        tag("tbody", [*body], role="rowgroup"),
        role="table",
    )


def _notes(runs: Sequence[Run]) -> Html | None:
    notes = [tag("li", tag("strong", run.name), ": ", note) for run in runs for note in run.notes]
    if not notes:
        return None
    return tag("section", tag("h2", "Warnings and notes"), tag("ul", [*notes]))


def _videos(runs: Sequence[Run]) -> Html | None:
    shown: list[Html] = []
    left_out: list[str] = []
    free = VIDEO_BYTES
    for run in runs:
        if run.video is None:
            continue
        if len(run.video) > free:
            left_out.append(run.name)
            continue
        free -= len(run.video)
        source = f"data:video/mp4;base64,{base64.b64encode(run.video).decode()}"
        made = f"{run.task}, {run.condition}, seed {run.seed}: {number(run.figure('true_return_mean'))} in the mean"
        shown.append(
            tag(
                "figure",
                tag("video", src=source, controls=True, loop=True, muted=True, playsinline=True, preload="metadata"),
                tag("figcaption", tag("strong", run.name), tag("span", made)),
            )
        )
    if not shown and not left_out:
        return None
    rest = f"Left out, since the page would become too large: {', '.join(left_out)} (videos/ in their folders)."
    return tag(
        "section",
        tag("h2", "Videos"),
        tag("p", "The first evaluation episode of each run's deterministic policy, its first ten seconds."),
        tag("div", [*shown], class_="videos"),
        tag("p", rest) if left_out else None,
    )


def _every_run(runs: Sequence[Run]) -> Html:
    names = ("run", "task", "condition", "seed", "state", "true return", "random policy", "commit", "command")
    rows = [
        [
            run.name,
            run.task,
            run.condition,
            str(run.seed),
            run.state,
            f"{number(run.figure('true_return_mean'))} ± {number(run.figure('true_return_std'))}",
            number(run.figure("random_return_mean")),
            run.commit or "-",
            " ".join(run.command) or "-",
        ]
        for run in runs
    ]
    return tag("section", tag("details", tag("summary", "Every run, with what made it"), _table("Runs", names, rows)))


def _static(name: str) -> str:
    return importlib.resources.files(__package__).joinpath("static", name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
