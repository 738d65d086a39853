"""What a person sees of a run: a live view on a terminal, one aligned line an interval in a job's log.

The driver calls `update` at an interval, `say` for a sentence that matters, `finish` once.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import TextIO

from rich.bar import Bar
from rich.console import Console as RichConsole
from rich.console import Group
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from rlhp_ray.telemetry.progress import Progress, clock, number, percent, seconds_left

HEADER_EVERY_LINES = 20
LOG_WIDTH = 120  # a log has no width of its own
WIDE = 66  # columns of a terminal that two facts fit beside each other in

_COLUMNS = (
    ("time", 8),
    ("env steps", 11),
    ("labels", 11),
    ("steps/s", 8),
    ("true return", 12),
    ("predicted", 10),
    ("accuracy", 9),
    ("version", 8),
    ("left", 8),
)


class Console:
    """Shows a run. `quiet` shows nothing; `live`: whether the stream is a terminal, unless told; `now`: seconds."""

    def __init__(
        self,
        title: str,
        *,
        stream: TextIO | None = None,
        live: bool | None = None,
        quiet: bool = False,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        stream = stream or sys.stdout
        self._title = title
        self._quiet = quiet
        is_live = stream.isatty() if live is None else live
        width = None if is_live else LOG_WIDTH
        self._rich = RichConsole(file=stream, highlight=False, force_terminal=is_live, width=width)
        # Refreshed by update alone: no thread of its own. Stray prints of libraries appear above the view.
        self._live = Live(console=self._rich, auto_refresh=False, transient=True) if is_live and not quiet else None
        self._lines = 0
        self._now = now
        self._begun = now()
        self._first: tuple[float, Progress] | None = None  # the first progress with steps, and when

    def __enter__(self) -> Console:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def update(self, progress: Progress) -> None:
        """Show where the run is."""
        if self._quiet:
            return
        now = self._now()
        if self._first is None and progress.env_steps > 0:
            self._first = (now, progress)
        left = None if self._first is None else seconds_left(self._first[1], progress, now - self._first[0])
        if self._live is not None:
            if not self._live.is_started:
                self._live.start()
            wide = self._rich.width >= WIDE
            self._live.update(_view(self._title, progress, now - self._begun, left, wide=wide), refresh=True)
            return
        if self._lines % HEADER_EVERY_LINES == 0:
            self._print(" ".join(name.rjust(width) for name, width in _COLUMNS) + "  now")
        self._lines += 1
        self._print(_line(progress, now - self._begun, left))

    def say(self, sentence: str) -> None:
        """Print a sentence, above the live view where there is one."""
        if not self._quiet:
            self._print(sentence, wrap=self._live is not None)

    def whisper(self, secret: str, instead: str) -> None:
        """A sentence with a secret, such as a link that lets in, for a terminal; a log has the other one instead."""
        self.say(secret if self._live is not None else instead)

    def finish(self, summary: Mapping[str, object], paths: Mapping[str, str]) -> None:
        """End the view and print the summary as a table and where things lie."""
        self.close()
        if self._quiet:
            return
        table = Table(title=self._title, title_justify="left", show_header=False)
        table.add_column(style="bold")
        table.add_column(justify="right", overflow="fold")
        for name, value in summary.items():
            table.add_row(name.replace("_", " "), _shown(value))
        self._rich.print(table)
        for name, path in paths.items():
            self._print(f"{name}: {path}")

    def close(self) -> None:
        """End the live view and give the terminal back as it was; harmless when done before."""
        if self._live is not None and self._live.is_started:
            self._live.stop()

    def _print(self, text: str, *, wrap: bool = False) -> None:
        # A log's lines and paths are never broken.
        self._rich.print(Text(text), soft_wrap=not wrap)
        self._rich.file.flush()


def _version(progress: Progress) -> str:
    return str(progress.reward_version) if progress.reward_version else "-"


def _line(progress: Progress, seconds: float, left: float | None) -> str:
    cells = (
        clock(seconds),
        f"{progress.env_steps:,}",
        f"{progress.labels}/{progress.labels_budget}" if progress.labels_budget else "-",
        number(progress.env_steps_per_second, 0),
        number(progress.true_return),
        number(progress.predicted_return),
        percent(progress.fresh_accuracy),
        _version(progress),
        clock(left),
    )
    aligned = (cell.rjust(width) for cell, (_, width) in zip(cells, _COLUMNS, strict=True))
    return " ".join(aligned) + f"  {progress.activity}"


def _view(title: str, progress: Progress, seconds: float, left: float | None, *, wide: bool) -> Panel:
    bars = Table.grid(padding=(0, 2), expand=True)
    bars.add_column(no_wrap=True)
    bars.add_column(ratio=1)
    bars.add_column(justify="right", no_wrap=True)
    for name, done, budget in (
        ("env steps", progress.env_steps, progress.env_steps_budget),
        ("labels", progress.labels, progress.labels_budget),
    ):
        if budget:  # no labels on the true reward
            bar = Bar(size=budget, begin=0, end=min(done, budget), color="cyan", bgcolor="grey23")
            bars.add_row(name, bar, f"{done:,} / {budget:,}")
    facts = (
        ("true return", number(progress.true_return)),
        ("env steps/s", number(progress.env_steps_per_second, 0)),
        ("predicted return", number(progress.predicted_return)),
        ("predictor version", _version(progress)),
        ("fresh accuracy", percent(progress.fresh_accuracy)),
        ("the reward is", progress.health),
        ("time left", clock(left)),
    )
    columns = 2 if wide else 1
    grid = Table.grid(padding=(0, 2 if wide else 1))
    for _ in range(columns):
        grid.add_column(no_wrap=True)
        grid.add_column(justify="right", no_wrap=True, min_width=9 if wide else None)
    for row in range(0, len(facts), columns):
        grid.add_row(*(cell for fact in facts[row : row + columns] for cell in fact))
    heading = Text.assemble((progress.activity, "bold"), f"  {clock(seconds)}")
    return Panel(Group(heading, Text(), bars, Text(), grid), title=title, title_align="left", border_style="grey50")


def _shown(value: object) -> str:
    if value is None or value == {}:
        return "-"
    if isinstance(value, bool | str):
        return str(value)
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.3f}" if abs(value) < 10 else f"{value:,.1f}"
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_shown(item)}" for name, item in value.items())
    return str(value)
