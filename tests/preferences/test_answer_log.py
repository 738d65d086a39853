"""The answer log: nothing is lost or doubled, whatever dies when."""

from __future__ import annotations

from pathlib import Path

import pytest
from preference_data import make_answer, make_query

from rlhp_ray.errors import CorruptDataError, RlhpRayError
from rlhp_ray.preferences import AnswerLog, answer_log
from rlhp_ray.storage import RunFolder
from rlhp_ray.types import Choice, Undo

QUERIES = [make_query(i, i + 1) for i in range(10)]
RECORDS = [*QUERIES[:3], make_answer(QUERIES[0], Choice.CANT_TELL), Undo("a:0-1", "ann", 9.5), *QUERIES[3:]]


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    return RunFolder(str(tmp_path))


def names(folder: RunFolder) -> list[str]:
    return folder.list("answers")


def test_records_come_back_as_they_were(folder: RunFolder) -> None:
    log = AnswerLog(folder)
    log.append(RECORDS[:3])
    assert log.append(RECORDS[3:]) == len(RECORDS) == log.position
    assert AnswerLog(folder).records == RECORDS
    assert answer_log.read_records(folder) == RECORDS


def test_one_object_an_append_named_by_position(folder: RunFolder) -> None:
    log = AnswerLog(folder)
    log.append(RECORDS[:3])
    log.append(RECORDS[3:4])
    log.append([])
    assert names(folder) == ["000000000001.json", "000000000004.json"]


def test_compaction_keeps_every_record_and_goes_on(folder: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answer_log, "COMPACT_FILES", 4)
    log = AnswerLog(folder)
    for record in RECORDS:
        log.append([record])
    assert [n for n in names(folder) if n.endswith("parquet")] == ["000000000001.parquet", "000000000005.parquet"]
    assert len(names(folder)) == 2 + len(RECORDS) - 8
    assert AnswerLog(folder).records == RECORDS == log.records


def test_crash_between_parquet_and_removal(folder: RunFolder, tmp_path: Path) -> None:
    log = AnswerLog(folder)
    for record in RECORDS:
        log.append([record])
    loose = {name: folder.read(f"answers/{name}") for name in names(folder)}
    log.compact()
    for name in list(loose)[2:]:  # as if it had died after removing two
        folder.write(f"answers/{name}", loose[name])
    assert answer_log.read_records(folder) == RECORDS
    again = AnswerLog(folder)
    assert again.records == RECORDS
    assert names(folder) == ["000000000001.parquet"]
    again.append([make_query(50, 51)])
    assert AnswerLog(folder).records == [*RECORDS, make_query(50, 51)]


def test_missing_file_is_said(folder: RunFolder) -> None:
    log = AnswerLog(folder)
    for record in RECORDS[:3]:
        log.append([record])
    folder.remove("answers/000000000002.json")
    with pytest.raises(CorruptDataError, match="lacks its records 2 to 2"):
        AnswerLog(folder)


@pytest.mark.parametrize("data", [b'{"records": [{"kind": "answ', b"[]", b'{"records": [{"kind": "vote"}]}'])
def test_unreadable_file_is_said(folder: RunFolder, data: bytes) -> None:
    AnswerLog(folder).append(RECORDS[:2])
    folder.write("answers/000000000001.json", data)
    with pytest.raises(CorruptDataError, match=r"answers/000000000001.json .*restore it from a copy"):
        AnswerLog(folder)


def test_unreadable_parquet_is_said(folder: RunFolder) -> None:
    folder.write("answers/000000000001.parquet", b"PAR1nonsense")
    with pytest.raises(CorruptDataError, match="can't be read"):
        AnswerLog(folder)


def test_second_writer_is_refused_and_overwrites_nothing(folder: RunFolder) -> None:
    first, second = AnswerLog(folder), AnswerLog(folder)
    first.append(RECORDS[:1])
    with pytest.raises(RlhpRayError, match="another process writes"):
        second.append(RECORDS[1:2])
    assert AnswerLog(folder).records == RECORDS[:1]


class FailingFolder(RunFolder):
    """A run folder whose disk fails after the file has appeared."""

    failing = False

    def write(self, path: str, data: bytes) -> None:
        super().write(path, data)
        if self.failing:
            raise OSError(5, "Input/output error")


def test_failed_append_leaves_nothing(tmp_path: Path) -> None:
    folder = FailingFolder(str(tmp_path))
    log = AnswerLog(folder)
    log.append(RECORDS[:1])
    folder.failing = True
    with pytest.raises(OSError, match="Input/output"):
        log.append(RECORDS[1:3])
    folder.failing = False
    assert log.records == RECORDS[:1] == AnswerLog(folder).records
    log.append(RECORDS[1:3])
    assert AnswerLog(folder).records == RECORDS[:3]
