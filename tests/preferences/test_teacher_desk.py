"""The teacher's desk: at once and at a pace, on random sides, the same for a seed."""

from __future__ import annotations

import dataclasses
import time
from pathlib import Path
from typing import Any

import pytest
from preference_data import Clock, make_collector, make_query, make_segments, make_store

from rlhp_ray.config.teacher import OneTeacherPart
from rlhp_ray.preferences import Collector, SyntheticTeacher, TeacherDesk
from rlhp_ray.preferences.desk import BATCH_ANSWERS
from rlhp_ray.storage import RunFolder
from rlhp_ray.types import Answer, Query, Segments

COUNT = 200
RETURNS = [float(i % 17) for i in range(COUNT)]
QUERIES = [make_query(i, i + 1) for i in range(COUNT - 1)]


class Room:
    """A run folder with a collector, open queries and a desk."""

    def __init__(self, path: Path, queries: list[Query], *, pace: float | None = None, seed: int = 1) -> None:
        self.clock = Clock()
        self.folder = RunFolder(str(path))
        self.store = make_store(self.folder, make_segments(RETURNS))
        self.collector = make_collector(self.folder, self.clock)
        self.collector.ask(queries)
        self.desk = self.new_desk(pace, seed)

    def new_desk(self, pace: float | None = None, seed: int = 1) -> TeacherDesk:
        oracle = SyntheticTeacher(OneTeacherPart(), seed=0, clock=self.clock)
        return TeacherDesk(oracle, self.collector, self.store, answers_per_minute=pace, seed=seed, clock=self.clock)


def better(answer: Answer) -> int:
    return answer.left if answer.choice == "left" else answer.right


def test_instant_teacher_answers_all_in_bounded_steps(tmp_path: Path) -> None:
    room = Room(tmp_path, QUERIES)
    reports = [room.desk.step() for _ in range(5)]
    assert [r.answered for r in reports] == [BATCH_ANSWERS] * 3 + [len(QUERIES) - 3 * BATCH_ANSWERS, 0]
    assert [r.next_seconds > 0 for r in reports] == [False, False, False, True, True]
    assert not any(r.exhausted for r in reports)
    for answer in make_collector(room.folder).answers():
        if answer.choice != "equal":
            assert RETURNS[better(answer)] == max(RETURNS[answer.left], RETURNS[answer.right])


def test_sides_are_random_and_recorded(tmp_path: Path) -> None:
    room = Room(tmp_path, QUERIES)
    while room.desk.step().answered:
        pass
    turned = sum(a.left > a.right for a in room.collector.answers())
    assert 60 < turned < 140  # 199 fair draws, fixed by the seed; a standard deviation of 7


def test_same_seed_same_log_and_another_differs(tmp_path: Path) -> None:
    logs = []
    for name, seed in [("a", 1), ("b", 1), ("c", 2)]:
        room = Room(tmp_path / name, QUERIES, seed=seed)
        while room.desk.step().answered:
            room.clock.now += 3.0 + seed
        logs.append([dataclasses.replace(a, answered_at=0.0) for a in room.collector.answers()])
    assert logs[0] == logs[1]
    assert logs[0] != logs[2]


def test_paced_teacher_takes_its_time_for_each(tmp_path: Path) -> None:
    room = Room(tmp_path, QUERIES[:4], pace=12.0)
    assert (room.desk.step().answered, room.desk.step().next_seconds) == (0, 5.0)
    room.clock.now += 4.0
    report = room.desk.step()
    assert (report.answered, report.next_seconds) == (0, 1.0)
    room.clock.now += 1.5  # late by half a second, which the next answer catches up
    report = room.desk.step()
    assert (report.answered, report.next_seconds) == (1, 4.5)
    room.clock.now += 4.5
    assert room.desk.step().answered == 1
    assert [a.seconds for a in room.collector.answers()] == [5.0, 5.0]


def test_paced_teacher_does_not_save_up_while_nothing_is_open(tmp_path: Path) -> None:
    room = Room(tmp_path, QUERIES[:1], pace=60.0)
    room.desk.step()
    room.clock.now += 1.0
    assert room.desk.step().answered == 1
    room.clock.now += 100.0
    room.collector.ask(QUERIES[1:])
    assert room.desk.step().answered == 0
    room.clock.now += 2.5
    assert room.desk.step().answered == 2


