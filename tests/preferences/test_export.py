"""Export and import of answers as Parquet."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest
from preference_data import make_answer, make_collector, make_query

from rlhp_ray.errors import ConfigError, CorruptDataError
from rlhp_ray.preferences import export_answers, read_exported_answers
from rlhp_ray.storage import RunFolder
from rlhp_ray.types import Choice

Q = [make_query(2 * i, 2 * i + 1) for i in range(4)]


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    folder = RunFolder(str(tmp_path / "run"))
    collector = make_collector(folder)
    collector.ask(Q)
    collector.answer(make_answer(Q[2], Choice.CANT_TELL))
    collector.answer(make_answer(Q[0]))
    collector.undo("a:0-1", "ann")
    collector.answer(make_answer(Q[0], Choice.RIGHT, answer_id="again"))
    return folder


def test_every_answer_once_and_undone_ones_marked(folder: RunFolder, tmp_path: Path) -> None:
    file = tmp_path / "answers.parquet"
    assert export_answers(folder, file) == 3
    exported = read_exported_answers(file)
    assert [e.answer for e in exported] == [
        make_answer(Q[2], Choice.CANT_TELL),
        make_answer(Q[0]),
        make_answer(Q[0], Choice.RIGHT, answer_id="again"),
    ]
    assert [e.query for e in exported] == [Q[2], Q[0], Q[0]]
    assert [e.asked_index for e in exported] == [2, 0, 0]
    assert [e.undone_at for e in exported] == [None, 1000.0, None]
    assert pq.read_table(file).column("choice").to_pylist() == ["cant_tell", "left", "right"]


def test_export_changes_nothing(folder: RunFolder, tmp_path: Path) -> None:
    before = {name: folder.read(f"answers/{name}") for name in folder.list("answers")}
    export_answers(folder, tmp_path / "answers.parquet")
    assert {name: folder.read(f"answers/{name}") for name in folder.list("answers")} == before


def test_run_without_answers(tmp_path: Path) -> None:
    file = tmp_path / "answers.parquet"
    assert export_answers(RunFolder(str(tmp_path / "run")), file) == 0
    assert read_exported_answers(file) == []


def test_bad_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="name a folder that `rlhp-ray export` wrote"):
        read_exported_answers(tmp_path / "none.parquet")
    (tmp_path / "bad.parquet").write_bytes(b"PAR1")
    with pytest.raises(CorruptDataError, match="is no export of answers"):
        read_exported_answers(tmp_path / "bad.parquet")
