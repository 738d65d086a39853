"""Durable segments: every one that a query names, as Arrow files under `segments/` in the run folder.

A shard is a plain Arrow IPC file (zstd, since stacked frames repeat) that any Arrow reader opens. Its name holds its
number and its checksum, so there is no second truth: the index is rebuilt from the shards alone.
"""

from __future__ import annotations

import hashlib
import re
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa

from rlhp_ray.errors import CorruptDataError
from rlhp_ray.segments.arrow import from_table, gather, size_bytes, to_table
from rlhp_ray.storage import RunFolder
from rlhp_ray.types import Segments

_FOLDER = "segments"
_NAME = re.compile(r"\d{8,}-[0-9a-f]{16}\.arrow")
_SHARD_BYTES = 32_000_000  # what is more is split, so that fetching a few segments stays quick
_CACHE_BYTES = 256_000_000
_READERS = 16  # threads that read the index at start: on a distant file system each shard takes a round trip or more


class SegmentShards:
    """The shards of one run; the one writer is the segment store."""

    def __init__(self, folder: RunFolder, cache_bytes: int = _CACHE_BYTES) -> None:
        self._folder = folder
        self._cache_bytes = cache_bytes
        self._cache: OrderedDict[str, Segments] = OrderedDict()  # opened and checked shards, longest unused first
        self._cached_bytes = 0
        self._index: dict[int, tuple[str, int]] = {}  # segment id -> shard, row
        self._written = 0
        names = [name for name in folder.list(_FOLDER) if _NAME.fullmatch(name)]
        with ThreadPoolExecutor(_READERS) as readers:
            for name, ids in zip(names, readers.map(self._read_ids, names), strict=True):
                self._written = max(self._written, int(name.split("-")[0]))
                self._index_shard(name, ids)

    def __len__(self) -> int:
        return len(self._index)

    def __contains__(self, segment_id: int) -> bool:
        return segment_id in self._index

    @property
    def newest_id(self) -> int:
        """The highest id that is durable, -1 without any."""
        return max(self._index, default=-1)

    def write(self, segments: Segments) -> None:
        """Make segments durable before it returns; RlhpRayError if the disk is full."""
        for part in _parts(segments):
            data = _serialize(to_table(part))
            name = f"{self._written + 1:08d}-{_checksum(data)}.arrow"
            self._folder.write(f"{_FOLDER}/{name}", data)
            self._written += 1
            self._index_shard(name, part.segment_ids.tolist())

    def fetch(self, segment_ids: Sequence[int]) -> Segments:
        """Durable segments in this order; CorruptDataError for a damaged shard."""
        rows_of: dict[str, list[int]] = {}
        for segment_id in segment_ids:
            name, row = self._index[segment_id]
            rows_of.setdefault(name, []).append(row)
        # A shard at a time, opened once, of which only the asked rows are held on to.
        parts = {name: self._open(name).take(rows) for name, rows in rows_of.items()}
        row_of = {segment_id: (part, row) for part in parts.values() for row, segment_id in enumerate(part.segment_ids)}
        return gather([row_of[segment_id] for segment_id in segment_ids])

    def _open(self, name: str) -> Segments:
        if name in self._cache:
            self._cache.move_to_end(name)
            return self._cache[name]
        data = self._read(name)
        if not name.endswith(f"-{_checksum(data)}.arrow"):
            raise _damaged(self._folder, name, "its checksum doesn't match its content")
        with pa.ipc.open_file(data) as reader:
            shard = from_table(reader.read_all())
        self._cache[name] = shard
        self._cached_bytes += size_bytes(shard)
        while self._cached_bytes > self._cache_bytes and len(self._cache) > 1:
            self._cached_bytes -= size_bytes(self._cache.popitem(last=False)[1])
        return shard

    def _read(self, name: str) -> bytes:
        try:
            return self._folder.read(f"{_FOLDER}/{name}")
        except FileNotFoundError as error:
            raise _damaged(self._folder, name, "it was removed while the run went on") from error

    def _read_ids(self, name: str) -> list[int]:
        """The ids alone, without reading the observations."""
        options = pa.ipc.IpcReadOptions(included_fields=[0])
        try:
            with self._folder.open_file(f"{_FOLDER}/{name}") as file, pa.ipc.open_file(file, options=options) as reader:
                ids: list[int] = reader.read_all().column("segment_ids").to_pylist()
        except (pa.ArrowException, OSError, KeyError) as error:
            raise _damaged(self._folder, name, "it can't be read as Arrow") from error
        return ids

    def _index_shard(self, name: str, ids: list[int]) -> None:
        self._index.update((segment_id, (name, row)) for row, segment_id in enumerate(ids))


def _parts(segments: Segments) -> Iterator[Segments]:
    if not len(segments):
        return
    rows = max(1, _SHARD_BYTES * len(segments) // size_bytes(segments))
    for first in range(0, len(segments), rows):
        yield segments.take(slice(first, first + rows))


def _serialize(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, table.schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as writer:
        writer.write_table(table)
    data: bytes = sink.getvalue().to_pybytes()
    return data


def _checksum(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]


def _damaged(folder: RunFolder, name: str, cause: str) -> CorruptDataError:
    return CorruptDataError(
        f"The segments in {folder.address_of(f'{_FOLDER}/{name}')} are damaged: {cause}; "
        "put the file back from a copy of the run."
    )
