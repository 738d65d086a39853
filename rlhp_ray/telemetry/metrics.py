"""metrics.jsonl: one JSON object a line for each interval of a run.

    {"time": 1700000000.0, "env_steps": 4096, "labels": 50, "metrics": {"true_return": 12.5, ...}}

Written by the driver through the run's folder, read by the plot, the report and whoever analyses a run.
"""

from __future__ import annotations

import dataclasses
import json
import math
import time
from collections.abc import Callable, Mapping

from rlhp_ray.errors import CorruptDataError
from rlhp_ray.storage.run_folder import RunFolder

FILE = "metrics.jsonl"


@dataclasses.dataclass(frozen=True, slots=True)
class MetricsLine:
    """The metrics of one interval."""

    time: float  # unix seconds
    env_steps: int
    labels: int
    metrics: Mapping[str, float | None]  # None where a value was not finite


class MetricsLog:
    """Appends lines to a run's metrics.jsonl, and reads them back."""

    def __init__(self, folder: RunFolder, clock: Callable[[], float] = time.time) -> None:
        self._folder = folder
        self._clock = clock

    def write(self, *, env_steps: int, labels: int, values: Mapping[str, float | None]) -> None:
        """Add a line. JSON has no NaN and no infinity: they become null."""
        record = {
            "time": self._clock(),
            "env_steps": int(env_steps),
            "labels": int(labels),
            "metrics": {name: _finite(value) for name, value in values.items()},
        }
        text = json.dumps(record, allow_nan=False, separators=(",", ":"))
        self._folder.append(FILE, text.encode() + b"\n")

    def lines(self) -> list[MetricsLine]:
        """All lines so far, in order; CorruptDataError where one isn't what was written.

        A last line without its end was being written when the run died, and is left out.
        """
        return [self._parsed(number, text) for number, text in enumerate(self._whole(), start=1)]

    def newest(self) -> MetricsLine | None:
        """The last line, None before the first; CorruptDataError."""
        whole = self._whole()
        return self._parsed(len(whole), whole[-1]) if whole else None

    def _whole(self) -> list[bytes]:
        *whole, _unfinished = self._folder.read_appended(FILE).split(b"\n")
        return whole

    def _parsed(self, number: int, text: bytes) -> MetricsLine:
        try:
            return MetricsLine(**json.loads(text))
        except (ValueError, TypeError):
            raise CorruptDataError(
                f"Line {number} of {FILE} in {self._folder.address} is not a line of metrics; remove the line."
            ) from None


def _finite(value: float | None) -> float | None:
    # numpy's and torch's scalars become plain floats here.
    number = math.nan if value is None else float(value)
    return number if math.isfinite(number) else None
