"""A run's answers as one Parquet file, and back: for statistics, and for another run's recorded teacher.

Every acknowledged answer is a row exactly once, in the order in which it was accepted; answers that were taken back
are there too, marked as undone.
"""

from __future__ import annotations

import dataclasses
import os

import pyarrow as pa
import pyarrow.parquet as pq

from rlhp_ray.errors import ConfigError, CorruptDataError
from rlhp_ray.preferences.answer_log import read_records
from rlhp_ray.storage import RunFolder
from rlhp_ray.types import Answer, Choice, Query, Undo

_SCHEMA = pa.schema(
    [
        ("answer_id", pa.string()),
        ("query_id", pa.string()),
        ("left", pa.int64()),
        ("right", pa.int64()),
        ("choice", pa.string()),
        ("teacher", pa.string()),
        ("answered_at", pa.float64()),
        ("seconds", pa.float64()),
        ("undone_at", pa.float64()),  # null: in force
        ("asked_index", pa.int64()),  # the query's place in the order of asking
        ("first", pa.int64()),
        ("second", pa.int64()),
        ("created_at", pa.float64()),
        ("method", pa.string()),
        ("reward_version", pa.int64()),
        ("env_steps", pa.int64()),
    ]
)


@dataclasses.dataclass(frozen=True, slots=True)
class ExportedAnswer:
    """An answer with its query and what became of it."""

    answer: Answer
    query: Query
    asked_index: int  # the query's place in the order of asking
    undone_at: float | None  # unix seconds; None: in force


def export_answers(folder: RunFolder, file: str | os.PathLike[str]) -> int:
    """Write the run's answers to a Parquet file. How many."""
    queries: dict[str, tuple[int, Query]] = {}
    answers: dict[str, Answer] = {}
    undone: dict[str, float] = {}
    for record in read_records(folder):
        match record:
            case Query():
                queries[record.query_id] = (len(queries), record)
            case Answer():
                answers[record.answer_id] = record
            case Undo():
                undone[record.answer_id] = record.undone_at
    rows = []
    for answer in answers.values():
        asked_index, query = queries[answer.query_id]
        rows.append(
            dataclasses.asdict(answer)
            | dataclasses.asdict(query)
            | {"asked_index": asked_index, "undone_at": undone.get(answer.answer_id)}
        )
    pq.write_table(pa.Table.from_pylist(rows, schema=_SCHEMA), file)
    return len(rows)


def read_exported_answers(file: str | os.PathLike[str]) -> list[ExportedAnswer]:
    """The answers of an exported Parquet file, in the order in which they were accepted.

    ConfigError if there is no such file, CorruptDataError if it can't be read as one.
    """
    try:
        rows = pq.read_table(file, schema=_SCHEMA).to_pylist()
        return [
            ExportedAnswer(
                Answer(**{f.name: row[f.name] for f in dataclasses.fields(Answer)} | {"choice": Choice(row["choice"])}),
                Query(**{f.name: row[f.name] for f in dataclasses.fields(Query)}),
                row["asked_index"],
                row["undone_at"],
            )
            for row in rows
        ]
    except FileNotFoundError as error:
        raise ConfigError(f"{os.fspath(file)} doesn't exist: name a folder that `rlhp-ray export` wrote") from error
    except (OSError, ValueError, pa.ArrowException) as error:
        raise CorruptDataError(f"{os.fspath(file)} is no export of answers ({error}): export them again") from error
