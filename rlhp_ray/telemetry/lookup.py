"""A metric's declaration by its name."""

from __future__ import annotations

from collections.abc import Mapping

from rlhp_ray.errors import RlhpRayError
from rlhp_ray.telemetry.metric import Metric
from rlhp_ray.telemetry.registry import METRICS

_BY_NAME: Mapping[str, Metric] = {metric.name: metric for metric in METRICS}


class UndeclaredMetricError(RlhpRayError):
    """A metric is written that METRICS doesn't declare."""


def metric(name: str) -> Metric:
    """The declaration of a metric; UndeclaredMetricError."""
    try:
        return _BY_NAME[name]
    except KeyError:
        raise UndeclaredMetricError(
            f"The metric {name} is written but not declared; declare it in rlhp_ray/telemetry/registry.py."
        ) from None
