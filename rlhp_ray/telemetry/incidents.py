"""processes.json: a run's processes, where each runs and how often it was started again; and what happened to it.

    {"processes": [{"role": "collector", "node": "10.0.0.7 (3f2a91bc)", "restarts": 1, "lost": "leases"}, ...],
     "incidents": [{"time": 1700000000.0, "said": "The collector died and is started again."}, ...]}

Written by the driver with each line of metrics, for whoever looks at the run's folder. No host names.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import time
from collections.abc import Callable, Sequence

from rlhp_ray.errors import CorruptDataError, RlhpRayError
from rlhp_ray.storage.run_folder import RunFolder

FILE = "processes.json"
KEPT = 100  # incidents, the newest


@dataclasses.dataclass(frozen=True, slots=True)
class Process:
    """One process of a run."""

    role: str  # what a person calls it
    node: str  # address, and the beginning of Ray's id of the node
    restarts: int
    lost: str  # by the restarts; empty where there was none


@dataclasses.dataclass(frozen=True, slots=True)
class Incident:
    """Something that happened to a run."""

    time: float  # unix seconds
    said: str


class Incidents:
    """Writes the file; goes on with what an earlier driver wrote. What can't be written is left out."""

    def __init__(self, folder: RunFolder, clock: Callable[[], float] = time.time) -> None:
        self._folder = folder
        self._clock = clock
        self._incidents: list[Incident] = []
        with contextlib.suppress(OSError, RlhpRayError):
            self._incidents = read_incidents(folder)[1]
        self._written = b""

    def add(self, sentence: str) -> None:
        """It happened now."""
        self._incidents = [*self._incidents, Incident(self._clock(), sentence)][-KEPT:]

    def write(self, processes: Sequence[Process]) -> None:
        """Write, where anything is new."""
        record = {
            "processes": [dataclasses.asdict(process) for process in processes],
            "incidents": [dataclasses.asdict(incident) for incident in self._incidents],
        }
        data = json.dumps(record).encode()
        if data != self._written:
            with contextlib.suppress(OSError, RlhpRayError):
                self._folder.write(FILE, data)
                self._written = data


def read_incidents(folder: RunFolder) -> tuple[list[Process], list[Incident]]:
    """Processes and incidents, oldest first; none where none was written yet. CorruptDataError."""
    try:
        record = json.loads(folder.read(FILE))
        return [Process(**one) for one in record["processes"]], [Incident(**one) for one in record["incidents"]]
    except FileNotFoundError:
        return [], []
    except (ValueError, TypeError, KeyError):
        raise CorruptDataError(f"{folder.address_of(FILE)} is not what a run writes; remove it.") from None
