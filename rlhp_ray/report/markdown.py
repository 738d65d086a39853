"""The comparison as Markdown, its charts as SVG files beside it: for a repository's page of results."""

from __future__ import annotations

import pathlib
import re
from collections.abc import Sequence

from rlhp_ray.report.chart import Chart, standalone_svg
from rlhp_ray.report.charts import charts
from rlhp_ray.report.columns import EFFICIENCY, INTERVAL, RETURNS, WARNINGS, Column, known, plain
from rlhp_ray.report.comparison import Comparison, Group
from rlhp_ray.telemetry.progress import number


def write_markdown(comparison: Comparison, output: pathlib.Path) -> None:
    """Write FILE.md, and its charts into a folder of its name without the ending."""
    pictures = output.with_suffix("")
    pictures.mkdir(exist_ok=True)
    parts = [f"# {_text(comparison.title)}", INTERVAL]
    rows = [[name, str(tasks), plain(score, 2)] for name, tasks, score in comparison.scores_over_tasks()]
    scores = _table(["condition", "tasks", "normalised score"], rows) if rows else ""
    warnings = _group_table(comparison.over_tasks(), WARNINGS)
    if scores or warnings:
        parts += ["## Over all tasks", scores, warnings]
    for task in comparison.tasks:
        groups = comparison.of_task(task)
        parts.append(f"## {_text(task)}")
        if groups[0].random_return is not None:
            parts.append(f"A random policy makes {number(groups[0].random_return)}.")
        parts += [_group_table(groups, columns) for columns in (RETURNS, EFFICIENCY, WARNINGS)]
        parts += [_picture(chart, task, pictures) for chart in charts(groups)]
    output.write_text("\n\n".join(part for part in parts if part) + "\n", encoding="utf-8")


def _group_table(groups: Sequence[Group], columns: Sequence[Column]) -> str:
    shown = known(columns, groups)
    rows = [[group.condition, *(column.cell(group) for column in shown)] for group in groups]
    return _table(["condition", *(column.name for column in shown)], rows) if shown else ""


def _table(names: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head, *body = ("| " + " | ".join(map(_text, line)) + " |" for line in (names, *rows))
    return "\n".join([head, "|---" + "|---:" * (len(names) - 1) + "|", *body])


def _picture(chart: Chart, task: str, folder: pathlib.Path) -> str:
    name = re.sub(r"[^a-z0-9]+", "-", f"{task} {chart.title}".lower()).strip("-")
    (folder / f"{name}.svg").write_text(f"{standalone_svg(chart)}\n", encoding="utf-8")
    return f"![{_text(chart.title)}]({folder.name}/{name}.svg)"


def _text(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace("|", "\\|").replace("[", "\\[")
