"""The run folder on S3: what can be wrong is one sentence; parts; a server that goes away, stands still, comes back."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Iterator

import pytest
from s3_server import S3Server

from rlhp_ray.errors import RlhpRayError, RunFolderError
from rlhp_ray.storage import RunFolder, below, remote_files, run_folder, waits_for

USES: list[Callable[[str], object]] = [RunFolder.create, RunFolder.open]


@pytest.fixture
def address(s3: S3Server) -> str:
    return s3.address(f"{uuid.uuid4().hex}/run")


def refused(use: Callable[[str], object], address: str) -> str:
    with pytest.raises(RunFolderError) as caught:
        use(address)
    sentence = str(caught.value)
    assert "\n" not in sentence and sentence.count(". ") == 0
    return sentence


def test_a_missing_bucket_is_one_sentence(s3: S3Server) -> None:
    said = refused(RunFolder.create, "s3://nowhere/run")
    assert "the bucket nowhere doesn't exist" in said and "choose another run.dir" in said


@pytest.mark.parametrize("use", USES)
def test_wrong_credentials_are_one_sentence(use: Callable[[str], object], s3: S3Server) -> None:
    closed = S3Server(admits=False)
    try:
        said = refused(use, f"{closed.address('run')}?endpoint_override=127.0.0.1:{closed.port}&scheme=http")
    finally:
        closed.kill()
    assert "denies access with the credentials of the environment" in said and "a-secret-key" not in said


@pytest.mark.parametrize("use", USES)
def test_an_endpoint_where_nobody_answers_is_one_sentence(use: Callable[[str], object], s3: S3Server) -> None:
    said = refused(use, "s3://bucket/run?endpoint_override=127.0.0.1:1&scheme=http")
    assert "no S3 server answers" in said and "127.0.0.1" in said


@pytest.mark.parametrize("use", USES)
def test_credentials_in_an_address_are_refused_and_not_repeated(use: Callable[[str], object]) -> None:
    said = refused(use, "s3://a-key:a-secret@bucket/run")
    assert "AWS_ACCESS_KEY_ID" in said and "a-secret" not in said and "a-key" not in said


def test_what_lies_below_an_address() -> None:
    assert below("runs/", "a") == "runs/a"
    assert below("s3://bucket/runs/", "a") == "s3://bucket/runs/a"
    assert below("s3://bucket/runs?scheme=http", "a/b") == "s3://bucket/runs/a/b?scheme=http"
    assert RunFolder("s3://bucket/run/?scheme=http").address_of("a") == "s3://bucket/run/a?scheme=http"


def test_appended_lines_share_parts(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote_files, "_PART_BYTES", 100)
    folder = RunFolder.create(address)
    lines = [b"%039d\n" % number for number in range(20)]
    for line in lines:
        folder.append("metrics.jsonl", line)
        assert folder.read_appended("metrics.jsonl").endswith(line)
    assert RunFolder(address).read_appended("metrics.jsonl") == b"".join(lines)
    assert len(folder.list("metrics.jsonl.parts")) == 7  # of three lines each


def test_a_writer_whose_clock_is_behind_comes_after(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    RunFolder.create(address).append("metrics.jsonl", b"first\n")
    monkeypatch.setattr(time, "time_ns", lambda: 0)
    monkeypatch.setattr(time, "time", lambda: 0.0)
    RunFolder(address).append("metrics.jsonl", b"second\n")
    assert RunFolder(address).read_appended("metrics.jsonl") == b"first\nsecond\n"


def test_an_appended_line_that_failed_once_is_there_once(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_folder, "RETRY_SECONDS", 0.01)
    folder = RunFolder.create(address).take_over(patience_seconds=60)
    folder.append("lines", b"1\n")
    write, failures = remote_files.RemoteFiles.write, ["before", "after"]

    def failing(self: remote_files.RemoteFiles, path: str, data: bytes) -> None:
        when = failures.pop() if failures else ""
        if when != "before":
            write(self, path, data)
        if when:
            raise OSError("the reply was lost")

    monkeypatch.setattr(remote_files.RemoteFiles, "write", failing)
    folder.append("lines", b"2\n")
    folder.append("lines", b"3\n")
    assert not failures and folder.read_appended("lines") == b"1\n2\n3\n"


@pytest.fixture
def own(monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Server]:
    """A server that only this test uses."""
    server = S3Server()
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    yield server
    server.kill()


def test_a_server_that_does_not_answer_is_said_and_waited_for(own: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_folder, "SLOW_SECONDS", 1.0)
    folder = RunFolder.create(own.address("run")).take_over(patience_seconds=60)
    own.stand_still()
    write = threading.Thread(target=folder.write, args=("state", b"1"))
    write.start()
    deadline = time.monotonic() + 60
    while not waits_for():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert "has not answered for 1 s" in waits_for() and folder.address in waits_for()
    own.go_on()
    write.join()
    assert waits_for() == "" and folder.read("state") == b"1"


def test_a_server_that_stays_away_is_said(own: S3Server) -> None:
    folder = RunFolder.create(own.address("run")).take_over(patience_seconds=1)
    own.kill()
    with pytest.raises(RlhpRayError, match=r"can't be reached \(no S3 server answers .*rlhp-ray resume") as caught:
        folder.write("state", b"1")
    assert "\n" not in str(caught.value)
    folder.check_epoch()  # that nothing can be seen is not that another one has taken over
