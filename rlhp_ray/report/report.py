"""Writes the report of some runs to a file."""

from __future__ import annotations

import pathlib
from collections.abc import Sequence

from rlhp_ray.errors import UserError
from rlhp_ray.report.comparison import compare
from rlhp_ray.report.markdown import write_markdown
from rlhp_ray.report.page import page
from rlhp_ray.report.sections import read_sections


def write_report(addresses: Sequence[str], output: pathlib.Path) -> int:
    """Write what compares these runs (folders, results' JSON, or sweeps); how many. UserError, CorruptDataError.

    FILE.html is a page of its own; FILE.md is Markdown, a section a sweep, with its charts in a folder beside it.
    """
    if output.suffix not in (".html", ".md"):
        raise UserError(f"A report is FILE.html or FILE.md, and -o is {output}.")
    sections = read_sections(addresses)
    runs = {run.address: run for section in sections for run in section.runs}
    try:
        if output.suffix == ".md":
            write_markdown(sections, output)
        else:
            output.write_text(page(compare(list(runs.values()))), encoding="utf-8")
    except OSError as error:
        raise UserError(f"The report can't be written to {output}: {error.strerror}; choose another -o.") from None
    return len(runs)
