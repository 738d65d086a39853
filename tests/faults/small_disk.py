"""A file system of its own that can be filled to the last byte, where one may be mounted."""

from __future__ import annotations

import contextlib
import pathlib
import subprocess
from collections.abc import Iterator

import pytest

DISK_BYTES = 32_000_000


class SmallDisk:
    """A small tmpfs."""

    def __init__(self, path: pathlib.Path) -> None:
        self.path = path

    def fill(self) -> None:
        """Leave no byte."""
        with contextlib.suppress(OSError), open(self.path / "ballast", "ab", buffering=0) as ballast:
            while True:
                ballast.write(bytes(4096))

    def free(self) -> None:
        """Leave what was there before."""
        (self.path / "ballast").unlink()


@contextlib.contextmanager
def small_disk(path: pathlib.Path) -> Iterator[SmallDisk]:
    """Mounted at this path, which is made, while the block runs; a test is skipped where that may not be."""
    path.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", str(path)]
    mounted = subprocess.run(command, capture_output=True, text=True)
    if mounted.returncode:
        pytest.skip(f"a tmpfs can't be mounted here: {mounted.stderr.strip()}")
    try:
        yield SmallDisk(path)
    finally:
        subprocess.run(["umount", "--lazy", str(path)], check=True)
