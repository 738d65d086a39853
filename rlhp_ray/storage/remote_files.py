"""Files of a run folder on any other file system that pyarrow reaches: plain writes.

An object store shows an object when it is complete, so nothing more is needed there.
"""

from __future__ import annotations

import errno
import os
import shutil
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath

import pyarrow as pa
from pyarrow import fs

_PART_BYTES = 64_000
_READERS = 16  # threads that read parts side by side: each takes a round trip or more


class RemoteFiles:
    """Files below a folder of a pyarrow file system."""

    def __init__(self, file_system: fs.FileSystem, root: str) -> None:
        self._fs = file_system
        self._root = root
        self._made: set[str] = set()  # folders, so that each is created once
        self._parts: dict[str, tuple[str, bytes]] = {}  # of appended files: the part that is written now, its content

    def make(self) -> None:
        """Create the root folder."""
        self._make_folder(self._root)

    def write(self, path: str, data: bytes) -> None:
        with self._create(path) as target:
            target.write(data)

    def write_new(self, path: str, data: bytes) -> None:
        # Without a lock of the file system's own: two that write within one round trip may both succeed.
        if self.exists(path):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), path)
        self.write(path, data)

    def upload(self, local: Path, path: str) -> None:
        with open(local, "rb") as source, self._create(path) as target:
            shutil.copyfileobj(source, target, 1 << 20)

    def append(self, path: str, data: bytes) -> None:
        # A part is written whole, with all of its lines so far, until it is worth a new one. It is numbered by those
        # that are there, not by a clock, which may differ on the next writer's node; two can't overwrite each other.
        name, before = self._parts.get(path, ("", b""))
        if not name or len(before) >= _PART_BYTES:
            last = max((int(name.partition("-")[0]) for name in self.list(f"{path}.parts")), default=0)
            name, before = f"{path}.parts/{last + 1:08d}-{uuid.uuid4().hex[:8]}", b""
        self.write(name, before + data)
        self._parts[path] = name, before + data

    def read(self, path: str) -> bytes:
        with self.open_file(path) as source:
            return bytes(source.read())

    def read_appended(self, path: str) -> bytes:
        names = [f"{path}.parts/{name}" for name in self.list(f"{path}.parts")]
        with ThreadPoolExecutor(_READERS) as readers:
            return b"".join(readers.map(self.read, names))

    def open_file(self, path: str) -> pa.NativeFile:
        return self._fs.open_input_file(self._at(path))

    def exists(self, path: str) -> bool:
        return bool(self._fs.get_file_info(self._at(path)).type != fs.FileType.NotFound)

    def list(self, folder: str) -> list[str]:
        found = self._fs.get_file_info(fs.FileSelector(self._at(folder), allow_not_found=True))
        return sorted(info.base_name for info in found)

    def remove(self, path: str) -> None:
        target = self._at(path)
        kind = self._fs.get_file_info(target).type
        if kind == fs.FileType.Directory:
            self._fs.delete_dir(target)
            self._made.clear()
            self._parts.clear()
        elif kind == fs.FileType.File:
            self._fs.delete_file(target)

    def local_path(self, path: str) -> Path | None:
        return None

    def _at(self, path: str) -> str:
        return str(PurePosixPath(self._root, path))

    def _create(self, path: str) -> pa.NativeFile:
        target = self._at(path)
        self._make_folder(str(PurePosixPath(target).parent))
        return self._fs.open_output_stream(target)

    def _make_folder(self, folder: str) -> None:
        if folder not in self._made:
            self._fs.create_dir(folder, recursive=True)
            self._made.add(folder)
