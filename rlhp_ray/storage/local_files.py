"""Files of a run folder on this machine's file system: atomic and durable.

A file is either the old one or the new one, also after a power cut: temporary file, fsync, rename, fsync of the folder.
"""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa

_TEMPORARY = ".tmp-"


class LocalFiles:
    """Files below a local folder."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def make(self) -> None:
        """Create the root folder."""
        _make_folder(self.root)

    def write(self, path: str, data: bytes) -> None:
        with self._replacing(path) as file:
            _write_all(file, data)

    def upload(self, local: Path, path: str) -> None:
        with self._replacing(path) as file, open(local, "rb") as source, os.fdopen(os.dup(file), "wb") as target:
            shutil.copyfileobj(source, target, 1 << 20)

    def append(self, path: str, data: bytes) -> None:
        target = self.root / path
        _make_folder(target.parent)
        file = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        try:
            _write_all(file, data)
        finally:
            os.close(file)

    def read(self, path: str) -> bytes:
        return (self.root / path).read_bytes()

    def read_appended(self, path: str) -> bytes:
        return self.read(path) if self.exists(path) else b""

    def open_file(self, path: str) -> pa.NativeFile:
        return pa.OSFile(str(self.root / path), "rb")

    def exists(self, path: str) -> bool:
        return (self.root / path).exists()

    def list(self, folder: str) -> list[str]:
        try:
            return sorted(name for name in os.listdir(self.root / folder) if not name.startswith(_TEMPORARY))
        except FileNotFoundError:
            return []

    def remove(self, path: str) -> None:
        target = self.root / path
        if target.is_dir() and not target.is_symlink():
            shutil.rmtree(target)
        else:
            target.unlink(missing_ok=True)

    def local_path(self, path: str) -> Path | None:
        return self.root / path

    @contextmanager
    def _replacing(self, path: str) -> Iterator[int]:
        """A new file's descriptor; the file takes the path's place once the block ends well."""
        target = self.root / path
        _make_folder(target.parent)
        temporary = target.with_name(_TEMPORARY + uuid.uuid4().hex)
        file = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        try:
            try:
                yield file
                os.fsync(file)
            finally:
                os.close(file)
            os.replace(temporary, target)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        _sync_folder(target.parent)


def _write_all(file: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(file, rest) :]


def _make_folder(folder: Path) -> None:
    """Create the folder and its parents, each durable in the one above it."""
    if not folder.is_dir():
        _make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        _sync_folder(folder.parent)


def _sync_folder(folder: Path) -> None:
    file = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(file)
    finally:
        os.close(file)
