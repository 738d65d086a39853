"""The run folder on a local path, a local folder that isn't recognised as one, in memory and on S3."""

from __future__ import annotations

import errno
import os
import pickle
import uuid
from pathlib import Path

import pytest
from s3_server import S3Server

from rlhp_ray.errors import RlhpRayError, RunFolderError
from rlhp_ray.storage import RunFolder


@pytest.fixture(params=["path", "file", "remote-file", "memory", "s3", "s3-endpoint"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An unused address on each kind of file system."""
    if request.param.startswith("s3"):
        s3: S3Server = request.getfixturevalue("s3")
        where = s3.address(f"{uuid.uuid4().hex}/first")
        if request.param == "s3":
            return where
        request.getfixturevalue("monkeypatch").delenv("AWS_ENDPOINT_URL")
        return f"{where}?endpoint_override=127.0.0.1:{s3.port}&scheme=http"
    return {
        "path": f"{tmp_path}/runs/first",
        "file": f"file://{tmp_path}/runs/first",
        "remote-file": f"fsspec+file://{tmp_path}/runs/first",
        "memory": f"fsspec+memory://{uuid.uuid4().hex}/runs/first",
    }[request.param]


def test_a_written_file_is_read_back_and_replaced(address: str) -> None:
    folder = RunFolder.create(address)
    folder.write("answers/one.json", b"old")
    folder.write("answers/one.json", b"new")
    assert folder.read("answers/one.json") == b"new"
    assert folder.exists("answers/one.json") and folder.exists("answers")
    assert folder.name == "first"


def test_another_process_sees_the_same_folder(address: str) -> None:
    folder = RunFolder.create(address)
    folder.write("a", b"1")
    copy = pickle.loads(pickle.dumps(folder))  # noqa: S301 - as Ray sends it
    assert copy.read("a") == b"1" and copy.address == folder.address


def test_listing_is_sorted_and_empty_where_nothing_is(address: str) -> None:
    folder = RunFolder.create(address)
    for name in ["b", "c", "a"]:
        folder.write(f"segments/{name}", b"")
    assert folder.list("segments") == ["a", "b", "c"]
    assert folder.list("nowhere") == []


def test_a_new_folder_is_empty(address: str) -> None:
    assert RunFolder.create(address).list("") == []


def test_a_missing_file_is_said(address: str) -> None:
    folder = RunFolder.create(address)
    with pytest.raises(FileNotFoundError):
        folder.read("missing")
    with pytest.raises(FileNotFoundError):
        folder.open_file("missing")
    assert not folder.exists("missing")


def test_remove_takes_files_folders_and_missing_ones(address: str) -> None:
    folder = RunFolder.create(address)
    folder.write("videos/a.mp4", b"1")
    folder.write("videos/b.mp4", b"1")
    folder.remove("videos/a.mp4")
    assert folder.list("videos") == ["b.mp4"]
    folder.remove("videos")
    folder.remove("videos")
    assert folder.list("videos") == []
    folder.write("videos/c.mp4", b"1")
    assert folder.list("videos") == ["c.mp4"]


def test_appended_lines_keep_their_order_over_writers(address: str) -> None:
    folder = RunFolder.create(address)
    assert folder.read_appended("metrics.jsonl") == b""
    for line in range(5):
        folder.append("metrics.jsonl", b"%d\n" % line)
    RunFolder(address).append("metrics.jsonl", b"5\n")
    assert folder.read_appended("metrics.jsonl") == b"0\n1\n2\n3\n4\n5\n"


def test_upload_copies_a_local_file(address: str, tmp_path: Path) -> None:
    source = tmp_path / "source.bin"
    source.write_bytes(os.urandom(3_000_000))
    folder = RunFolder.create(address)
    folder.upload(source, "videos/final.mp4")
    assert folder.read("videos/final.mp4") == source.read_bytes()


def test_random_reads(address: str) -> None:
    folder = RunFolder.create(address)
    folder.write("shard", b"0123456789")
    with folder.open_file("shard") as file:
        file.seek(4)
        assert file.read(2) == b"45"


def test_a_used_folder_is_refused_and_left_alone(address: str) -> None:
    RunFolder.create(address).write("config.yaml", b"task: hopper")
    with pytest.raises(RunFolderError, match=r"run\.name.*run\.overwrite=true.*rlhp-ray resume") as caught:
        RunFolder.create(address)
    assert "\n" not in str(caught.value)
    assert RunFolder.open(address).read("config.yaml") == b"task: hopper"


def test_overwrite_removes_the_old_run(address: str) -> None:
    folder = RunFolder.create(address)
    folder.write("config.yaml", b"")
    folder.write("answers/1", b"")
    assert RunFolder.create(address, overwrite=True).list("") == []
    RunFolder.create(address, overwrite=True)


def test_open_wants_a_run(address: str) -> None:
    with pytest.raises(RunFolderError, match="holds no run"):
        RunFolder.open(address)
    RunFolder.create(address).write("config.yaml", b"")
    assert RunFolder.open(address).exists("config.yaml")


def test_local_paths_are_given_only_for_local_folders(tmp_path: Path) -> None:
    assert RunFolder(str(tmp_path)).local_path("a/b") == tmp_path / "a/b"
    assert RunFolder(f"file://{tmp_path}").local_path("a") == tmp_path / "a"
    assert RunFolder(f"fsspec+file://{tmp_path}").local_path("a") is None


def test_a_relative_path_holds_in_another_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    folder = RunFolder("runs/x")
    monkeypatch.chdir("/")
    assert folder.address == str(tmp_path / "runs/x")


@pytest.mark.parametrize("bad", ["nonsense://x/y", "s3://b u c/x", "fsspec+nonsense://x", "s3://"])
def test_an_unusable_address_is_one_sentence(bad: str) -> None:
    for use in (RunFolder.create, RunFolder.open):
        with pytest.raises(RunFolderError) as caught:
            use(bad)
        assert bad in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", ["", "file://", "fsspec+file://"])
def test_an_unwritable_folder_is_one_sentence(kind: str, tmp_path: Path) -> None:
    (tmp_path / "a-file").write_bytes(b"")
    with pytest.raises(RunFolderError, match=r"can't be written; choose another run\.dir") as caught:
        RunFolder.create(f"{kind}{tmp_path}/a-file/run")
    assert "\n" not in str(caught.value)


def test_a_full_disk_is_said_when_appending(tmp_path: Path) -> None:
    folder = RunFolder.create(str(tmp_path / "run"))
    (tmp_path / "run/metrics.jsonl").symlink_to("/dev/full")
    with pytest.raises(RlhpRayError, match=r"disk .* is full; free some space, then go on"):
        folder.append("metrics.jsonl", b"line\n")


def test_a_full_disk_keeps_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = RunFolder.create(str(tmp_path / "run"))
    folder.write("state", b"old")

    def full(file: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(RlhpRayError, match="is full"):
            folder.write("state", b"new")
    assert folder.read("state") == b"old"
    assert os.listdir(tmp_path / "run") == ["state"]


def test_a_write_is_synced_before_it_is_seen_and_its_folder_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = RunFolder.create(str(tmp_path / "run"))
    folder.write("answers/first", b"")
    calls: list[str] = []
    fsync, replace = os.fsync, os.replace

    def spy_sync(file: int) -> None:
        calls.append("sync " + Path(os.readlink(f"/proc/self/fd/{file}")).name.split("-")[0])
        fsync(file)

    def spy_replace(source: Path, target: Path) -> None:
        calls.append("rename")
        replace(source, target)

    monkeypatch.setattr(os, "fsync", spy_sync)
    monkeypatch.setattr(os, "replace", spy_replace)
    folder.write("answers/second", b"data")
    assert calls == ["sync .tmp", "rename", "sync answers"]


def test_a_left_over_temporary_file_is_not_listed(tmp_path: Path) -> None:
    folder = RunFolder.create(str(tmp_path / "run"))
    folder.write("answers/1", b"")
    (tmp_path / "run/answers/.tmp-dead").write_bytes(b"half")
    assert folder.list("answers") == ["1"]
