"""The page: tables, curves, notes, videos, in one file that asks for nothing else."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence

import rlhp_ray
from rlhp_ray.report.chart import Chart, line_chart, swatch
from rlhp_ray.report.charts import charts
from rlhp_ray.report.columns import EFFICIENCY, INTERVAL, RETURNS, WARNINGS, Column, known, plain
from rlhp_ray.report.comparison import Comparison, Group
from rlhp_ray.report.html import Html, join, static, tag
from rlhp_ray.report.runs import Run
from rlhp_ray.telemetry.progress import number

WARNED = "Whether the health of the reward warned of a loss"
VIDEO_BYTES = 24_000_000  # of all videos together, before they become text; the others are named


def page(comparison: Comparison) -> str:
    """The whole document."""
    style, script = static("chart.css") + static("report.css"), static("report.js")
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
        tag("title", comparison.title),
        tag("style", Html(style)),
    ]
    document = tag(
        "html", tag("head", [*head]), tag("body", tag("main", [*body]), tag("script", Html(script))), lang="en"
    )
    return f"<!doctype html>\n{document}\n"


def _head(comparison: Comparison) -> Html:
    buttons = [
        tag("button", swatch(index), name, type="button", aria_pressed="true", data_series=str(index))
        for index, name in enumerate(comparison.conditions)
    ]
    links = [tag("a", task, href=f"#task-{index}") for index, task in enumerate(comparison.tasks)]
    return tag(
        "header",
        tag("h1", comparison.title),
        tag("nav", [*links], aria_label="Tasks") if len(links) > 1 else None,
        tag("div", [*buttons], class_="legend", role="group", aria_label="Conditions that the curves show"),
    )


def _over_tasks(comparison: Comparison) -> Html | None:
    names = ("condition", "tasks", "normalised score")
    rows = [[name, str(tasks), plain(score, 2)] for name, tasks, score in comparison.scores_over_tasks()]
    scores = _table("Mean normalised score over tasks", names, rows) if rows else None
    warnings = _group_table(WARNED, comparison.over_tasks(), WARNINGS)
    if scores is None and warnings is None:
        return None
    return tag("section", tag("h2", "Over all tasks"), scores, warnings)


def _task(comparison: Comparison, task: str) -> Html:
    groups = comparison.of_task(task)
    random = groups[0].random_return
    measured = "" if random is None else f"A random policy makes {number(random)}."
    return tag(
        "section",
        tag("h2", task),
        tag("p", measured) if measured else None,
        _group_table("What was reached", groups, RETURNS),
        tag("div", [_figure(chart) for chart in charts(groups)], class_="charts"),
        _group_table("How efficient the labels were", groups, EFFICIENCY),
        _group_table(WARNED, groups, WARNINGS),
        id=f"task-{comparison.tasks.index(task)}",
    )


def _figure(chart: Chart) -> Html:
    return tag(
        "figure",
        tag("figcaption", tag("strong", chart.title), tag("span", f"{chart.meaning}.")),
        line_chart(chart),
        tag("output", aria_live="polite"),
    )


def _group_table(title: str, groups: Sequence[Group], columns: Sequence[Column]) -> Html | None:
    """The columns of which anything is known; None where nothing is."""
    shown = known(columns, groups)
    if not shown:
        return None
    names = ("condition", *(column.name for column in shown))
    rows = [[group.condition, *(column.cell(group) for column in shown)] for group in groups]
    meanings = [tag("div", tag("dt", column.name), tag("dd", column.meaning)) for column in shown]
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
        tag("p", "The first evaluation episode of each run's policy, its first ten seconds."),
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


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
