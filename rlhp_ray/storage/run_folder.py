"""A run's folder, the truth about a run, at a local path or any address that pyarrow.fs reads.

Everything that a process holds in memory can be rebuilt from here. Every room keeps its own files under its own name
(`answers/`, `segments/`, `predictor/`, ...), and `config.yaml` marks the folder as a run's.
"""

from __future__ import annotations

import errno
import functools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

import pyarrow as pa
from pyarrow import fs

from rlhp_ray.errors import RlhpRayError, RunFolderError
from rlhp_ray.storage.local_files import LocalFiles
from rlhp_ray.storage.remote_files import RemoteFiles

_MARK = "config.yaml"
_PROBE = ".write-probe"


class RunFolder:
    """The files of a run. Cheap to make, and picklable: it is its address and nothing more.

    Paths are relative to the folder, with forward slashes. Errors: RunFolderError at first use if the address can't be
    used, RlhpRayError where the disk is full.
    """

    def __init__(self, address: str) -> None:
        # A relative path is made absolute at once: an actor may run in another directory.
        self.address = address if "://" in address else str(Path(address).expanduser().absolute())

    def __reduce__(self) -> tuple[type[RunFolder], tuple[str]]:
        return RunFolder, (self.address,)

    def __repr__(self) -> str:
        return f"RunFolder({self.address!r})"

    @staticmethod
    def create(address: str, *, overwrite: bool = False) -> RunFolder:
        """A folder for a new run; RunFolderError if a run lies there already or it can't be written.

        With `overwrite` the run that lies there is removed.
        """
        folder = RunFolder(address)
        with _as_run_folder_error(folder, "can't be written; choose another run.dir or make it writable"):
            if folder.exists(_MARK):
                if not overwrite:
                    raise RunFolderError(
                        f"{folder.address} already holds a run; choose another run.name, set run.overwrite=true to "
                        f"remove it, or go on with it by `rlhp-ray resume {folder.address}`."
                    )
                folder.remove("")
            folder._files.make()
            folder.write(_PROBE, b"")
            folder.remove(_PROBE)
        return folder

    @staticmethod
    def open(address: str) -> RunFolder:
        """The folder of an existing run; RunFolderError if there is none."""
        folder = RunFolder(address)
        with _as_run_folder_error(folder, "can't be read; check the address and the permissions"):
            if not folder.exists(_MARK):
                raise RunFolderError(
                    f"{folder.address} holds no run (it has no {_MARK}); check the address, or start a run with "
                    "`rlhp-ray train`."
                )
        return folder

    @property
    def name(self) -> str:
        """The run's name: the folder's own."""
        return PurePosixPath(self._resolved[1]).name

    def write(self, path: str, data: bytes) -> None:
        """Write a whole file, atomically and durably where the file system is local."""
        with self._room_on_disk():
            self._files.write(path, data)

    def upload(self, local: Path, path: str) -> None:
        """Copy a local file here, with the promises of `write`."""
        with self._room_on_disk():
            self._files.upload(local, path)

    def append(self, path: str, data: bytes) -> None:
        """Add to a file of lines, without waiting for the disk; numbered parts where files can't be appended to."""
        with self._room_on_disk():
            self._files.append(path, data)

    def read(self, path: str) -> bytes:
        """A whole file; FileNotFoundError."""
        return self._files.read(path)

    def read_appended(self, path: str) -> bytes:
        """All that was appended, in order; empty if nothing was."""
        return self._files.read_appended(path)

    def open_file(self, path: str) -> pa.NativeFile:
        """A file for random reads, to be closed by the caller; FileNotFoundError."""
        return self._files.open_file(path)

    def exists(self, path: str) -> bool:
        """Whether a file or a folder is there."""
        return self._files.exists(path)

    def list(self, folder: str) -> list[str]:
        """Sorted names in a folder; none if it is absent."""
        return self._files.list(folder)

    def remove(self, path: str) -> None:
        """Remove a file or a folder with all in it; a missing one is fine."""
        self._files.remove(path)

    def local_path(self, path: str) -> Path | None:
        """Where the file lies on this machine; None on any other file system."""
        return self._files.local_path(path)

    @functools.cached_property
    def _resolved(self) -> tuple[fs.FileSystem | None, str]:
        """The file system (None: this machine's) and the folder's path on it."""
        if "://" not in self.address:
            return None, self.address
        try:
            file_system, path = fs.FileSystem.from_uri(self.address)
        except (ValueError, OSError, ImportError, NotImplementedError) as error:
            raise RunFolderError(
                f"{self.address} is no address of a folder that can be used ({error}); give a path or an address like "
                "s3://bucket/folder."
            ) from error
        if not path.strip("/"):
            raise RunFolderError(f"{self.address} names no folder; add one, like {self.address.rstrip('/')}/runs.")
        return (None if isinstance(file_system, fs.LocalFileSystem) else file_system), path

    @functools.cached_property
    def _files(self) -> LocalFiles | RemoteFiles:
        file_system, path = self._resolved
        return LocalFiles(Path(path)) if file_system is None else RemoteFiles(file_system, path)

    @contextmanager
    def _room_on_disk(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            raise RlhpRayError(
                f"The disk that holds {self.address} is full; free some space, then go on with "
                f"`rlhp-ray resume {self.address}`."
            ) from error


@contextmanager
def _as_run_folder_error(folder: RunFolder, cure: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error).splitlines()[0]
        raise RunFolderError(f"{folder.address}: {reason}, so the run folder {cure}.") from error
