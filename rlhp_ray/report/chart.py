"""A line chart as inline SVG: means with bands, in the colours of chart.css, and its points as JSON for report.js."""

from __future__ import annotations

import dataclasses
import json
import math

import numpy as np

from rlhp_ray.report.html import Html, join, static, tag
from rlhp_ray.report.statistics import Curve

WIDTH, HEIGHT = 380, 240
LEFT, RIGHT, TOP, BOTTOM = 52, 12, 12, 38
TITLE, LEGEND = 20, 18  # heights, in a file of its own
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


@dataclasses.dataclass(frozen=True)
class Chart:
    """What a chart shows."""

    title: str
    meaning: str  # a sentence without its full stop
    x_name: str
    y_name: str
    series: tuple[Series, ...]
    levels: tuple[Level, ...] = ()
    y_range: tuple[float, float] | None = None  # None: what the curves need


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


def line_chart(chart: Chart) -> Html:
    """For a page: as wide as it may be, and read by pointer and keys (report.js)."""
    x, y = _axes(chart)
    points = {
        "x": chart.x_name,
        "from": [LEFT, WIDTH - RIGHT, WIDTH],
        "range": [x.low, x.high],
        "series": [_points(one) for one in chart.series],
    }
    cursor = tag("line", class_="cursor", x1=0, x2=0, y1=TOP, y2=HEIGHT - BOTTOM)
    return tag(
        "svg",
        _marks(chart, x, y),
        cursor,
        class_="chart",
        viewBox=f"0 0 {WIDTH} {HEIGHT}",
        role="img",
        tabindex="0",
        aria_label=chart.title,
        data_points=json.dumps(points, separators=(",", ":")),
    )


def standalone_svg(chart: Chart) -> Html:
    """For a file of its own: with its title, its legend and its style."""
    rows = [
        tag(
            "g",
            tag("g", tag("line", class_="mean", x1=LEFT, x2=LEFT + 24, y1=at - 4, y2=at - 4), class_=_color(one.index)),
            tag("text", one.name, x=LEFT + 32, y=at),
        )
        for at, one in ((HEIGHT + 10 + LEGEND * row, one) for row, one in enumerate(chart.series))
    ]
    height = TITLE + HEIGHT + LEGEND * len(chart.series) + 4
    return tag(
        "svg",
        tag("style", Html(static("chart.css"))),
        tag("text", chart.title, class_="title", x=LEFT, y=16),
        tag("g", _marks(chart, *_axes(chart)), [*rows], transform=f"translate(0 {TITLE})"),
        class_="chart",
        viewBox=f"0 0 {WIDTH} {height}",
        width=WIDTH * 1.5,
        height=height * 1.5,
        xmlns="http://www.w3.org/2000/svg",
    )


def _axes(chart: Chart) -> tuple[_Axis, _Axis]:
    low, high = chart.y_range or _extent(chart)
    y = _Axis(low, high, HEIGHT - BOTTOM, TOP, 4)
    end = max(float(one.curve.x[-1]) for one in chart.series)
    x = _Axis(0.0, end, LEFT, WIDTH - RIGHT, 4)
    x.high = end  # it ends with the data
    return x, y


def _marks(chart: Chart, x: _Axis, y: _Axis) -> Html:
    """Grid, ticks, levels and curves."""
    marks = [tag("line", class_="grid", x1=LEFT, x2=WIDTH - RIGHT, y1=y.at(t), y2=y.at(t)) for t in y.ticks]
    marks += [tag("text", y.text(t), class_="tick end", x=LEFT - 6, y=y.at(t) + 4) for t in y.ticks]
    shown = [t for t in x.ticks if t <= x.high * 1.001]
    marks += [tag("text", x.text(t), class_="tick middle", x=x.at(t), y=HEIGHT - BOTTOM + 16) for t in shown]
    for level in chart.levels:
        marks.append(tag("line", class_="level", x1=LEFT, x2=WIDTH - RIGHT, y1=y.at(level.y), y2=y.at(level.y)))
        marks.append(tag("text", level.name, class_="tick end", x=WIDTH - RIGHT, y=y.at(level.y) - 4))
    marks += [_drawn(one, x, y) for one in chart.series]
    return join(*marks, tag("text", chart.x_name, class_="tick middle", x=(LEFT + WIDTH - RIGHT) / 2, y=HEIGHT - 6))


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


def _extent(chart: Chart) -> tuple[float, float]:
    columns = [c for one in chart.series for c in (one.curve.mean, one.curve.low, one.curve.high) if c is not None]
    values = np.concatenate([*columns, [level.y for level in chart.levels]])
    return float(values.min()), float(values.max())


def _round_step(rough: float) -> float:
    """1, 2 or 5 times a power of ten, at least as large."""
    size = 10.0 ** math.floor(math.log10(rough))
    return next(size * factor for factor in (1, 2, 5, 10) if size * factor >= rough * 0.999)
