"""The answer log: every query, answer, undo, exclusion and withdrawal, append-only, in a run's folder under `answers/`.

It stands between the collector and the disk, and is the only truth about what was asked and said (Christiano et al.
2017, section 2.2.2, the database D). Each append is one small immutable object: a JSON file whose name is the position
of its first record, counted from 1. Now and then the loose files are copied into one Parquet file, named alike, and
then removed. A crash between the two leaves records in both: a reader takes the Parquet's and skips the rest.

Of two writers the later one wins, without a lock: a name is given once, and whoever opens the log for writing writes a
record of its own first. An earlier writer that is still alive then finds its next name taken and stops, so what it
acknowledged before is in the log and it acknowledges nothing more.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import re
import time
from collections.abc import Callable, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from rlhp_ray.errors import CorruptDataError, RlhpRayError, SupersededError
from rlhp_ray.storage import RunFolder
from rlhp_ray.types import Answer, Choice, Exclusion, Query, Undo, Withdrawal


@dataclasses.dataclass(frozen=True, slots=True)
class Opening:
    """The log was opened for writing; from here on earlier writers can't append."""

    opened_at: float  # unix seconds


Record = Query | Answer | Undo | Exclusion | Withdrawal | Opening

FOLDER = "answers"
COMPACT_FILES = 256  # loose files that are worth one Parquet file

_NAME = re.compile(r"(\d{12})\.(json|parquet)")
_KINDS: dict[str, type[Record]] = {
    "query": Query,
    "answer": Answer,
    "undo": Undo,
    "exclusion": Exclusion,
    "withdrawal": Withdrawal,
    "opening": Opening,
}
_SCHEMA = pa.schema(
    [
        ("kind", pa.string()),
        ("first", pa.int64()),
        ("second", pa.int64()),
        ("created_at", pa.float64()),
        ("method", pa.string()),
        ("reward_version", pa.int64()),
        ("env_steps", pa.int64()),
        ("answer_id", pa.string()),
        ("query_id", pa.string()),
        ("left", pa.int64()),
        ("right", pa.int64()),
        ("choice", pa.string()),
        ("teacher", pa.string()),
        ("answered_at", pa.float64()),
        ("seconds", pa.float64()),
        ("undone_at", pa.float64()),
        ("excluded", pa.bool_()),
        ("by", pa.string()),
        ("decided_at", pa.float64()),
        ("opened_at", pa.float64()),
        ("withdrawn_at", pa.float64()),
    ]
)


class AnswerLog:
    """The writing end of the log, one process at a time; reads what is there when it is made."""

    def __init__(self, folder: RunFolder, clock: Callable[[], float] = time.time) -> None:
        """Read the log and shut earlier writers out. CorruptDataError if records are missing or unreadable."""
        self._folder = folder
        while True:
            stored = _read_beside_a_writer(folder)
            self.records: list[Record] = stored.records
            self._compacted = stored.compacted
            self._loose = stored.loose
            try:
                self.append([Opening(opened_at=clock())])
                break
            except SupersededError:
                folder.check_epoch()  # an earlier writer was faster this once: what it wrote is read
        self._remove(stored.left_over)

    @property
    def position(self) -> int:
        """Of the last record; 0 while the log is empty. `records[position:]` came after it."""
        return len(self.records)

    def append(self, records: Sequence[Record]) -> int:
        """Write the records as one object, durable before this returns; gives the new position.

        SupersededError where another process has opened the log since.
        """
        if not records:
            return self.position
        if len(self._loose) >= COMPACT_FILES:
            self.compact()  # before the write: should it fail, nothing was accepted yet
        name = f"{self.position + 1:012d}.json"
        path = f"{FOLDER}/{name}"
        data = json.dumps({"records": [_to_row(r) for r in records]}, allow_nan=False).encode()
        try:
            self._folder.write_new(path, data)
        except FileExistsError:
            raise self._superseded() from None
        except (OSError, RlhpRayError):
            self._forget(path, data)
            raise
        self.records.extend(records)
        self._loose.append(name)
        return self.position

    def compact(self) -> None:
        """Copy the loose files' records into one Parquet file, then remove the loose files."""
        if not self._loose:
            return
        table = pa.Table.from_pylist([_to_row(r) for r in self.records[self._compacted :]], schema=_SCHEMA)
        sink = pa.BufferOutputStream()
        pq.write_table(table, sink)
        try:
            self._folder.write_new(f"{FOLDER}/{self._compacted + 1:012d}.parquet", sink.getvalue().to_pybytes())
        except FileExistsError:  # an earlier writer did it late, for the records up to where it came
            stored = _read_beside_a_writer(self._folder)
            if len(stored.records) != self.position:
                raise self._superseded() from None
            self._loose, self._compacted = stored.loose, stored.compacted
            return
        loose, self._loose, self._compacted = self._loose, [], self.position
        self._remove(loose)

    def _superseded(self) -> SupersededError:
        return SupersededError(
            f"Another process has opened the answer log of {self._folder.address} since; this one accepts no more "
            "answers. Stop it if it still runs."
        )

    def _forget(self, path: str, data: bytes) -> None:
        """A write that failed was not acknowledged: it must not turn up later under a number that is given again."""
        folder = RunFolder(self._folder.address)  # that waits for nothing
        with contextlib.suppress(OSError, RlhpRayError):
            if folder.read(path) == data:  # and isn't another writer's
                folder.remove(path)

    def _remove(self, names: list[str]) -> None:
        for name in names:
            self._folder.remove(f"{FOLDER}/{name}")


