"""Writes the report of some runs to a file."""

from __future__ import annotations

import pathlib
from collections.abc import Sequence

from rlhp_ray.errors import UserError
from rlhp_ray.report.comparison import compare
from rlhp_ray.report.page import page
from rlhp_ray.report.runs import read_runs


def write_report(addresses: Sequence[str], output: pathlib.Path) -> int:
    """Write the page that compares these runs (folders, or results' JSON); how many. UserError, CorruptDataError."""
    runs = read_runs(addresses)
    text = page(compare(runs))
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UserError(f"The report can't be written to {output}: {error.strerror}; choose another -o.") from None
    return len(runs)
