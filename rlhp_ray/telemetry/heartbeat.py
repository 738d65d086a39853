"""heartbeat.json: that a run's driver lives and what it does, for whoever looks at the run's folder.

    {"time": 1700000000.0, "every_seconds": 5.0, "epoch": 1, "state": "running", "activity": "training"}

Written by a thread of the driver, so that it goes on while the driver waits for something, and stops when it dies.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import threading
import time
from types import TracebackType
from typing import Literal

from rlhp_ray.errors import CorruptDataError, RlhpRayError, Stopped
from rlhp_ray.storage.run_folder import RunFolder

FILE = "heartbeat.json"

State = Literal["running", "finished", "stopped", "failed"]


@dataclasses.dataclass(frozen=True, slots=True)
class Beat:
    """What the driver wrote last."""

    time: float  # unix seconds
    every_seconds: float
    epoch: int  # how often the run was begun and resumed
    state: State
    activity: str  # what happens now; at the end, why it ended


class Heartbeat:
    """Writes beats while its block runs, and how the block ended. A beat that can't be written is left out."""

    def __init__(self, folder: RunFolder, *, epoch: int, every_seconds: float) -> None:
        self._folder = folder
        self._epoch = epoch
        self._every_seconds = every_seconds
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)
        self.activity = ""

    def __enter__(self) -> Heartbeat:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()
        if error is None:
            self._write("finished", "")
        elif isinstance(error, Stopped | KeyboardInterrupt):
            self._write("stopped", str(error))
        else:
            self._write("failed", str(error) or type(error).__name__)

    def say(self, activity: str) -> None:
        """What happens now; the next beat tells it."""
        self.activity = activity

    def _run(self) -> None:
        while True:
            self._write("running", self.activity)
            if self._ended.wait(self._every_seconds):
                return

    def _write(self, state: State, activity: str) -> None:
        beat = Beat(time.time(), self._every_seconds, self._epoch, state, activity)
        # The folder may be full or away: whoever needs it for the run itself says so.
        with contextlib.suppress(OSError, RlhpRayError):
            self._folder.write(FILE, json.dumps(dataclasses.asdict(beat)).encode())


def read_beat(folder: RunFolder) -> Beat | None:
    """The newest beat; None where the run has none yet. CorruptDataError."""
    try:
        return Beat(**json.loads(folder.read(FILE)))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError):
        raise CorruptDataError(f"{folder.address_of(FILE)} is not what a run writes; remove it.") from None
