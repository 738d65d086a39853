"""Writes docs/benchmarks.md from the JSON of docs/benchmarks/."""

from __future__ import annotations

import json
import pathlib
from typing import Any

HEAD = """# Benchmarks

`make bench` measures env steps/s on half-cheetah; `make bench ARGS="NAME... --pairs N"` any of those below, and writes
this page. What is compared runs in turn in one call, since a machine's speed changes from minute to minute: a ratio is
of two runs side by side in time, and all figures are medians with their range. Other tools have virtual environments of
their own (`benchmarks/peers`), and the same networks, batch sizes and epochs where nothing else is said.
"""


def write_page(results: pathlib.Path) -> None:
    """One section a benchmark."""
    records = [json.loads(file.read_text()) for file in sorted(results.glob("*.json"))]
    sections = [HEAD, *(_section(record) for record in records)]
    results.with_suffix(".md").write_text("\n".join(sections))


def _section(record: dict[str, Any]) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in record["versions"].items())
    changed = ", with changes that weren't committed" if record["changed"] else ""
    lines = [
        f"## {record['benchmark']}",
        "",
        f"`{record['command']}`, {record['pairs']} pairs, {record['date']}, commit {record['commit'][:12]}{changed}; "
        f"{record['machine']['cores']} cores, Python {record['machine']['python']}, {versions}.",
        "",
    ]
    figures = list(dict.fromkeys(name for runs in record["measured"].values() for name in runs[0]))
    lines += [f"| | {' | '.join(figure.replace('_', ' ') for figure in figures)} |", f"|---|{'---|' * len(figures)}"]
    for side, runs in record["measured"].items():
        cells = [_cell(side, figure, runs, record) for figure in figures]
        lines.append(f"| {side} | {' | '.join(cells)} |")
    for of, ratio in record["ratios"].items():
        lines.append(f"| **{of}** | **{ratio['median']:.2f}** ({ratio['lowest']:.2f} to {ratio['highest']:.2f}) |")
    return "\n".join([*lines, ""])


def _cell(side: str, figure: str, runs: list[dict[str, float]], record: dict[str, Any]) -> str:
    if figure not in runs[0]:
        return ""
    values = [run[figure] for run in runs]
    return f"{_number(record['medians'][side][figure])} ({_number(min(values))} to {_number(max(values))})"


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
