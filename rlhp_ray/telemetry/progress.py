"""How far a run is, as one plain record: what the console shows."""

from __future__ import annotations

import dataclasses
import math


@dataclasses.dataclass(frozen=True, slots=True)
class Progress:
    """A run at one moment. None where there is nothing to tell yet."""

    activity: str  # what happens now, in a few words: "first rollouts", "training"
    env_steps: int
    env_steps_budget: int
    labels: int
    labels_budget: int
    env_steps_per_second: float | None = None
    true_return: float | None = None  # mean over recent episodes
    predicted_return: float | None = None
    fresh_accuracy: float | None = None  # of the predictor, on answers before they are trained on
    reward_version: int = 0  # 0 before the first
    health: str = "-"  # of the reward


def seconds_left(first: Progress, now: Progress, seconds: float) -> float | None:
    """An estimate: both budgets at the pace since `first`, `seconds` ago; None before anything moved.

    A budget that stands still while the other moves (labels in an annealed schedule, steps that wait for labels) says
    nothing about its own end and is left out.
    """
    ends = []
    for begun, done, budget in (
        (first.env_steps, now.env_steps, now.env_steps_budget),
        (first.labels, now.labels, now.labels_budget),
    ):
        if done >= budget:
            ends.append(0.0)
        elif done > begun:
            ends.append(seconds * (budget - done) / (done - begun))
    return max(ends) if any(ends) else None


def clock(seconds: float | None) -> str:
    """`1:02:03`, `02:03`, or `-` where it isn't known."""
    if seconds is None or not math.isfinite(seconds):
        return "-"
    minutes, rest = divmod(max(0, round(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes:02}:{rest:02}"


def number(value: float | None, digits: int = 1) -> str:
    """`1,234.5`, or `-` where it isn't known."""
    return "-" if value is None or not math.isfinite(value) else f"{value:,.{digits}f}"


def percent(value: float | None) -> str:
    """`87 %`, or `-` where it isn't known."""
    return "-" if value is None or not math.isfinite(value) else f"{100 * value:.0f} %"
