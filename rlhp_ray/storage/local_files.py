"""Files of a run folder on this machine's file system: atomic and durable.

A file is either the old one or the new one, also after a power cut: temporary file, fsync, rename, fsync of the folder.
"""

from __future__ import annotations

import errno
import os
import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path

import pyarrow as pa

_TEMPORARY = ".tmp-"
_NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS)  # of file systems that know no hard links
_TAIL_BYTES = 1 << 16  # a line is shorter


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

    def write_new(self, path: str, data: bytes) -> None:
        """Of several processes that write the same new file, one succeeds: the others get FileExistsError."""
        with self._placing(path, _place_new) as file:
            _write_all(file, data)

    def upload(self, local: Path, path: str) -> None:
        with self._replacing(path) as file, open(local, "rb") as source, os.fdopen(os.dup(file), "wb") as target:
            shutil.copyfileobj(source, target, 1 << 20)

    def append(self, path: str, data: bytes) -> None:
        target = self.root / path
        _make_folder(target.parent)
        file = os.open(target, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        try:
            begin = _drop_unfinished_line(file)
            try:
                _write_all(file, data)
            except OSError:
                with suppress(OSError):
                    os.ftruncate(file, begin)
                raise
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

    def _replacing(self, path: str) -> AbstractContextManager[int]:
        return self._placing(path, os.replace)

    @contextmanager
    def _placing(self, path: str, place: Callable[[Path, Path], None]) -> Iterator[int]:
        """A new file's descriptor; `place(temporary, target)` brings it to its path once the block ends well."""
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
            place(temporary, target)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        _sync_folder(target.parent)


def _place_new(temporary: Path, target: Path) -> None:
    """Give the file its name, which nobody else may have; FileExistsError."""
    try:
        os.link(temporary, target)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        if target.exists():
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target)) from None
        os.replace(temporary, target)
    else:
        temporary.unlink()


def _drop_unfinished_line(file: int) -> int:
    """Cut off what a writer that died left behind the last line's end; the size then."""
    size = os.fstat(file).st_size
    if size and os.pread(file, 1, size - 1) != b"\n":
        begin = max(0, size - _TAIL_BYTES)
        size = begin + os.pread(file, size - begin, begin).rfind(b"\n") + 1
        os.ftruncate(file, size)
    return size


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
