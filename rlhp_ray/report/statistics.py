"""What several runs say together: means with bootstrap intervals, normalised scores, curves over seeds."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from rlhp_ray.report.runs import Run
from rlhp_ray.types import FloatArray

RESAMPLES = 4_000
LEVEL = 0.95
GRID_POINTS = 80  # of a curve

Doubles = np.ndarray[tuple[int, ...], np.dtype[np.float64]]


@dataclasses.dataclass(frozen=True, slots=True)
class Estimate:
    """A mean and its 95 % bootstrap interval, which a single run doesn't have."""

    mean: float
    low: float | None = None
    high: float | None = None
    count: int = 1  # runs


@dataclasses.dataclass(frozen=True, slots=True)
class Curve:
    """A mean over runs along a common axis, with its pointwise interval where there are several."""

    x: Doubles  # [G]
    mean: Doubles  # [G]
    low: Doubles | None
    high: Doubles | None


def estimate(values: Sequence[float]) -> Estimate | None:
    """Mean of one value a run, resampled over the runs; None without any."""
    if not values:
        return None
    means = resampled_means(np.asarray(values, dtype=np.float64), "estimate")
    return _estimate(float(np.mean(values)), means, len(values))


def normalized_score(returns: Sequence[float], baseline: Sequence[float], random: float) -> Estimate | None:
    """(return - random) / (true-reward agent - random), both agents resampled over their runs.

    None where either has no run, or where the true-reward agent is no better than a random policy.
    """
    if not returns or not baseline or np.mean(baseline) <= random:
        return None
    score = (np.mean(returns) - random) / (np.mean(baseline) - random)
    return _estimate(float(score), score_resamples(returns, baseline, random), len(returns))


def mean_score(scores: Sequence[tuple[Sequence[float], Sequence[float], float]]) -> Estimate | None:
    """The mean over tasks of their scores, of (returns, baseline, random) each, resampled within each task."""
    known = [one for one in scores if normalized_score(*one) is not None]
    if not known:
        return None
    mean = np.mean([(np.mean(returns) - low) / (np.mean(base) - low) for returns, base, low in known])
    means = np.mean([score_resamples(*one, salt=str(task)) for task, one in enumerate(known)], axis=0)
    return _estimate(float(mean), means, sum(len(returns) for returns, _, _ in known))


def score_resamples(returns: Sequence[float], baseline: Sequence[float], random: float, salt: str = "") -> Doubles:
    """Scores [RESAMPLES]; a resample in which the true-reward agent is no better than random counts as no score."""
    above = resampled_means(np.asarray(returns, dtype=np.float64), f"returns{salt}") - random
    base = resampled_means(np.asarray(baseline, dtype=np.float64), f"baseline{salt}") - random
    return above / np.where(base > 0, base, np.nan)


def resampled_means(values: Doubles, salt: str) -> Doubles:
    """Means [RESAMPLES, ...] of values [n, ...] drawn with replacement, the same at each call."""
    rng = np.random.default_rng([0, *salt.encode()])
    drawn = rng.integers(len(values), size=(RESAMPLES, len(values)))
    means: Doubles = values[drawn].mean(axis=1)
    return means


def mean_curve(runs: Sequence[Run], x: str, y: str) -> Curve | None:
    """The mean of a metric along `env_steps` or `labels`, up to where the first of the runs ends.

    Of several lines at one x the last counts. None where no run has two points.
    """
    lines = [line for line in (_line(run, x, y) for run in runs) if len(line[0]) > 1]
    if not lines:
        return None
    begin, end = max(xs[0] for xs, _ in lines), min(xs[-1] for xs, _ in lines)
    if begin >= end:
        return None
    grid = np.linspace(begin, end, GRID_POINTS)
    values = np.stack([np.interp(grid, xs, ys) for xs, ys in lines])
    if len(values) == 1:
        return Curve(grid, values[0], None, None)
    low, high = np.quantile(resampled_means(values, "curve"), _tails(), axis=0)
    return Curve(grid, values.mean(axis=0), low, high)


def first_reached(curve: Curve, level: float) -> float | None:
    """The x at which the mean is first at the level or above; None where it never is."""
    reached = np.flatnonzero(curve.mean >= level)
    return float(curve.x[reached[0]]) if len(reached) else None


def _line(run: Run, x: str, y: str) -> tuple[Doubles, Doubles]:
    pairs = zip(run.curve.get(x, ()), run.curve.get(y, ()), strict=False)
    known = [(float(at), float(value)) for at, value in pairs if at is not None and value is not None]
    points = dict(sorted(known, key=lambda point: point[0]))  # a stable order: the later line of an x stays
    return np.array(list(points)), np.array(list(points.values()))


def _estimate(mean: float, resamples: Doubles | FloatArray, count: int) -> Estimate:
    if count < 2 or np.isnan(resamples).all():
        return Estimate(mean, count=count)
    low, high = np.nanquantile(resamples, _tails())
    return Estimate(mean, float(low), float(high), count)


def _tails() -> list[float]:
    return [(1 - LEVEL) / 2, (1 + LEVEL) / 2]
