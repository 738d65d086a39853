"""A disk that is full and a run folder that is away: said, waited for, or stopped cleanly and resumed."""

from __future__ import annotations

import contextlib
import os
import pathlib
import subprocess
import time
from collections.abc import Iterator

import pytest
from fault_run import Run

DISK_BYTES = 32_000_000


class SmallDisk:
    """A file system of its own, that can be filled to the last byte."""

    def __init__(self, path: pathlib.Path) -> None:
        self.path = path

    def fill(self) -> None:
        with contextlib.suppress(OSError), open(self.path / "ballast", "ab", buffering=0) as ballast:
            while True:
                ballast.write(bytes(4096))

    def free(self) -> None:
        (self.path / "ballast").unlink()


@pytest.fixture
def small_disk(tmp_path: pathlib.Path) -> Iterator[SmallDisk]:
    """A tmpfs, mounted for this test."""
    path = tmp_path / "disk"
    path.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", str(path)]
    mounted = subprocess.run(command, capture_output=True, text=True)
    if mounted.returncode:
        pytest.skip(f"a tmpfs can't be mounted here: {mounted.stderr.strip()}")
    yield SmallDisk(path)
    subprocess.run(["umount", "--lazy", str(path)], check=True)


@pytest.fixture
def run_on_disk(run: Run, small_disk: SmallDisk) -> Run:
    run.dir = str(small_disk.path)
    return run


def fill_while_it_runs(run: Run, disk: SmallDisk, *overrides: str) -> None:
    run.begin(*overrides)
    run.until_answers(20)
    disk.fill()
    run.until_said("is full; free some space")
    run.note_answers()


@pytest.mark.slow
def test_a_full_disk_is_waited_for(run_on_disk: Run, small_disk: SmallDisk) -> None:
    run = run_on_disk
    fill_while_it_runs(run, small_disk)
    time.sleep(3.0)
    assert run.driver is not None and run.driver.poll() is None
    small_disk.free()
    assert run.wait() == 0, run.said
    run.check_end()


@pytest.mark.slow
def test_a_disk_that_stays_full_ends_the_run_which_is_resumed(run_on_disk: Run, small_disk: SmallDisk) -> None:
    run = run_on_disk
    fill_while_it_runs(run, small_disk, "run.patience_seconds=2")
    assert run.wait() == 1, run.said
    assert f"is full; free some space, then go on with `rlhp-ray resume {run.path}`" in run.said
    assert "Traceback" not in run.said
    run.check_nothing_is_left()
    run.note_answers()
    small_disk.free()
    run.resume()
    assert run.wait() == 0, run.said
    run.check_end()


@pytest.mark.slow
def test_a_run_folder_that_is_away_for_a_while_is_waited_for(run: Run) -> None:
    run.begin()
    run.until_answers(20)
    away = run.path.with_name("away")
    os.rename(run.path, away)
    time.sleep(20.0)
    assert "is gone or not mounted; bring it back" in run.said
    assert not run.path.exists()  # nobody made it anew
    os.rename(away, run.path)
    assert run.wait() == 0, run.said
    run.check_end()
