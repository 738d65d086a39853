"""A run's folder, the truth about a run, at a local path or any address that pyarrow.fs reads.

Everything that a process holds in memory can be rebuilt from here. Every room keeps its own files under its own name
(`answers/`, `segments/`, `predictor/`, ...), and `config.yaml` marks the folder as a run's.

Who drives the run takes the folder over: it claims the next epoch, a file under `epochs/`. A folder that was taken over
is looked at before each write: where the next epoch is claimed, SupersededError; where its own claim can't be seen, the
folder is away, and every call waits for it, as it waits for room on a full disk.
"""

from __future__ import annotations

import errno
import functools
import os
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import TypeVar

import pyarrow as pa
from pyarrow import fs

from rlhp_ray.errors import RlhpRayError, RunFolderError, SupersededError
from rlhp_ray.storage.address import absolute, below, resolve
from rlhp_ray.storage.local_files import LocalFiles
from rlhp_ray.storage.remote_files import RemoteFiles
from rlhp_ray.storage.trouble import reason
from rlhp_ray.storage.waiting import waiting_for

T = TypeVar("T")

RETRY_SECONDS = 0.5  # between two looks at a folder that is full or away
SLOW_SECONDS = 5.0  # a call that takes longer is said
_READERS = 16  # threads that read files side by side: on a distant file system each takes a round trip or more
_MARK = "config.yaml"
_PROBE = ".write-probe"
_EPOCHS = "epochs"
_FULL = (errno.ENOSPC, errno.EDQUOT)
_LASTING = (FileNotFoundError, FileExistsError, PermissionError, IsADirectoryError, NotADirectoryError)


