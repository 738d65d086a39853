"""What a metric is: its name here and in Prometheus, and when its value is healthy."""

from __future__ import annotations

import dataclasses
from typing import Literal

PROMETHEUS_PREFIX = "rlhp_"  # Ray puts `ray_` before it


@dataclasses.dataclass(frozen=True, slots=True)
class Metric:
    """One number that a run tells at an interval. A counter only grows while its process lives."""

    name: str  # `group/name`: W&B draws a group's metrics together
    unit: str
    meaning: str  # one sentence
    kind: Literal["gauge", "counter"] = "gauge"
    low: float | None = None  # the healthy range, where it says something
    high: float | None = None
    otherwise: str = ""  # what to look at where the value is outside of the range
    prometheus: bool = False  # shown on Ray's metrics page, for Prometheus
    zero: bool = False  # of those on that page: may be zero in a run that is well

    @property
    def prometheus_name(self) -> str:
        """The name that Ray is given."""
        return PROMETHEUS_PREFIX + self.name.replace("/", "_")

    @property
    def series(self) -> str:
        """The name that Prometheus reads on the metrics page."""
        return f"ray_{self.prometheus_name}" + ("_total" if self.kind == "counter" else "")

    @property
    def healthy(self) -> str:
        """The healthy range in words; empty where there is none."""
        bounds = [
            f"{word} {bound:g}" for word, bound in (("at least", self.low), ("at most", self.high)) if bound is not None
        ]
        return " and ".join(bounds)

    def is_healthy(self, value: float | None) -> bool:
        """Whether the value is in the healthy range; one that isn't known is."""
        if value is None:
            return True
        return (self.low is None or value >= self.low) and (self.high is None or value <= self.high)
