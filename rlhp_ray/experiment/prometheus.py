"""Metrics on the page that Ray shows Prometheus on every node, tagged with run and task; set by the driver alone."""

from __future__ import annotations

from collections.abc import Mapping

from ray.util.metrics import Counter, Gauge

from rlhp_ray.telemetry import METRICS, Metric


class PrometheusMetrics:
    """The registry's metrics that are marked for Prometheus. Made after the driver has joined its cluster."""

    def __init__(self, *, run: str, task: str) -> None:
        self._tags = {"run": run, "task": task}
        self._gauges: dict[str, Gauge] = {}
        self._counters: dict[str, Counter] = {}
        self._counted: dict[str, float] = {}
        for metric in METRICS:
            if metric.prometheus and metric.kind == "gauge":
                self._gauges[metric.name] = Gauge(*_declared(metric), tag_keys=("run", "task"))
            elif metric.prometheus:
                self._counters[metric.name] = Counter(*_declared(metric), tag_keys=("run", "task"))
                self._counted[metric.name] = 0.0

    def set(self, values: Mapping[str, float | None]) -> None:
        """Show these values; those that aren't known yet or aren't marked are left out."""
        for name, value in values.items():
            if value is None:
                continue
            if name in self._gauges:
                self._gauges[name].set(float(value), tags=self._tags)
            elif name in self._counters and value > self._counted[name]:
                self._counters[name].inc(float(value) - self._counted[name], tags=self._tags)
                self._counted[name] = float(value)


def _declared(metric: Metric) -> tuple[str, str]:
    return metric.prometheus_name, f"{metric.meaning} Unit: {metric.unit}."
