"""Which charts a task has: a metric along env steps or labels, a curve for each condition."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from rlhp_ray.report.chart import Chart, Level, Series
from rlhp_ray.report.comparison import Group


@dataclasses.dataclass(frozen=True)
class _Wanted:
    metric: str
    x: str
    name: str
    meaning: str
    y_range: tuple[float, float] | None = None


_SHARE, _CORRELATION = (0.0, 1.0), (-1.0, 1.0)
_RETURN = "Mean return of the newest 20 training episodes, by the task's own reward"
_WANTED = (
    _Wanted("true_return", "env_steps", "true return", _RETURN),
    _Wanted("true_return", "labels", "true return", _RETURN),
    _Wanted(
        "reward/fresh_accuracy",
        "labels",
        "accuracy on new answers",
        "How often the predictor agrees with an answer before it is trained on it (newest 100)",
        _SHARE,
    ),
    _Wanted(
        "reward/audit_accuracy",
        "labels",
        "accuracy on audit answers",
        "How often it agrees with answers that it is never trained on",
        _SHARE,
    ),
    _Wanted(
        "return_correlation",
        "env_steps",
        "predicted and true return",
        "Correlation of predicted and true return over the newest 100 episodes",
        _CORRELATION,
    ),
    _Wanted(
        "reward/disagreement",
        "labels",
        "disagreement of members",
        "How far the members differ in the preference that they predict for a new answer",
    ),
    _Wanted(
        "people/fleiss_kappa",
        "labels",
        "agreement of people",
        "Fleiss' kappa of the people who answered: 1 always alike, 0 as by chance",
        _CORRELATION,
    ),
)


def charts(groups: Sequence[Group]) -> list[Chart]:
    """The charts of a task's groups; those for which no group has a curve are left out."""
    return [chart for wanted in _WANTED if (chart := _chart(groups, wanted)) is not None]


def _chart(groups: Sequence[Group], wanted: _Wanted) -> Chart | None:
    by_labels = wanted.x == "labels"
    found = [(g, g.curve(wanted.x, wanted.metric)) for g in groups if not (by_labels and g.is_baseline)]
    series = tuple(Series(group.index, group.condition, curve) for group, curve in found if curve is not None)
    if not series:
        return None
    x_name = wanted.x.replace("_", " ")
    title = f"{wanted.name[0].upper()}{wanted.name[1:]} against {x_name}"
    levels = _levels(groups, with_baseline=by_labels) if wanted.metric == "true_return" else ()
    return Chart(title, wanted.meaning, x_name, wanted.name, series, levels, wanted.y_range)


def _levels(groups: Sequence[Group], *, with_baseline: bool) -> tuple[Level, ...]:
    levels = []
    if groups[0].random_return is not None:
        levels.append(Level("random policy", groups[0].random_return))
    reached = next((group.figure("true_return_mean") for group in groups if group.is_baseline), None)
    if with_baseline and reached is not None:
        levels.append(Level("true reward, at its end", reached.mean))
    return tuple(levels)