class RunFolder:
    """The files of a run. Cheap to make, and picklable: its address, the epoch it is written in, and its patience.

    Paths are relative to the folder, with forward slashes. Errors: RunFolderError at first use if the address can't be
    used, RlhpRayError where the disk is full or the folder away for longer than its patience, SupersededError at a
    write where a later epoch has begun.
    """

    def __init__(self, address: str, *, epoch: int | None = None, patience_seconds: float = 0.0) -> None:
        """`epoch`: claimed by `take_over`; without one nothing is waited for and nothing but the address is known."""
        self.address = absolute(address)
        self.epoch = epoch
        self._patience_seconds = patience_seconds

    def __reduce__(self) -> tuple[Callable[..., RunFolder], tuple[str, int | None, float]]:
        return _again, (self.address, self.epoch, self._patience_seconds)

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

    def address_of(self, path: str) -> str:
        """The address of a file in it, for a person to read."""
        return below(self.address, path)

    def take_over(self, *, above: int = 0, patience_seconds: float = 0.0) -> RunFolder:
        """Claim the next epoch, higher than `above`: earlier drivers and their actors can't write here any more."""
        epoch = max([above, *self._patiently(self._claimed)]) + 1
        while True:
            try:
                self.write_new(_claim(epoch), uuid.uuid4().hex.encode())
                return RunFolder(self.address, epoch=epoch, patience_seconds=patience_seconds)
            except FileExistsError:  # another one took it over just now
                epoch += 1

    def impatient(self) -> RunFolder:
        """The same folder in the same epoch for what need not be written: nothing is waited for."""
        return RunFolder(self.address, epoch=self.epoch)

    def write(self, path: str, data: bytes) -> None:
        """Write a whole file, atomically and durably where the file system is local."""
        self._written(lambda: self._files.write(path, data))

    def write_new(self, path: str, data: bytes) -> None:
        """Write a file that isn't there yet, with the promises of `write`; FileExistsError where another one is.

        On a local file system one writer of several succeeds. Elsewhere two within one round trip may both.
        """

        def write() -> None:
            try:
                self._files.write_new(path, data)
            except FileExistsError:
                if self._files.read(path) != data:  # else it is this very file, by a try before
                    raise

        self._written(write)

    def upload(self, local: Path, path: str) -> None:
        """Copy a local file here, with the promises of `write`."""
        self._written(lambda: self._files.upload(local, path))

    def append(self, path: str, data: bytes) -> None:
        """Add whole lines to a file, without waiting for the disk; numbered parts where files can't be appended to."""
        self._written(lambda: self._files.append(path, data))

    def read(self, path: str) -> bytes:
        """A whole file; FileNotFoundError."""
        return self._patiently(lambda: self._files.read(path))

    def read_all(self, paths: Sequence[str]) -> list[bytes]:
        """Several whole files; FileNotFoundError."""
        if self.local_path("") is not None:
            return [self.read(path) for path in paths]
        with ThreadPoolExecutor(_READERS) as readers:
            return list(readers.map(self.read, paths))

    def read_appended(self, path: str) -> bytes:
        """All that was appended, in order; empty if nothing was."""
        return self._patiently(lambda: self._files.read_appended(path) or self._nothing(b""))

    def open_file(self, path: str) -> pa.NativeFile:
        """A file for random reads, to be closed by the caller; FileNotFoundError."""
        return self._patiently(lambda: self._files.open_file(path))

    def exists(self, path: str) -> bool:
        """Whether a file or a folder is there."""
        return self._patiently(lambda: self._files.exists(path) or self._nothing(False))

    def list(self, folder: str) -> list[str]:
        """Sorted names in a folder; none if it is absent."""
        empty: list[str] = []
        return self._patiently(lambda: self._files.list(folder) or self._nothing(empty))

    def remove(self, path: str) -> None:
        """Remove a file or a folder with all in it; a missing one is fine."""
        self._written(lambda: self._files.remove(path))

    def check_epoch(self) -> None:
        """SupersededError where a later epoch was claimed, as far as that can be seen."""
        with suppress(OSError):
            self._check(self._claimed())

    def local_path(self, path: str) -> Path | None:
        """Where the file lies on this machine; None on any other file system."""
        return self._files.local_path(path)

    @functools.cached_property
    def _resolved(self) -> tuple[fs.FileSystem | None, str]:
        return resolve(self.address)

    @functools.cached_property
    def _files(self) -> LocalFiles | RemoteFiles:
        file_system, path = self._resolved
        return LocalFiles(Path(path)) if file_system is None else RemoteFiles(file_system, path)

    def _written(self, write: Callable[[], None]) -> None:
        """A write of this epoch. What slips through between look and write has begun before the later epoch's claim."""

        def guarded() -> None:
            if self.epoch is not None:  # one look tells whether the folder is there and whose it is
                self._check(self._present())
            write()

        self._patiently(guarded)

    def _claimed(self) -> set[int]:
        return {int(name) for name in self._files.list(_EPOCHS) if name.isdigit()}

    def _present(self) -> set[int]:
        """The claimed epochs; FileNotFoundError where this one isn't: renamed, unmounted (a bare mount point)."""
        claimed = self._claimed()
        if self.epoch not in claimed:
            raise _absent()
        return claimed

    def _check(self, claimed: set[int]) -> None:
        if self.epoch is not None and max(claimed, default=0) > self.epoch:
            raise SupersededError(
                f"Another driver has taken over {self.address} (epoch {max(claimed)}); this one, of epoch "
                f"{self.epoch}, writes nothing more and stops."
            )

    def _nothing(self, value: T) -> T:
        """Nothing was found: not because the folder is away."""
        if self.epoch is not None:
            self._present()
        return value

    def _patiently(self, action: Callable[[], T]) -> T:
        """The action's result; where the disk is full or the folder away, it is tried again for a while."""
        try:
            if self.epoch is None:
                return action()
            slow = (
                f"The run folder {self.address} has not answered for {SLOW_SECONDS:.0f} s; check its disk or network."
            )
            with waiting_for(slow, after_seconds=SLOW_SECONDS):
                return action()
        except OSError as error:
            first = error
        give_up_at = time.monotonic() + self._patience_seconds
        while True:
            trouble, cure = self._passing(first)
            if time.monotonic() >= give_up_at:
                raise RlhpRayError(f"{trouble}; {cure}, then go on with `rlhp-ray resume {self.address}`.") from first
            with waiting_for(
                f"{trouble}; {cure}: what has to be read or written waits {self._patience_seconds:.0f} s at most."
            ):
                time.sleep(RETRY_SECONDS)
                try:
                    return action()
                except OSError as error:
                    first = error

    def _passing(self, error: OSError) -> tuple[str, str]:
        """What is wrong with the folder and what to do; raises the error where waiting wouldn't help."""
        if error.errno in _FULL:
            return f"The disk that holds {self.address} is full", "free some space"
        if self.epoch is None:
            if isinstance(error, _LASTING):
                raise error
            raise RunFolderError(
                f"The run folder {self.address} can't be used: {reason(error)}; check its address, disk or network."
            ) from error
        try:
            here = self.epoch in self._claimed()
        except OSError as unreachable:
            here, error = True, unreachable
        if not here:
            return f"The run folder {self.address} is gone or not mounted", "bring it back"
        if isinstance(error, _LASTING):
            raise error
        return f"The run folder {self.address} can't be reached ({reason(error)})", "check its disk or network"


def _again(address: str, epoch: int | None, patience_seconds: float) -> RunFolder:
    return RunFolder(address, epoch=epoch, patience_seconds=patience_seconds)


def _claim(epoch: int) -> str:
    return f"{_EPOCHS}/{epoch:06d}"


def _absent() -> FileNotFoundError:
    return FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))


@contextmanager
def _as_run_folder_error(folder: RunFolder, cure: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise RunFolderError(f"{folder.address}: {reason(error)}, so the run folder {cure}.") from error
