"""A disk that is full and a run folder that is away: said, waited for, or stopped cleanly and resumed."""

from __future__ import annotations

import os
import pathlib
import time
from collections.abc import Iterator

import pytest
from fault_run import Run
from small_disk import SmallDisk, small_disk


@pytest.fixture
def disk(tmp_path: pathlib.Path) -> Iterator[SmallDisk]:
    """A tmpfs, mounted for this test."""
    with small_disk(tmp_path / "disk") as disk:
        yield disk


@pytest.fixture
def run_on_disk(run: Run, disk: SmallDisk) -> Run:
    run.dir = str(disk.path)
    return run


def fill_while_it_runs(run: Run, disk: SmallDisk, *overrides: str) -> None:
    run.begin(*overrides)
    run.until_answers(40)
    disk.fill()
    run.until_said("is full; free some space")
    run.note_answers()


@pytest.mark.slow
def test_a_full_disk_and_a_folder_that_is_away_are_waited_for(run_on_disk: Run, disk: SmallDisk) -> None:
    run = run_on_disk
    fill_while_it_runs(run, disk)
    time.sleep(3.0)
    assert run.driver is not None and run.driver.poll() is None
    disk.free()
    run.until_answers(len(run.note_answers()) + 8)
    away = run.path.with_name("away")
    os.rename(run.path, away)
    time.sleep(20.0)
    assert "is gone or not mounted; bring it back" in run.said
    assert not run.path.exists()  # nobody made it anew
    os.rename(away, run.path)
    assert run.wait() == 0, run.said
    run.check_end()


@pytest.mark.slow
def test_a_disk_that_stays_full_ends_the_run_which_is_resumed(run_on_disk: Run, disk: SmallDisk) -> None:
    run = run_on_disk
    fill_while_it_runs(run, disk, "run.patience_seconds=2")
    assert run.wait() == 1, run.said
    assert f"is full; free some space, then go on with `rlhp-ray resume {run.path}`" in run.said
    assert "Traceback" not in run.said
    run.check_nothing_is_left()
    run.note_answers()
    disk.free()
    run.resume()
    assert run.wait() == 0, run.said
    run.check_end()
