"""Core seconds of a process and all its descendants by role, read from Linux's /proc while they run."""

from __future__ import annotations

import collections
import os
import pathlib
import threading

PROC = pathlib.Path("/proc")
TICKS = os.sysconf("SC_CLK_TCK")
ROLES = {  # of a process, by what its command line contains; the first that fits
    "ray::ArrayEnvRunner": "EnvRunners",
    "ray::ServeReplica": "replicas",
    "ray::Serve": "Serve's controller",
    "ray::Proxy": "Serve's proxy",
    "ray::SegmentStoreActor": "segment store",
    "ray::CollectorActor": "collector",
    "ray::QuestionerActor": "questioner",
    "ray::TeacherActor": "teacher",
    "ray::RewardTrainerActor": "reward trainer",
    "gcs_server": "Ray's GCS",
    "raylet/raylet": "raylet",
}
REST = "Ray's others"


class CoreSeconds(threading.Thread):
    """Looks at them once a second until `stop`; what a process used in its last second is lost."""

    def __init__(self, root: int) -> None:
        super().__init__(daemon=True)
        self._root = root
        self._over = threading.Event()
        self._used: dict[int, tuple[str, float]] = {}  # pid -> role, core seconds

    def run(self) -> None:
        """Until it is stopped."""
        while not self._over.wait(1.0):
            self._look()

    def stop(self) -> dict[str, float]:
        """Core seconds by role; the root's is `driver`."""
        self._over.set()
        self.join()
        sums: collections.Counter[str] = collections.Counter()
        for role, seconds in self._used.values():
            sums[role] += seconds
        return dict(sums)

    def _look(self) -> None:
        parents, seconds = {}, {}
        for folder in PROC.glob("[0-9]*"):
            try:
                fields = (folder / "stat").read_text(errors="replace").rpartition(")")[2].split()
            except OSError:
                continue
            pid = int(folder.name)
            parents[pid], seconds[pid] = int(fields[1]), (int(fields[11]) + int(fields[12])) / TICKS
        mine = {self._root}
        while more := {pid for pid, parent in parents.items() if parent in mine} - mine:
            mine |= more
        for pid in mine & seconds.keys():
            self._used[pid] = (self._role(pid), seconds[pid])

    def _role(self, pid: int) -> str:
        if pid == self._root:
            return "driver"
        try:
            command = (PROC / str(pid) / "cmdline").read_text(errors="replace")
        except OSError:
            command = ""
        found = next((role for part, role in ROLES.items() if part in command), REST)
        before = self._used.get(pid, (REST, 0.0))[0]
        return before if found == REST else found  # a worker has its actor's name only while it lives