def test_new_desk_takes_up_what_the_lost_one_held(tmp_path: Path) -> None:
    room = Room(tmp_path, QUERIES[:1], pace=60.0)
    room.desk.step()
    assert room.collector.counts().leased == 1
    assert room.new_desk().step().answered == 1


def test_reopened_query_gets_a_new_answer_id(tmp_path: Path) -> None:
    room = Room(tmp_path, QUERIES[:1])
    ids = []
    for _ in range(3):
        assert room.desk.step().answered == 1
        ids += [a.answer_id for a in room.collector.answers()]
        room.collector.undo(ids[-1], "oracle")
    assert ids == ["oracle:0-1", "oracle:0-1:1", "oracle:0-1:2"]


class Silent:
    """A teacher that has no answers."""

    name = "silent"
    remembers = False

    def answer(self, query: Query, pair: Segments) -> Answer | None:
        return None


@pytest.mark.parametrize("pace", [None, 60.0])
def test_teacher_without_answers_is_exhausted_and_holds_nothing_up(tmp_path: Path, pace: float | None) -> None:
    room = Room(tmp_path, QUERIES[:2])
    desk = TeacherDesk(Silent(), room.collector, room.store, answers_per_minute=pace, seed=1, clock=room.clock)
    assert not desk.step().exhausted or pace is None
    room.clock.now += 10.0
    report = desk.step()
    assert report.exhausted and report.answered == 0 and report.next_seconds > 0
    room.clock.now += 60.0
    assert room.desk.step().answered == 2


def test_instant_oracle_makes_at_least_200_answers_a_second(tmp_path: Path) -> None:
    room = Room(tmp_path, QUERIES)
    begin = time.perf_counter()
    while room.desk.step().answered:
        pass
    assert len(QUERIES) / (time.perf_counter() - begin) > 200


def test_answer_of_another_teacher_in_the_meantime_stands(tmp_path: Path) -> None:
    room = Room(tmp_path, QUERIES[:1], pace=60.0)
    room.desk.step()
    other: Collector = room.collector
    answer = SyntheticTeacher(OneTeacherPart(), seed=0).answer(QUERIES[0], room.store.fetch([0, 1]))
    assert answer is not None
    other.answer(dataclasses.replace(answer, answer_id="ann", teacher="ann"))
    room.clock.now += 1.0
    report = room.desk.step()
    assert (report.answered, report.exhausted) == (0, False)
    assert [a.answer_id for a in other.answers()] == ["ann"]


def test_a_batch_may_be_of_one(tmp_path: Path) -> None:
    room = Room(tmp_path, QUERIES[:2])
    desk = TeacherDesk(
        SyntheticTeacher(OneTeacherPart(), seed=0),
        room.collector,
        room.store,
        answers_per_minute=None,
        seed=1,
        batch_answers=1,
    )
    assert [(r.answered, r.next_seconds > 0) for r in (desk.step(), desk.step(), desk.step())] == [
        (1, False),
        (1, False),
        (0, True),
    ]


def test_instant_teachers_share_what_is_open(tmp_path: Path) -> None:
    room = Room(tmp_path, QUERIES[:10])
    desks = [
        TeacherDesk(
            SyntheticTeacher(OneTeacherPart(name=name), seed=0),
            room.collector,
            room.store,
            answers_per_minute=None,
            seed=1,
            colleagues=1,
        )
        for name in ("ann", "bob")
    ]
    assert [desk.step().answered for desk in desks] == [5, 3]
    assert [desk.step().answered for desk in desks] == [1, 1]
    assert room.collector.counts().by_teacher == {"ann": 6, "bob": 4}


@pytest.mark.parametrize("pace", [None, 60.0])
def test_what_was_leased_by_a_call_whose_answer_was_lost_is_answered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pace: float | None
) -> None:
    """Ray makes such a call again."""
    room = Room(tmp_path, QUERIES[:3], pace=pace)
    lease = room.collector.lease

    def leased_again(*args: Any, **kwargs: Any) -> list[Query]:
        lease(*args, **kwargs)
        return lease(*args, **kwargs)

    monkeypatch.setattr(room.collector, "lease", leased_again)
    for _ in range(4):
        room.desk.step()
        room.clock.now += 1.0
    assert room.collector.counts().labels == 3
