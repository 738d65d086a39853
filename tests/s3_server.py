"""An S3-compatible server on loopback (moto), in a process of its own with packages of its own (scripts/setup.sh)."""

from __future__ import annotations

import os
import pathlib
import signal
import socket
import subprocess
import sys
import time
import urllib.request

from ports import free_port

PACKAGES = pathlib.Path(sys.prefix) / "moto"
START_SECONDS = 60.0
BUCKET = "bucket"


class S3Server:
    """A server with one bucket, until it is killed; what it holds is in its memory."""

    def __init__(self, *, admits: bool = True) -> None:
        """`admits`: whoever comes, else nobody once the bucket is made."""
        self.port = free_port()
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self._process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)],
            env={
                **os.environ,
                "PYTHONPATH": str(PACKAGES),
                "MOTO_EC2_LOAD_DEFAULT_AMIS": "false",
                **({} if admits else {"INITIAL_NO_AUTH_ACTION_COUNT": "1"}),
            },
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + START_SECONDS
        while not self._listens():
            assert self._process.poll() is None, f"no moto in {PACKAGES}: type `make setup`"
            assert time.monotonic() < deadline, "the S3 server did not start"
            time.sleep(0.1)
        urllib.request.urlopen(urllib.request.Request(f"{self.endpoint}/{BUCKET}", method="PUT"))

    def _listens(self) -> bool:
        with socket.socket() as client:
            return client.connect_ex(("127.0.0.1", self.port)) == 0

    @property
    def environment(self) -> dict[str, str]:
        """What a process needs to come here, and nowhere else."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": "an-access-key",
            "AWS_SECRET_ACCESS_KEY": "a-secret-key",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def address(self, path: str) -> str:
        """Of something in the bucket, for who has the environment."""
        return f"s3://{BUCKET}/{path}"

    def stand_still(self) -> None:
        """It accepts connections and answers nothing."""
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """It answers again."""
        self._process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """It is gone, with all that it holds."""
        self._process.kill()
        self._process.wait()
