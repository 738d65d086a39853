"""Where the time of a run goes: each of its processes on the driver's machine is sampled by py-spy while it trains.

    profiles/driver.speedscope.json      a trace, to be opened with speedscope (or any viewer of its format)
    profiles/table.md                    of each process, the functions that it spent most time in

py-spy reads the memory of a process from outside, so nothing is slowed down by much; it needs the right to do so (the
same user, and on some machines root).
"""

from __future__ import annotations

import collections
import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from typing import Any

import ray
from ray._private.state import actors  # the public list needs the dashboard, which a small run doesn't start

from rlhp_ray.storage import RunFolder

FOLDER = "profiles"
TABLE = f"{FOLDER}/table.md"
SAMPLES_PER_SECOND = 50
SHOWN_FUNCTIONS = 12
WRITE_SECONDS = 60.0  # that py-spy may take to write a long trace


@contextlib.contextmanager
def profiled(folder: RunFolder, key: str, say: Callable[[str], None]) -> Iterator[None]:
    """Sample while the block runs, however it ends. `key`: what the names of the run's actors hold."""
    profiler = Profiler(folder, key, say)
    profiler.start()
    try:
        yield
    finally:
        profiler.stop()


class Profiler:
    """Samples from `start` to `stop`."""

    def __init__(self, folder: RunFolder, key: str, say: Callable[[str], None]) -> None:
        """As for `profiled`; `say`: to the person."""
        self._folder, self._key, self._say = folder, key, say
        self._scratch = tempfile.TemporaryDirectory()
        self._recorders: dict[str, subprocess.Popen[bytes]] = {}

    def start(self) -> None:
        """Begin with every process that there is."""
        py_spy = pathlib.Path(sys.executable).with_name("py-spy")
        for name, pid in self._processes().items():
            command = [str(py_spy), "record", "--pid", str(pid), "--rate", str(SAMPLES_PER_SECOND), "--nonblocking"]
            command += ["--format", "speedscope", "--output", str(self._file(name))]
            self._recorders[name] = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def stop(self) -> None:
        """End, and write traces and table into the run's folder."""
        for recorder in self._recorders.values():
            recorder.send_signal(signal.SIGINT)
        rows, missing = list[str](), list[str]()
        for name, recorder in self._recorders.items():
            recorder.wait(timeout=WRITE_SECONDS)
            file = self._file(name)
            if file.exists():
                self._folder.upload(file, f"{FOLDER}/{name}.speedscope.json")
                rows += table(name, json.loads(file.read_text()))
            else:
                missing.append(name)
        self._folder.write(TABLE, "\n".join([*HEAD, *rows, ""]).encode())
        shutil.rmtree(self._scratch.name, ignore_errors=True)
        self._say(f"Where the time went is in {self._folder.address_of(TABLE)}, with a trace of each process.")
        if missing:
            self._say(
                f"py-spy could not read {', '.join(missing)}: they ended before, or this user may not (run as root, or "
                "allow ptrace)."
            )

    def _file(self, name: str) -> pathlib.Path:
        return pathlib.Path(self._scratch.name, f"{name}.json")

    def _processes(self) -> dict[str, int]:
        """Process ids on this machine by names that are files' too."""
        context = ray.get_runtime_context()
        job, here = context.get_job_id(), context.get_node_id()
        found = {"driver": os.getpid()}
        for actor in actors(actor_state_name="ALIVE").values():
            ours = actor["JobID"] == job or self._key in actor["Name"]
            if ours and actor["Address"]["NodeID"] == here:
                found[_file_name(actor["Name"].split(f"{self._key}-")[-1] or actor["ActorClassName"], found)] = actor[
                    "Pid"
                ]
        return found


HEAD = ("| process | share of its busy time | function | where |", "|---|---|---|---|")


def table(name: str, trace: dict[str, Any]) -> list[str]:
    """Lines of a table: the functions that a process spent most time in, by themselves, over all its threads."""
    frames = trace["shared"]["frames"]
    seconds: collections.Counter[tuple[str, str]] = collections.Counter()
    for profile in trace["profiles"]:
        for sample, weight in zip(profile["samples"], profile["weights"], strict=True):
            if sample:
                frame = frames[sample[-1]]
                seconds[frame["name"], _place(frame)] += weight
    total = seconds.total()
    return [
        f"| {name} | {spent / total:.1%} | {function} | {place} |"
        for (function, place), spent in seconds.most_common(SHOWN_FUNCTIONS)
    ]


def _place(frame: dict[str, Any]) -> str:
    """The file, without what is this machine's own."""
    return re.sub(r".*/(?=(site-packages|rlhp_ray|lib)/)", "", str(frame["file"]))


def _file_name(name: str, taken: dict[str, int]) -> str:
    plain = re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-").lower()
    number = 1
    while (numbered := plain if number == 1 else f"{plain}-{number}") in taken:
        number += 1
    return numbered
