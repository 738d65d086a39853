"""Secrets come by the environment, and a run leaves none of them anywhere (SECURITY.md)."""

from __future__ import annotations

import pathlib
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from typing import Any

import pyarrow.fs
import pytest
from s3_server import BUCKET, S3Server

from rlhp_ray.labeling.access import SECRET_FILE
from rlhp_ray.labeling.page import page_link
from rlhp_ray.storage import RunFolder

RAY_TOKEN = "8b1c0d5e7a3f4e2b9c6d1a0f5e8b7c4d"
WANDB_KEY = "0f9e8d7c6b5a49382716f5e4d3c2b1a0f9e8d7c6"


@pytest.mark.slow
@pytest.mark.parametrize(("teacher", "task"), [("oracle", "point"), ("human", "inverted-pendulum")])
def test_a_run_leaves_no_secret_anywhere(
    command_line: Any, s3: S3Server, monkeypatch: pytest.MonkeyPatch, teacher: str, task: str
) -> None:
    """With its folder on S3, Ray's token and W&B: neither files nor logs nor `ps` nor what is said hold a secret."""
    secrets = {s3.environment["AWS_SECRET_ACCESS_KEY"], RAY_TOKEN, WANDB_KEY}
    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    monkeypatch.setenv("RAY_AUTH_TOKEN", RAY_TOKEN)
    monkeypatch.setenv("WANDB_API_KEY", WANDB_KEY)
    monkeypatch.setenv("WANDB_MODE", "offline")
    places = {}
    with tempfile.TemporaryDirectory(prefix="ray", dir="/tmp") as ray_files:  # its sockets need short paths
        monkeypatch.setenv("RAY_TMPDIR", ray_files)
        name = f"by-{teacher}"
        folder = RunFolder(s3.address(f"runs/{name}"))
        where = (f"run.dir={s3.address('runs/')}", "wandb.mode=offline", "wandb.artifacts=true")
        process = command_line.start(*command_line.small(task, name, *where, f"teacher.kind={teacher}"))
        try:
            wait_until(process, lambda: any(name.endswith(".arrow") for name in folder.list("segments")))
            places["ps"] = command_lines()
            if teacher == "human":
                process.send_signal(signal.SIGTERM)
                secrets.add(folder.read(SECRET_FILE).decode().strip())
                secrets.add(page_link(folder).partition("token=")[2])  # who has the link is let in
            places["what is said"] = "".join(process.communicate(timeout=240)).encode()
        finally:
            process.kill()
        assert process.returncode == (1 if teacher == "human" else 0), places["what is said"].decode()
        places["Ray's files"] = contents(pathlib.Path(ray_files))
    places["W&B's files"] = contents(command_line.folder)
    pyarrow.fs.copy_files(
        f"{BUCKET}/runs/{name}",
        str(command_line.folder / "copy"),
        source_filesystem=pyarrow.fs.S3FileSystem(endpoint_override=s3.endpoint),
        destination_filesystem=pyarrow.fs.LocalFileSystem(),
    )
    (command_line.folder / "copy" / SECRET_FILE).unlink(missing_ok=True)
    places["the run's folder"] = contents(command_line.folder / "copy")
    for place, found in places.items():
        assert name.encode() in found, f"looked past {place}"
        for secret in secrets:
            assert secret.encode() not in found, f"{secret} in {place}"


def wait_until(process: subprocess.Popen[str], condition: Callable[[], bool]) -> None:
    """Wait for something while the command runs."""
    deadline = time.monotonic() + 240
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline, "it never comes"
        time.sleep(0.2)


def command_lines() -> bytes:
    """What `ps` shows of all processes."""
    lines = []
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            lines.append((process / "cmdline").read_bytes())
        except OSError:
            continue  # it has just ended
    return b"\n".join(lines)


def contents(folder: pathlib.Path) -> bytes:
    """All files below, one after the other."""
    files = [file for file in folder.rglob("*") if file.is_file() and not file.is_symlink()]
    return b"\n".join(file.read_bytes() for file in files)
