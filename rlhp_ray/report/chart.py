"""A line chart as inline SVG: means with bands, in the colours of chart.css, and its points as JSON for report.js."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Sequence

import numpy as np

from rlhp_ray.report.html import Html, tag
from rlhp_ray.report.statistics import Curve

WIDTH, HEIGHT = 380, 240
LEFT, RIGHT, TOP, BOTTOM = 52, 12, 12, 38
COLORS = 8  # that chart.css has; a ninth condition is drawn like the first


@dataclasses.dataclass(frozen=True)
class Series:
    """A named curve in the colour of its index."""

    index: int
    name: str
    curve: Curve


@dataclasses.dataclass(frozen=True)
class Level:
    """A horizontal line to compare with."""

    name: str
    y: float


class _Axis:
    """Values to pixels, with round ticks."""

    def __init__(self, low: float, high: float, first: float, last: float, wanted: int) -> None:
        if high <= low:
            low, high = low - 1, high + 1
        step = _round_step((high - low) / wanted)
        self.low, self.high = math.floor(low / step + 1e-9) * step, math.ceil(high / step - 1e-9) * step
        count = round((self.high - self.low) / step)
        self.ticks = [self.low + step * index for index in range(count + 1)]
        self._digits = max(0, -math.floor(math.log10(step) + 1e-9))
        self._first, self._last = first, last

    def at(self, value: float) -> float:
        return self._first + (value - self.low) / (self.high - self.low) * (self._last - self._first)

    def text(self, value: float) -> str:
        for size, unit in ((1e6, "M"), (1e4, "k")):
            if max(abs(self.low), abs(self.high)) >= size:
                return f"{value / (1e6 if unit == 'M' else 1e3):g}{unit}" if value else "0"
        return f"{value:,.{self._digits}f}"


def line_chart(
    series: Sequence[Series],
    *,
    title: str,
    x_name: str,
    y_name: str,
    levels: Sequence[Level] = (),
    y_range: tuple[float, float] | None = None,
) -> Html:
    """The chart; `y_range`: of a share or a correlation, else what the curves and levels need."""
    low, high = y_range or _extent(series, levels)
    y = _Axis(low, high, HEIGHT - BOTTOM, TOP, 4)
    x = _Axis(0.0, max(one.curve.x[-1] for one in series), LEFT, WIDTH - RIGHT, 4)
    x.high = max(one.curve.x[-1] for one in series)  # ends with the data
    marks = [tag("line", class_="grid", x1=LEFT, x2=WIDTH - RIGHT, y1=y.at(t), y2=y.at(t)) for t in y.ticks]
    marks += [tag("text", y.text(t), class_="tick end", x=LEFT - 6, y=y.at(t) + 4) for t in y.ticks]
    shown = [t for t in x.ticks if t <= x.high * 1.001]
    marks += [tag("text", x.text(t), class_="tick middle", x=x.at(t), y=HEIGHT - BOTTOM + 16) for t in shown]
    for level in levels:
        marks.append(tag("line", class_="level", x1=LEFT, x2=WIDTH - RIGHT, y1=y.at(level.y), y2=y.at(level.y)))
        marks.append(tag("text", level.name, class_="tick end", x=WIDTH - RIGHT, y=y.at(level.y) - 4))
    for one in series:
        marks.append(_drawn(one, x, y))
    marks += [
        tag("text", x_name, class_="tick middle", x=(LEFT + WIDTH - RIGHT) / 2, y=HEIGHT - 6),
        tag("line", class_="cursor", x1=0, x2=0, y1=TOP, y2=HEIGHT - BOTTOM),
    ]
    points = {
        "x": x_name,
        "y": y_name,
        "from": [LEFT, WIDTH - RIGHT, WIDTH],
        "range": [x.low, x.high],
        "series": [_points(one) for one in series],
    }
    return tag(
        "svg",
        [*marks],
        class_="chart",
        viewBox=f"0 0 {WIDTH} {HEIGHT}",
        role="img",
        tabindex="0",
        aria_label=title,
        data_points=json.dumps(points, separators=(",", ":")),
        xmlns="http://www.w3.org/2000/svg",
    )


def swatch(index: int) -> Html:
    """A piece of the line that a condition is drawn with."""
    line = tag("line", class_="mean", x1=0, x2=24, y1=5, y2=5)
    return tag("svg", tag("g", line, class_=_color(index)), class_="swatch", viewBox="0 0 24 10", aria_hidden="true")


def _drawn(one: Series, x: _Axis, y: _Axis) -> Html:
    curve = one.curve
    forth = [f"{x.at(float(a)):.1f},{y.at(float(b)):.1f}" for a, b in zip(curve.x, curve.mean, strict=True)]
    parts = []
    if curve.low is not None and curve.high is not None:
        above = [f"{x.at(float(a)):.1f},{y.at(float(b)):.1f}" for a, b in zip(curve.x, curve.high, strict=True)]
        below = [f"{x.at(float(a)):.1f},{y.at(float(b)):.1f}" for a, b in zip(curve.x, curve.low, strict=True)]
        parts.append(tag("path", class_="band", d="M" + "L".join([*above, *reversed(below)]) + "Z"))
    parts.append(tag("path", class_="mean", d="M" + "L".join(forth)))
    return tag("g", [*parts], class_=f"{_color(one.index)} s{one.index}")


def _color(index: int) -> str:
    return f"c{index % COLORS}"


def _points(one: Series) -> dict[str, object]:
    columns = {"x": one.curve.x, "mean": one.curve.mean, "low": one.curve.low, "high": one.curve.high}
    rounded = {
        name: [float(f"{value:.4g}") for value in column] for name, column in columns.items() if column is not None
    }
    return {"index": one.index, "name": one.name, **rounded}


def _extent(series: Sequence[Series], levels: Sequence[Level]) -> tuple[float, float]:
    columns = [c for one in series for c in (one.curve.mean, one.curve.low, one.curve.high) if c is not None]
    values = np.concatenate([*columns, [level.y for level in levels]])
    return float(values.min()), float(values.max())


def _round_step(rough: float) -> float:
    """1, 2 or 5 times a power of ten, at least as large."""
    size = 10.0 ** math.floor(math.log10(rough))
    return next(size * factor for factor in (1, 2, 5, 10) if size * factor >= rough * 0.999)
