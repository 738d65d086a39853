"""Processes and shared memory that a run which starts its own cluster may leave behind."""

from __future__ import annotations

import os
import pathlib
import time
import uuid
from typing import Any

MARK = "RLHP_RAY_TEST"  # in the environment of each process of the run
GONE_SECONDS = 10.0  # within which the last process has ended, once the command has


class LeftBehind:
    """What is there of runs that are begun after it. What Ray shares has no name: it goes with who holds it."""

    def __init__(self, monkeypatch: Any) -> None:
        self._mark = uuid.uuid4().hex
        self._named = {*os.listdir("/dev/shm")}
        monkeypatch.setenv(MARK, self._mark)

    def check_it_runs(self) -> None:
        """It has processes, and shared memory: what is looked at is what there is."""
        assert any(_holds_shared_memory(process) for process in self._processes())

    def check(self) -> None:
        """AssertionError where something is left."""
        deadline = time.monotonic() + GONE_SECONDS
        while left := self._processes():
            assert time.monotonic() < deadline, left
            time.sleep(0.05)
        assert {*os.listdir("/dev/shm")} <= self._named

    def _processes(self) -> list[pathlib.Path]:
        found = []
        for process in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                if self._mark.encode() in (process / "environ").read_bytes():
                    found.append(process)
            except OSError:
                continue  # it has just ended
        return found


def _holds_shared_memory(process: pathlib.Path) -> bool:
    try:
        return " /dev/shm/" in (process / "maps").read_text()
    except OSError:
        return False
