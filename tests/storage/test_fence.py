"""Who takes a run folder over shuts earlier drivers out; a folder that is full or away is waited for."""

from __future__ import annotations

import os
import pickle
import shutil
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from rlhp_ray.errors import RlhpRayError, SupersededError
from rlhp_ray.storage import RunFolder, run_folder, waits_for

PATIENCE_SECONDS = 60.0


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_folder, "RETRY_SECONDS", 0.01)


@pytest.fixture(params=["path", "remote-file", "s3"])
def plain(request: pytest.FixtureRequest, tmp_path: Path) -> RunFolder:
    if request.param == "s3":
        return RunFolder.create(request.getfixturevalue("s3").address(f"{uuid.uuid4().hex}/run"))
    prefix = "fsspec+file://" if request.param == "remote-file" else ""
    return RunFolder.create(f"{prefix}{tmp_path}/run")


def test_epochs_only_grow_and_are_given_once(plain: RunFolder) -> None:
    first, second = plain.take_over(), plain.take_over()
    assert (first.epoch, second.epoch) == (1, 2)
    assert RunFolder(plain.address).take_over(above=6).epoch == 7
    assert plain.take_over(above=3).epoch == 8


def test_two_drivers_at_once_get_two_epochs(tmp_path: Path) -> None:
    folder = RunFolder.create(str(tmp_path / "run"))
    with ThreadPoolExecutor(8) as drivers:
        epochs = list(drivers.map(lambda _: folder.take_over().epoch, range(24)))
    assert sorted(epochs) == list(range(1, 25))


def test_an_earlier_driver_writes_nothing_any_more(plain: RunFolder, tmp_path: Path) -> None:
    old = plain.take_over()
    old.write("state", b"old")
    new = pickle.loads(pickle.dumps(plain.take_over()))  # noqa: S301 - as Ray sends it
    late = tmp_path / "late"
    late.write_bytes(b"late")
    writes: list[Callable[[], None]] = [
        lambda: old.write("state", b"late"),
        lambda: old.write_new("another", b"late"),
        lambda: old.append("metrics.jsonl", b"late\n"),
        lambda: old.upload(late, "state"),
        lambda: old.remove("state"),
    ]
    for write in writes:
        with pytest.raises(SupersededError, match=r"taken over .*epoch 2.*of epoch 1, writes nothing more and stops"):
            write()
    assert old.read("state") == b"old" == new.read("state")
    assert not new.exists("another") and new.read_appended("metrics.jsonl") == b""
    new.write("state", b"new")
    assert plain.read("state") == b"new"


def test_a_new_file_is_given_once(tmp_path: Path) -> None:
    folder = RunFolder.create(str(tmp_path / "run"))

    def write(number: int) -> bool:
        try:
            folder.write_new("answers/1", b"%d" % number)
        except FileExistsError:
            return False
        return True

    with ThreadPoolExecutor(8) as writers:
        won = list(writers.map(write, range(32)))
    assert won.count(True) == 1
    assert folder.read("answers/1") == b"%d" % won.index(True)
    folder.write_new("answers/1", folder.read("answers/1"))  # the same again, after a lost reply
    assert folder.list("answers") == os.listdir(tmp_path / "run" / "answers") == ["1"]


@pytest.fixture
def taken(tmp_path: Path) -> RunFolder:
    return RunFolder.create(str(tmp_path / "run")).take_over(patience_seconds=PATIENCE_SECONDS)


@pytest.fixture(params=["renamed", "bare mount point"])
def away(request: pytest.FixtureRequest, taken: RunFolder) -> Iterator[Callable[[], None]]:
    """Takes the folder away; it comes back as soon as somebody waits for it."""
    here, there = Path(taken.address), Path(f"{taken.address}-away")

    def bring_back() -> None:
        while not waits_for() and not over.is_set():
            time.sleep(0.002)
        waited.append(waits_for())
        if here.exists():
            shutil.rmtree(here)
        there.rename(here)

    waited: list[str] = []
    over = threading.Event()  # of the test, be it that nobody waited
    returning = threading.Thread(target=bring_back)

    def take_away() -> None:
        here.rename(there)
        if request.param == "bare mount point":
            here.mkdir()
        returning.start()

    yield take_away
    over.set()
    returning.join()
    (sentence,) = waited
    assert str(here) in sentence and "is gone or not mounted; bring it back" in sentence
    assert waits_for() == ""


CALLS: dict[str, tuple[Callable[[RunFolder], object], object]] = {
    "write": (lambda folder: folder.write("new/file", b"1"), None),
    "write_new": (lambda folder: folder.write_new("new/file", b"1"), None),
    "append": (lambda folder: folder.append("lines", b"2\n"), None),
    "remove": (lambda folder: folder.remove("some/file"), None),
    "read": (lambda folder: folder.read("some/file"), b"0"),
    "read_appended": (lambda folder: folder.read_appended("lines"), b"1\n"),
    "list": (lambda folder: folder.list("some"), ["file"]),
    "exists": (lambda folder: folder.exists("some/file"), True),
}


@pytest.mark.parametrize("call", CALLS)
def test_a_folder_that_is_away_for_a_while_is_waited_for(taken: RunFolder, away: Callable[[], None], call: str) -> None:
    taken.write("some/file", b"0")
    taken.append("lines", b"1\n")
    away()
    action, expected = CALLS[call]
    assert action(taken) == expected
    if call == "append":
        assert taken.read("lines") == b"1\n2\n"
    if call.startswith("write"):
        assert taken.read("new/file") == b"1"
    assert taken.exists("some/file") is (call != "remove")


def test_a_folder_that_stays_away_is_said_and_not_made_anew(tmp_path: Path) -> None:
    folder = RunFolder.create(str(tmp_path / "run")).take_over(patience_seconds=0.05)
    Path(folder.address).rename(tmp_path / "elsewhere")
    with pytest.raises(RlhpRayError, match=r"is gone or not mounted; bring it back, then go on with `rlhp-ray resume"):
        folder.write("state", b"1")
    assert os.listdir(tmp_path) == ["elsewhere"]


def test_a_missing_file_is_not_waited_for(taken: RunFolder) -> None:
    with pytest.raises(FileNotFoundError):
        taken.read("missing")
    assert taken.list("missing") == [] and not taken.exists("missing")


def test_what_a_writer_left_unfinished_is_cut_off_before_the_next_line(tmp_path: Path) -> None:
    folder = RunFolder.create(str(tmp_path / "run"))
    folder.append("lines", b"1\n")
    with open(tmp_path / "run" / "lines", "ab") as dying:
        dying.write(b"half a li")
    folder.append("lines", b"2\n")
    assert folder.read_appended("lines") == b"1\n2\n"
    (tmp_path / "run" / "lines").write_bytes(b"not even one")
    folder.append("lines", b"3\n")
    assert folder.read_appended("lines") == b"3\n"
