"""A run that started its own cluster leaves neither a process nor shared memory, whether it ends or by Ctrl-C."""

from __future__ import annotations

import os
import pathlib
import signal
import time
import uuid
from collections.abc import Callable
from typing import Any

import pytest

PATIENCE_SECONDS = 240.0
GONE_SECONDS = 10.0  # within which the last process has ended, once the command has


@pytest.mark.slow
def test_a_run_leaves_nothing_after_ctrl_c_nor_at_its_end(command_line: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """What Ray shares is in a file without a name, gone with the processes that hold it."""
    mark = uuid.uuid4().hex
    monkeypatch.setenv("RLHP_RAY_TEST", mark)  # of each of its processes, and of no other
    folder = command_line.folder / "runs" / "left"
    named = shared_memory()

    small = command_line.small("point", "left", "budget.labels=60", "teacher.answers_per_minute=240")
    process = command_line.start(*small, alone=True)
    wait_until(lambda: len(list((folder / "answers").glob("*.json"))) > 2 or process.poll() is not None)
    assert any(holds_shared_memory(pid) for pid in running(mark)), "looked past its processes"
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does, to all that was started from there
    out, err = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 1 and "rlhp-ray resume" in err and "Traceback" not in err, out + err
    wait_until(lambda: not running(mark), GONE_SECONDS)
    assert shared_memory() <= named

    status, out, err = command_line.run("resume", str(folder))
    assert status == 0, out + err
    wait_until(lambda: not running(mark), GONE_SECONDS)
    assert shared_memory() <= named


def wait_until(condition: Callable[[], bool], seconds: float = PATIENCE_SECONDS) -> None:
    """Wait for something."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def running(mark: str) -> list[int]:
    """Processes with this in their environment."""
    found = []
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            if mark.encode() in (process / "environ").read_bytes():
                found.append(int(process.name))
        except OSError:
            continue  # it has just ended
    return [pid for pid in found if pid != os.getpid()]


def holds_shared_memory(process: int) -> bool:
    """Whether this one has some."""
    try:
        return " /dev/shm/" in pathlib.Path(f"/proc/{process}/maps").read_text()
    except OSError:
        return False


def shared_memory() -> set[str]:
    """What has a name there."""
    return {*os.listdir("/dev/shm")}
