"""The comparison as Markdown, its charts as SVG files beside it: for a repository's page of results."""

from __future__ import annotations

import datetime
import pathlib
import re
from collections.abc import Iterator, Sequence

from rlhp_ray.report.chart import Chart, standalone_svg
from rlhp_ray.report.charts import charts
from rlhp_ray.report.columns import EFFICIENCY, INTERVAL, RETURNS, WARNINGS, Column, known, plain
from rlhp_ray.report.comparison import Group
from rlhp_ray.report.runs import Run
from rlhp_ray.report.sections import Section
from rlhp_ray.telemetry.progress import number


def write_markdown(sections: Sequence[Section], output: pathlib.Path) -> None:
    """Write FILE.md, and its charts into the folder FILE-charts beside it."""
    pictures = output.with_name(f"{output.stem}-charts")
    pictures.mkdir(exist_ok=True)
    if len(sections) == 1:
        (section,) = sections
        parts = [f"# {_text(section.title)}", INTERVAL, *_section(section, pictures, "##")]
    else:
        runs = {run.address for section in sections for run in section.runs}
        parts = [f"# Results of {len(runs)} runs", INTERVAL]
        for section in sections:
            parts += [f"## {_text(section.title)}", *_section(section, pictures, "###", prefix=section.name)]
    output.write_text("\n\n".join(part for part in parts if part) + "\n", encoding="utf-8")


def _section(section: Section, pictures: pathlib.Path, level: str, *, prefix: str = "") -> Iterator[str]:
    comparison = section.comparison
    yield section.text.strip()
    rows = [[name, str(tasks), plain(score, 2)] for name, tasks, score in comparison.scores_over_tasks()]
    scores = _table(["condition", "tasks", "normalised score"], rows) if rows else ""
    warnings = _group_table(comparison.over_tasks(), WARNINGS)
    if scores or warnings:
        yield from (f"{level} Over all tasks", scores, warnings)
    for task in comparison.tasks:
        groups = comparison.of_task(task)
        yield f"{level} {_text(task)}"
        if groups[0].random_return is not None:
            yield f"A random policy makes {number(groups[0].random_return)}."
        yield from (_group_table(groups, columns) for columns in (RETURNS, EFFICIENCY, WARNINGS))
        yield from (_picture(chart, f"{prefix} {task}", pictures) for chart in charts(groups))
    yield from _origins(section)


def _group_table(groups: Sequence[Group], columns: Sequence[Column]) -> str:
    shown = known(columns, groups)
    rows = [[group.condition, *(column.cell(group) for column in shown)] for group in groups]
    return _table(["condition", *(column.name for column in shown)], rows) if shown else ""


def _table(names: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head, *body = ("| " + " | ".join(map(_text, line)) + " |" for line in (names, *rows))
    return "\n".join([head, "|---" + "|---:" * (len(names) - 1) + "|", *body])


def _origins(section: Section) -> Iterator[str]:
    """What made each run: its command, its commit, its day."""
    made = f"{len(section.runs)} runs" + (f", made by `{section.command}`" if section.command else "")
    rows = [[run.name, _command(run), run.commit or "-", _day(run)] for run in section.runs]
    yield f"<details><summary>Command, commit and date of each run</summary>\n\n{made}."
    yield _table(["run", "command", "commit", "date"], rows)
    yield "</details>"


def _command(run: Run) -> str:
    return f"`{' '.join(run.command)}`" if run.command else "-"


def _day(run: Run) -> str:
    if run.created_at is None:
        return "-"
    return f"{datetime.datetime.fromtimestamp(run.created_at, datetime.UTC):%Y-%m-%d}"


def _picture(chart: Chart, about: str, folder: pathlib.Path) -> str:
    name = re.sub(r"[^a-z0-9]+", "-", f"{about} {chart.title}".lower()).strip("-")
    (folder / f"{name}.svg").write_text(f"{standalone_svg(chart)}\n", encoding="utf-8")
    return f"![{_text(chart.title)}]({folder.name}/{name}.svg)"


def _text(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace("|", "\\|").replace("[", "\\[")
