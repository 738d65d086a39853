"""The driver's sign of life: while it runs, how it ended, and a folder that can't be written."""

from __future__ import annotations

import pathlib
import time

import pytest

from rlhp_ray.errors import CorruptDataError, Stopped, UserError
from rlhp_ray.storage import RunFolder
from rlhp_ray.telemetry import Heartbeat, read_beat


def folder_at(path: pathlib.Path) -> RunFolder:
    folder = RunFolder.create(str(path))
    folder.write("config.yaml", b"task: point\n")
    return folder


def test_it_beats_by_itself_and_tells_what_happens(tmp_path: pathlib.Path) -> None:
    folder = folder_at(tmp_path / "run")
    assert read_beat(folder) is None
    with Heartbeat(folder, epoch=2, every_seconds=0.01) as heartbeat:
        heartbeat.say("training")
        while (beat := read_beat(folder)) is None or beat.activity != "training":
            time.sleep(0.005)
        first = beat.time
        while (beat := read_beat(folder)) is None or beat.time == first:
            time.sleep(0.005)
        assert (beat.state, beat.epoch, beat.every_seconds) == ("running", 2, 0.01)
    end = read_beat(folder)
    assert end is not None and end.state == "finished"


@pytest.mark.parametrize(("error", "state"), [(Stopped("told to"), "stopped"), (UserError("no label"), "failed")])
def test_it_tells_how_the_run_ended(tmp_path: pathlib.Path, error: Exception, state: str) -> None:
    folder = folder_at(tmp_path / "run")
    with pytest.raises(type(error)), Heartbeat(folder, epoch=1, every_seconds=60.0):
        raise error
    beat = read_beat(folder)
    assert beat is not None and (beat.state, beat.activity) == (state, str(error))


def test_a_folder_that_can_not_be_written_stops_nobody(tmp_path: pathlib.Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with Heartbeat(RunFolder(str(tmp_path / "file" / "run")), epoch=1, every_seconds=0.01) as heartbeat:
        heartbeat.say("training")


def test_a_damaged_beat_is_said(tmp_path: pathlib.Path) -> None:
    folder = folder_at(tmp_path / "run")
    folder.write("heartbeat.json", b"{}")
    with pytest.raises(CorruptDataError, match=r"heartbeat\.json is not what a run writes; remove it"):
        read_beat(folder)
