"""The questioner: what the schedule wants is open, durable first, within the budget, and nothing stops it."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from query_data import RowPredictor, Run

from rlhp_ray.config.schema import BudgetPart, QueriesPart
from rlhp_ray.config.teacher import TeacherPart
from rlhp_ray.errors import PredictorUnavailableError, RlhpRayError
from rlhp_ray.interfaces import RewardPredictor
from rlhp_ray.preferences import Collector
from rlhp_ray.queries import Questioner, make_schedule, make_selector
from rlhp_ray.queries.settled import SettledQueries
from rlhp_ray.segments import LocalTables, SegmentShards, SegmentStore
from rlhp_ray.types import Answer, Array, Choice, MemberReturns, Query

END = 1000
PREDICTOR = RowPredictor(np.random.default_rng(2).normal(size=(3, 2000)))


def questioner(
    run: Run,
    labels: int,
    *,
    paced: bool = False,
    predictor: RewardPredictor = PREDICTOR,
    method: str = "disagreement",
    beside_held: bool = False,
    withdraws: bool = False,
) -> Questioner:
    part = QueriesPart.model_validate({"method": method})
    selector = make_selector(part, TeacherPart(), run.store, run.collector, predictor, 0)
    schedule = make_schedule(part, BudgetPart(labels=labels, env_steps=END), paced=paced)
    settled = SettledQueries(run.store, predictor) if withdraws else None
    return Questioner(
        schedule,
        selector,
        run.collector,
        run.store,
        budget_labels=labels,
        beside_held=beside_held,
        settled=settled,
    )


def test_first_labels_then_all_by_the_end(tmp_path: Path) -> None:
    run = Run(tmp_path, 200)
    asking = questioner(run, 40)
    report = asking.step(0)
    assert (report.opened, report.wanted, report.exhausted) == (10, 10, False)
    assert asking.step(0).opened == 0
    opened = []
    for t in range(0, END + 1, 100):
        run.answer_open()
        opened.append(asking.step(t).opened)
    run.answer_open()
    assert max(opened) <= 4
    assert run.collector.counts().labels == run.collector.counts().asked == 40
    assert asking.step(END).exhausted


def test_more_labels_than_the_schedule_wants_are_asked_at_once_within_the_budget(tmp_path: Path) -> None:
    run = Run(tmp_path, 200)
    asking = questioner(run, 40)
    assert asking.step(0).opened == 10
    run.answer_open()
    assert sum(asking.step(0, 15).opened for _ in range(5)) == 15
    run.answer_open()
    assert sum(asking.step(0, 1_000).opened for _ in range(5)) == 15
    run.answer_open()
    assert run.collector.counts().labels == 40 and asking.step(END, 1_000).exhausted


def test_step_is_bounded(tmp_path: Path) -> None:
    asking = questioner(Run(tmp_path, 2000), 400, method="random")
    assert [asking.step(0).opened for _ in range(3)] == [50, 50, 0]


def test_paced_teacher_finds_a_few_open_and_no_more_than_the_budget(tmp_path: Path) -> None:
    run = Run(tmp_path, 200)
    asking = questioner(run, 40, paced=True)
    for _ in range(40):
        asking.step(END)
        assert run.collector.counts().open == min(10, 40 - run.collector.counts().labels)
        run.answer_open(count=1)
    assert asking.step(END).exhausted
    assert run.collector.counts().asked == 40


def test_what_people_hold_leaves_as_much_for_others(tmp_path: Path) -> None:
    run = Run(tmp_path, 200)
    asking = questioner(run, 30, paced=True, beside_held=True)
    asking.step(END)
    run.collector.lease("ann", 4)
    assert asking.step(END).opened == 4 and asking.step(END).opened == 0
    run.collector.lease("bob", 10)
    assert asking.step(END).opened == 10 and run.collector.counts().open == 24
    run.collector.lease("cleo", 10)
    for _ in range(9):
        asking.step(END)
    assert run.collector.counts().open == 30  # no more than the budget


def test_label_that_could_not_be_told_is_asked_for_again(tmp_path: Path) -> None:
    run = Run(tmp_path, 200)
    asking = questioner(run, 8)
    asking.step(END)
    run.answer_open(Choice.CANT_TELL, count=3)
    run.answer_open()
    assert run.collector.counts().labels == 5
    assert asking.step(END).opened == 3
    run.answer_open()
    assert asking.step(END).exhausted


def test_teacher_who_never_can_tell_is_asked_three_times_the_budget(tmp_path: Path) -> None:
    run = Run(tmp_path, 200)
    asking = questioner(run, 8)
    for _ in range(10):
        report = asking.step(END)
        run.answer_open(Choice.CANT_TELL)
    assert run.collector.counts().asked == 24
    assert report.exhausted


def test_undone_answer_does_not_cost_a_label(tmp_path: Path) -> None:
    run = Run(tmp_path, 200)
    asking = questioner(run, 8)
    asking.step(END)
    run.answer_open()
    run.collector.undo(run.collector.answers()[0].answer_id, "ann")
    report = asking.step(END)
    assert (report.opened, report.exhausted) == (0, False)  # its query is open again


def test_no_pair_twice_though_there_are_few(tmp_path: Path) -> None:
    run = Run(tmp_path, 4)
    asking = questioner(run, 40, method="random")
    for _ in range(60):
        asking.step(END)
    counts = run.collector.counts()
    assert counts.asked == counts.open == 6


def test_no_labels_no_questions(tmp_path: Path) -> None:
    report = questioner(Run(tmp_path, 20), 0).step(0)
    assert (report.opened, report.exhausted) == (0, True)


def test_segments_are_durable_before_their_query_is_open(tmp_path: Path) -> None:
    run = Run(tmp_path, 200)

    class Checking(Collector):
        def ask(self, queries: Sequence[Query]) -> int:
            shards = SegmentShards(run.folder)
            assert queries
            assert all(q.first in shards and q.second in shards for q in queries)
            return super().ask(queries)

    run.collector = Checking(run.folder, lease_seconds=60.0, seed=0)
    assert questioner(run, 40).step(0).opened == 10


class Unavailable(RowPredictor):
    """A predictor that is away until a test says otherwise."""

    away = True

    def member_returns(self, observations: Array, actions: Array) -> MemberReturns:
        if self.away:
            raise PredictorUnavailableError("no prediction within 30 s")
        return super().member_returns(observations, actions)


def test_predictor_that_is_away_is_said_and_asked_again(tmp_path: Path) -> None:
    predictor = Unavailable(PREDICTOR.returns)
    asking = questioner(Run(tmp_path, 200), 40, predictor=predictor)
    report = asking.step(0)
    assert (report.opened, report.predictor_unavailable, report.exhausted) == (0, True, False)
    predictor.away = False
    report = asking.step(0)
    assert (report.opened, report.predictor_unavailable) == (10, False)


class Crowded(RowPredictor):
    """While it predicts, so much new behaviour comes in that the pool drops what was sampled."""

    run: Run
    times = 1

    def member_returns(self, observations: Array, actions: Array) -> MemberReturns:
        if self.times:
            self.times -= 1
            self.run.offer(60)
        return super().member_returns(observations, actions)


def test_segment_dropped_before_it_is_kept_costs_one_step(tmp_path: Path) -> None:
    predictor = Crowded(PREDICTOR.returns)
    predictor.run = run = Run(tmp_path, 60, pool_segments=60)
    asking = questioner(run, 40, predictor=predictor)
    assert asking.step(0).opened == 0
    assert asking.step(0).opened == 10


def test_store_that_refuses_for_good_is_no_accident(tmp_path: Path) -> None:
    predictor = Crowded(PREDICTOR.returns)
    predictor.run, predictor.times = Run(tmp_path, 60, pool_segments=60), 1000
    asking = questioner(predictor.run, 40, predictor=predictor)
    for _ in range(9):
        assert asking.step(0).opened == 0
    with pytest.raises(RlhpRayError, match="no longer a candidate"):
        asking.step(0)


def test_restart_asks_nothing_twice(tmp_path: Path) -> None:
    run = Run(tmp_path, 200)
    questioner(run, 40).step(0)
    run.answer_open(count=4)
    run.collector = run.new_collector()
    run.store = SegmentStore(run.folder, run.part, 0, LocalTables())
    asking = questioner(run, 40)
    assert asking.step(0).opened == 0
    run.offer(200)
    asking.step(END)
    assert run.collector.counts().asked == 40


def test_what_all_members_are_sure_of_by_now_is_asked_no_more_and_something_else_is(tmp_path: Path) -> None:
    run = Run(tmp_path, 200)
    predictor = RowPredictor(np.zeros((3, 200)))
    asking = questioner(run, 40, paced=True, predictor=predictor, beside_held=True, withdraws=True)
    asking.step(END)
    first = run.collector.unheld()
    assert len(first) == 10
    (held,) = run.collector.lease("ann", 1)
    known, doubted, opposed = first[1:4]
    predictor.returns[:, known.first] = 4.0  # each member: the first, by 98 %
    predictor.returns[:, doubted.second] = [4.0, 4.0, 1.0]  # one isn't sure
    predictor.returns[:, opposed.first] = [4.0, 4.0, -4.0]  # sure, but not of the same
    predictor.returns[:, held.first] = 4.0
    asking.step(END)
    assert run.collector.counts().withdrawn == 0  # nothing was learned since
    run.collector.answer_all([left(query) for query in first[5:]])
    asking.step(END)
    counts = run.collector.counts()
    unheld = run.collector.unheld()
    assert counts.withdrawn == 1 and known not in unheld and doubted in unheld and opposed in unheld
    assert counts.open == 11
    # What was on its way to a person's eyes counts nevertheless, and an undone answer is asked anew.
    assert run.collector.answer(left(known)) and run.collector.counts().labels == 6
    assert run.collector.undo(left(known).answer_id, "ann") and known in run.collector.unheld()
    restarted = run.new_collector()
    assert restarted.counts() == dataclasses.replace(run.collector.counts(), leased=0)


def test_withdrawing_comes_to_an_end(tmp_path: Path) -> None:
    run = Run(tmp_path, 400)
    predictor = RowPredictor(np.arange(400.0)[None] * np.full((3, 1), 10.0))  # sure of everything
    asking = questioner(run, 20, paced=True, predictor=predictor, beside_held=True, withdraws=True)
    for _ in range(100):
        if asking.step(END).exhausted:
            break
        run.answer_open(count=2)
    counts = run.collector.counts()
    assert counts.labels == 20 and 10 <= counts.withdrawn < 20 + 10


def left(query: Query) -> Answer:
    return Answer(f"a:{query.query_id}", query.query_id, query.first, query.second, Choice.LEFT, "ann", 0.0, 0.0)