def read_records(folder: RunFolder) -> list[Record]:
    """Every record of the log in order, read without changing anything, also beside a process that writes."""
    return _read_beside_a_writer(folder).records


def _read_beside_a_writer(folder: RunFolder) -> _Stored:
    for _ in range(3):  # the writer may compact between our listing and our reading
        try:
            return _read(folder)
        except (FileNotFoundError, CorruptDataError):
            continue
    return _read(folder)


@dataclasses.dataclass(frozen=True)
class _Stored:
    records: list[Record]
    compacted: int  # records that the Parquet files hold
    loose: list[str]  # JSON files after those
    left_over: list[str]  # JSON files that a Parquet file holds already


def _read(folder: RunFolder) -> _Stored:
    found = [m for m in map(_NAME.fullmatch, folder.list(FOLDER)) if m]
    records: list[Record] = []

    def take(matches: list[re.Match[str]]) -> None:
        for match, data in zip(matches, folder.read_all([f"{FOLDER}/{match[0]}" for match in matches]), strict=True):
            if int(match[1]) != len(records) + 1:
                raise CorruptDataError(
                    f"the answer log of {folder.address} lacks its records {len(records) + 1} to {int(match[1]) - 1}: "
                    f"restore its folder {FOLDER}/ from a copy"
                )
            records.extend(_parse(folder, match[0], data))

    take([match for match in found if match[2] == "parquet"])
    compacted = len(records)
    json_files = [match for match in found if match[2] == "json"]
    rest = [match for match in json_files if int(match[1]) > compacted]
    take(rest)
    left_over = [match[0] for match in json_files if int(match[1]) <= compacted]
    return _Stored(records, compacted, [match[0] for match in rest], left_over)


def _parse(folder: RunFolder, name: str, data: bytes) -> list[Record]:
    try:
        if name.endswith(".json"):
            rows = json.loads(data)["records"]
        else:
            rows = pq.read_table(pa.BufferReader(data)).to_pylist()
        return [_from_row(row) for row in rows]
    except (ValueError, KeyError, TypeError, pa.ArrowException) as error:
        raise CorruptDataError(
            f"{FOLDER}/{name} of {folder.address} can't be read ({error}): restore it from a copy"
        ) from error


def _to_row(record: Record) -> dict[str, Any]:
    kind = next(name for name, type_ in _KINDS.items() if isinstance(record, type_))
    return {"kind": kind, **dataclasses.asdict(record)}


def _from_row(row: dict[str, Any]) -> Record:
    type_ = _KINDS[row["kind"]]
    fields = {f.name: row[f.name] for f in dataclasses.fields(type_)}
    if "choice" in fields:
        fields["choice"] = Choice(fields["choice"])
    return type_(**fields)
