"""The picture of a run's learning curve: what the person taught for, against env steps and labels."""

from __future__ import annotations

import pathlib
from collections.abc import Sequence

from rlhp_ray.telemetry.metrics import MetricsLine

TRUE_RETURN = "true_return"


def learning_curve(
    lines: Sequence[MetricsLine], file: pathlib.Path, *, title: str, random_return: float | None = None
) -> None:
    """Write a PNG: the mean true return against env steps above, the labels given until then below.

    `random_return`: a random policy's mean return, drawn as a line to compare with. A run without a finite true return
    makes an empty upper panel.
    """
    # Imported here, for the processes of a run that never draw. A Figure of its own: pyplot keeps global state and may
    # look for a screen.
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 5.5), layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    points = [(line.env_steps, value) for line in lines if (value := line.metrics.get(TRUE_RETURN)) is not None]
    upper.plot([x for x, _ in points], [y for _, y in points], color="tab:blue", label="agent, mean of recent episodes")
    if random_return is not None:
        upper.axhline(random_return, color="tab:gray", linestyle="--", label="random policy")
    if points or random_return is not None:
        upper.legend(loc="best", frameon=False)
    upper.set_ylabel("true return")
    upper.set_title(title, loc="left")
    steps = [line.env_steps for line in lines]
    lower.step(steps, [line.labels for line in lines], where="post", color="tab:orange")
    lower.set_ylabel("labels")
    lower.set_ylim(bottom=0)
    lower.set_xlabel("env steps")
    lower.xaxis.set_major_formatter("{x:,.0f}")
    for axes in (upper, lower):
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
        axes.yaxis.set_major_formatter("{x:,.0f}")
    figure.savefig(file, dpi=120, format="png")
