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


@pytest.mark.slow
def test_a_full_disk_and_a_folder_that_is_away_are_waited_for_a_while(run: Run, disk: SmallDisk) -> None:
    """One after the other, in one run, which ends where the disk stays full, and is resumed."""
    run.dir = str(disk.path)
    run.begin("run.patience_seconds=15")
    run.until_answers(40)
    disk.fill()
    run.until_said("is full; free some space")
    run.note_answers()
    time.sleep(3.0)
    assert run.driver is not None and run.driver.poll() is None
    disk.free()
    run.until_answers(len(run.note_answers()) + 8)
    away = run.path.with_name("away")
    os.rename(run.path, away)
    run.until_said("is gone or not mounted; bring it back")
    time.sleep(3.0)
    assert not run.path.exists()  # nobody made it anew
    os.rename(away, run.path)
    run.until_answers(len(run.note_answers()) + 8)
    disk.fill()
    assert run.wait() == 1, run.said
    assert f"is full; free some space, then go on with `rlhp-ray resume {run.path}`" in run.said
    assert "Traceback" not in run.said
    run.check_nothing_is_left()
    run.note_answers()
    disk.free()
    run.resume()
    assert run.wait() == 0, run.said
    run.check_end()
