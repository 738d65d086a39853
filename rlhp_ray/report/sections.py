"""What a report is made of: the runs that were named, and the results of sweeps, each sweep a section of its own."""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Sequence

from rlhp_ray.config.sweep import SweepFile
from rlhp_ray.errors import UserError
from rlhp_ray.experiment.sweep import cells
from rlhp_ray.report.comparison import Comparison, compare
from rlhp_ray.report.runs import Run, read_runs


@dataclasses.dataclass(frozen=True)
class Section:
    """Runs that are compared with one another."""

    name: str  # of the sweep's file; empty: runs that were named one by one
    title: str
    text: str  # Markdown, of the sweep's file
    command: str  # that makes its runs
    runs: tuple[Run, ...]

    @property
    def comparison(self) -> Comparison:
        """Of its runs."""
        return compare(self.runs)


def read_sections(addresses: Sequence[str]) -> list[Section]:
    """Those of the sweeps (FILE.yaml), and before them one of all other addresses. UserError, CorruptDataError."""
    sweeps = [one for one in dict.fromkeys(addresses) if one.endswith((".yaml", ".yml"))]
    named = [one for one in addresses if one not in sweeps]
    found = [Section("", compare(runs := read_runs(named)).title, "", "", tuple(runs))] if named else []
    return found + [_of_sweep(file) for file in sweeps]


def _of_sweep(file: str) -> Section:
    read = SweepFile(pathlib.Path(file))
    results = [str(cell.result) for cell in cells(read) if cell.result.exists()]
    if not results:
        raise UserError(f"{file} has no results yet; `rlhp-ray sweep {file}` makes them.")
    name = pathlib.Path(file).stem
    return Section(name, read.sweep.title or name, read.sweep.text, f"rlhp-ray sweep {file}", tuple(read_runs(results)))
