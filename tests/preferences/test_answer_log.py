"""The answer log: nothing is lost or doubled, whatever dies when."""

from __future__ import annotations

from pathlib import Path

import pytest
from preference_data import make_answer, make_query

from rlhp_ray.errors import CorruptDataError, SupersededError
from rlhp_ray.preferences import AnswerLog, answer_log
from rlhp_ray.preferences.answer_log import Opening, Record
from rlhp_ray.storage import RunFolder
from rlhp_ray.types import Choice, Undo

QUERIES = [make_query(i, i + 1) for i in range(10)]
RECORDS = [*QUERIES[:3], make_answer(QUERIES[0], Choice.CANT_TELL), Undo("a:0-1", "ann", 9.5), *QUERIES[3:]]


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    return RunFolder(str(tmp_path))


def names(folder: RunFolder) -> list[str]:
    return folder.list("answers")


def said(records: list[Record]) -> list[Record]:
    """What was asked and answered."""
    return [record for record in records if not isinstance(record, Opening)]


def stored(folder: RunFolder) -> list[Record]:
    return said(answer_log.read_records(folder))


def test_records_come_back_as_they_were(folder: RunFolder) -> None:
    log = AnswerLog(folder, clock=lambda: 7.5)
    log.append(RECORDS[:3])
    assert log.append(RECORDS[3:]) == 1 + len(RECORDS) == log.position
    assert answer_log.read_records(folder) == [Opening(7.5), *RECORDS]
    assert AnswerLog(folder, clock=lambda: 8.5).records == [Opening(7.5), *RECORDS, Opening(8.5)]


def test_one_object_an_append_named_by_position(folder: RunFolder) -> None:
    log = AnswerLog(folder)
    log.append(RECORDS[:3])
    log.append(RECORDS[3:4])
    log.append([])
    assert names(folder) == ["000000000001.json", "000000000002.json", "000000000005.json"]


def test_compaction_keeps_every_record_and_goes_on(folder: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answer_log, "COMPACT_FILES", 4)
    log = AnswerLog(folder)
    for record in RECORDS:
        log.append([record])
    assert [n for n in names(folder) if n.endswith("parquet")] == [f"{1 + 4 * i:012d}.parquet" for i in range(3)]
    assert len(names(folder)) == 3 + 1 + len(RECORDS) - 12
    assert stored(folder) == RECORDS == said(log.records)
    assert said(AnswerLog(folder).records) == RECORDS


def test_crash_between_parquet_and_removal(folder: RunFolder, tmp_path: Path) -> None:
    log = AnswerLog(folder)
    for record in RECORDS:
        log.append([record])
    loose = {name: folder.read(f"answers/{name}") for name in names(folder)}
    log.compact()
    for name in list(loose)[2:]:  # as if it had died after removing two
        folder.write(f"answers/{name}", loose[name])
    assert stored(folder) == RECORDS
    again = AnswerLog(folder)
    assert said(again.records) == RECORDS
    assert names(folder) == ["000000000001.parquet", f"{len(RECORDS) + 2:012d}.json"]
    again.append([make_query(50, 51)])
    assert stored(folder) == [*RECORDS, make_query(50, 51)]


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
    folder.write("answers/000000000002.json", data)
    with pytest.raises(CorruptDataError, match=r"answers/000000000002.json .*restore it from a copy"):
        AnswerLog(folder)


def test_unreadable_parquet_is_said(folder: RunFolder) -> None:
    folder.write("answers/000000000001.parquet", b"PAR1nonsense")
    with pytest.raises(CorruptDataError, match="can't be read"):
        AnswerLog(folder)


@pytest.mark.parametrize("late", [0, 1, 5])
def test_who_opens_the_log_later_shuts_the_earlier_out(folder: RunFolder, late: int) -> None:
    first = AnswerLog(folder)
    first.append(RECORDS[:2])
    second = AnswerLog(folder)
    if late:
        second.append(RECORDS[2 : 2 + late])
    with pytest.raises(SupersededError, match=r"Another process has opened the answer log .* no more answers"):
        first.append([make_query(90, 91)])
    second.append([make_query(80, 81)])
    assert stored(folder) == [*RECORDS[: 2 + late], make_query(80, 81)]


def test_an_earlier_writer_that_is_faster_is_read(folder: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    """It appends between the later one's reading and its first record."""
    first = AnswerLog(folder)
    reads = answer_log._read

    def slow(folder: RunFolder) -> answer_log._Stored:
        found = reads(folder)
        if first.position == 1:
            first.append(RECORDS[:2])
        return found

    monkeypatch.setattr(answer_log, "_read", slow)
    second = AnswerLog(folder)
    assert said(second.records) == RECORDS[:2]
    with pytest.raises(SupersededError):
        first.append(RECORDS[2:3])


def test_a_late_compaction_of_an_earlier_writer_loses_nothing(folder: RunFolder) -> None:
    first = AnswerLog(folder)
    first.append(RECORDS[:2])
    second = AnswerLog(folder)
    second.append(RECORDS[2:4])
    first.compact()  # it had begun before
    assert stored(folder) == RECORDS[:4]
    second.compact()  # finds the name taken
    second.append(RECORDS[4:])
    second.compact()
    assert stored(folder) == RECORDS
    assert [n for n in names(folder) if n.endswith("json")] == []


def test_an_earlier_writer_that_compacts_after_the_later_one_stops(folder: RunFolder) -> None:
    first = AnswerLog(folder)
    first.append(RECORDS[:2])
    second = AnswerLog(folder)
    second.append(RECORDS[2:])
    second.compact()
    with pytest.raises(SupersededError):
        first.compact()
    assert stored(folder) == RECORDS


class FailingFolder(RunFolder):
    """A run folder whose disk fails after the file has appeared."""

    failing = False

    def write_new(self, path: str, data: bytes) -> None:
        super().write_new(path, data)
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
    assert said(log.records) == RECORDS[:1] == stored(folder)
    log.append(RECORDS[1:3])
    assert stored(folder) == RECORDS[:3]
