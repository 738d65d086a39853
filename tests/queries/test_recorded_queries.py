"""A recorded run, asked and answered again in another one."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
from query_data import Run, make_segments
from query_export import RECORDED, make_export

from rlhp_ray.preferences import RecordedTeacher, Recording, TeacherDesk
from rlhp_ray.queries import Questioner, RecordedSelector
from rlhp_ray.queries.schedules import ConstantSchedule
from rlhp_ray.types import Choice


def questioner(run: Run, export: Path) -> Questioner:
    selector = RecordedSelector(Recording(export), run.store, run.collector)
    schedule = ConstantSchedule(labels=10, env_steps=1000, first_labels=2)
    return Questioner(schedule, selector, run.collector, run.store, budget_labels=10)


def rows(run: Run, segment_ids: list[int]) -> list[int]:
    """The rows that the recorded run's segments had."""
    return [int(row) for row in run.store.fetch(segment_ids).observations[:, 0, 0]]


def test_queries_come_in_their_order_with_new_ids(tmp_path: Path) -> None:
    run = Run(tmp_path / "run", 20)  # so that ids differ from the recorded ones
    selector = RecordedSelector(Recording(make_export(tmp_path)), run.store, run.collector)
    queries = selector.select(4, env_steps=0)
    assert min(i for q in queries for i in (q.first, q.second)) >= 20
    assert [rows(run, [q.first, q.second]) for q in queries] == [[q.first, q.second] for q, _ in RECORDED]
    assert queries[0].second == queries[1].first  # a segment of two queries is brought in once
    assert queries[0].first == queries[3].second


def test_segment_of_two_choices_is_brought_in_once(tmp_path: Path) -> None:
    run = Run(tmp_path / "run", 0)
    selector = RecordedSelector(Recording(make_export(tmp_path)), run.store, run.collector)
    for _ in RECORDED:
        assert run.collector.ask(selector.select(1, env_steps=0)) == 1
    assert run.store.stats().kept == 6


def test_recorded_answers_come_back_after_a_restart_in_the_middle(tmp_path: Path) -> None:
    export = make_export(tmp_path)
    run = Run(tmp_path / "run", 20)
    first = questioner(run, export).step(0)
    assert (first.opened, first.exhausted) == (2, False)
    run.collector = run.new_collector()
    again = questioner(run, export)
    assert again.step(0).opened == 0
    last = again.step(1000)
    assert (last.opened, last.exhausted) == (2, False)
    desk = TeacherDesk(RecordedTeacher(Recording(export)), run.collector, run.store, answers_per_minute=None, seed=4)
    assert desk.step().answered == 4
    assert again.step(1000).exhausted
    assert not desk.step().exhausted
    answers = run.collector.answers()
    assert len(answers) == 4
    for answer, (query, choice) in zip(answers, RECORDED, strict=True):
        left, right = rows(run, [answer.left, answer.right])
        turned = {Choice.LEFT: Choice.RIGHT, Choice.RIGHT: Choice.LEFT}.get(choice, choice)
        assert (left, right, answer.choice) in [
            (query.first, query.second, choice),
            (query.second, query.first, turned),
        ]


def test_true_reward_may_be_no_number(tmp_path: Path) -> None:
    run = Run(tmp_path / "run", 0)
    selector = RecordedSelector(Recording(make_export(tmp_path)), run.store, run.collector)
    (query,) = selector.select(1, env_steps=0)
    pair = run.store.fetch([query.first, query.second])
    hidden = dataclasses.replace(pair, true_rewards=np.full_like(pair.true_rewards, np.nan))
    answer = RecordedTeacher(Recording(tmp_path / "export")).answer(query, hidden)
    assert answer is not None
    assert answer.choice is Choice.LEFT


def test_other_clips_of_the_run_do_not_answer(tmp_path: Path) -> None:
    run = Run(tmp_path / "run", 0)
    run.store.offer(make_segments(11))
    selector = RecordedSelector(Recording(make_export(tmp_path)), run.store, run.collector)
    (query,) = selector.select(1, env_steps=0)
    teacher = RecordedTeacher(Recording(tmp_path / "export"))
    assert teacher.answer(query, run.store.fetch([0, 1])) is None
