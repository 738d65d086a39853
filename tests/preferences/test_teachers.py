"""The teachers: one suite over all of them, then what each has of its own."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from preference_data import make_answer, make_collector, make_query, make_segments, make_store, own_module

from rlhp_ray.config.teacher import TeacherPart
from rlhp_ray.errors import CorruptDataError
from rlhp_ray.interfaces import Teacher
from rlhp_ray.preferences import RecordedTeacher, Recording, export_answers, make_teacher
from rlhp_ray.storage import RunFolder
from rlhp_ray.types import Choice, Query, Segments

SEGMENTS = make_segments([1.0, 3.0, 3.05, -2.0])
# By the oracle with a tolerance of 0.1.
TRUTH = [(make_query(0, 1), Choice.RIGHT), (make_query(1, 2), Choice.EQUAL), (make_query(2, 3), Choice.LEFT)]


@pytest.fixture
def recorded(tmp_path: Path) -> Path:
    """An export of a run with the answers of TRUTH, asked in this order and answered in another."""
    run = RunFolder(str(tmp_path / "run"))
    make_store(run, SEGMENTS)
    collector = make_collector(run)
    collector.ask([query for query, _ in TRUTH])
    for query, choice in reversed(TRUTH):
        collector.answer(make_answer(query, Choice.CANT_TELL, answer_id=f"hasty:{query.query_id}"))
        collector.undo(f"hasty:{query.query_id}", "ann")
        collector.answer(make_answer(query, choice))
    target = tmp_path / "export"
    shutil.copytree(tmp_path / "run" / "segments", target / "clips")
    export_answers(run, target / "answers.parquet")
    return target


OWN = """
def prefer(left, right):
    difference = float(left.true_rewards.sum() - right.true_rewards.sum())
    return "equal" if abs(difference) < 0.1 else "left" if difference > 0 else "right"
"""


@pytest.fixture(params=["oracle", "recorded", "own"])
def teacher(request: pytest.FixtureRequest, recorded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Teacher:
    if request.param == "own":
        own_module(tmp_path, monkeypatch, OWN)
        return make_teacher(TeacherPart(kind="own_for_test:prefer"), 0)
    if request.param == "recorded":
        return make_teacher(TeacherPart(kind="recorded", path=str(recorded)), 0)
    return make_teacher(TeacherPart(tie_tolerance=0.1), 0)


def show(teacher: Teacher, left: int, right: int, segments: Segments = SEGMENTS) -> Choice | None:
    """The choice between two of the segments, which have other ids in this run."""
    query = make_query(100 + left, 100 + right)
    answer = teacher.answer(query, segments.take([left, right]))
    if answer is None:
        return None
    assert (answer.left, answer.right, answer.query_id) == (query.first, query.second, query.query_id)
    assert answer.teacher == teacher.name
    return answer.choice


TURNED = {Choice.LEFT: Choice.RIGHT, Choice.RIGHT: Choice.LEFT, Choice.EQUAL: Choice.EQUAL}


@pytest.mark.parametrize(("query", "choice"), TRUTH)
def test_every_teacher_says_what_is_true_on_either_side(teacher: Teacher, query: Query, choice: Choice) -> None:
    assert show(teacher, query.first, query.second) == choice
    assert show(teacher, query.second, query.first) == TURNED[choice]


def test_every_teacher_gives_the_same_query_the_same_id(teacher: Teacher) -> None:
    ids = set()
    for left, right in [(0, 1), (0, 1), (1, 0)]:
        answer = teacher.answer(make_query(left, right), SEGMENTS.take([left, right]))
        assert answer is not None
        ids.add(answer.answer_id)
    assert ids == {f"{teacher.name}:0-1"}


def test_recorded_never_looks_at_the_true_reward(recorded: Path) -> None:
    hidden = dataclasses.replace(SEGMENTS, true_rewards=np.full_like(SEGMENTS.true_rewards, np.nan))
    assert show(RecordedTeacher(Recording(recorded)), 0, 1, hidden) is Choice.RIGHT


def test_recorded_has_no_answer_for_clips_that_were_not_compared(recorded: Path) -> None:
    assert show(RecordedTeacher(Recording(recorded)), 0, 2) is None


def test_recording_has_answers_in_force_in_the_order_of_asking(recorded: Path) -> None:
    recording = Recording(recorded)
    assert [(e.query, e.answer.choice) for e in recording.asked] == TRUTH
    np.testing.assert_array_equal(recording.clips([3, 1]).observations, SEGMENTS.observations[[3, 1]])


def _no_clips(folder: Path) -> None:
    shutil.rmtree(folder / "clips")


def _cut_clip(folder: Path) -> None:
    file = next((folder / "clips").iterdir())
    file.write_bytes(file.read_bytes()[:100])


def _other_clips(folder: Path) -> None:
    _no_clips(folder)
    make_store(RunFolder(str(folder)), make_segments([1.0, 2.0]))
    (folder / "segments").rename(folder / "clips")


@pytest.mark.parametrize(
    ("damage", "said"), [(_no_clips, "has no clips"), (_cut_clip, "can't be read"), (_other_clips, "lacks clip 2")]
)
def test_damaged_recording_is_said(recorded: Path, damage: Callable[[Path], None], said: str) -> None:
    damage(recorded)
    with pytest.raises(CorruptDataError, match=f"{said}.*export the run again"):
        Recording(recorded)
