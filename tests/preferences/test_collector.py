"""The collector: a query is asked once, an answer counts once, leases expire, a restart changes nothing."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from preference_data import Clock, make_answer, make_collector, make_query

from rlhp_ray.errors import RlhpRayError
from rlhp_ray.preferences.answer_log import read_records
from rlhp_ray.preferences.checks import Checks
from rlhp_ray.storage import RunFolder
from rlhp_ray.types import Answer, Choice

Q = [make_query(2 * i, 2 * i + 1) for i in range(6)]


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    return RunFolder(str(tmp_path))


def test_pair_is_asked_once_however_turned(folder: RunFolder) -> None:
    collector = make_collector(folder)
    turned = dataclasses.replace(Q[0], first=Q[0].second, second=Q[0].first)
    assert collector.ask([Q[0], turned, Q[1]]) == 2
    assert collector.ask([turned, Q[2]]) == 1
    collector.answer(make_answer(Q[0]))
    assert make_collector(folder).ask(Q[:3]) == 0
    assert collector.counts().asked == 3


def test_segment_is_not_compared_with_itself(folder: RunFolder) -> None:
    with pytest.raises(RlhpRayError, match="can't be compared with itself"):
        make_collector(folder).ask([make_query(3, 3)])


def test_lease_gives_oldest_first_and_each_once(folder: RunFolder) -> None:
    collector = make_collector(folder)
    collector.ask(Q)
    assert collector.lease("ann", 2) == Q[:2]
    assert collector.lease("bob", 2) == Q[2:4]
    bobs = [query.query_id for query in Q[2:4]]
    assert collector.lease("bob", 9, having=bobs) == Q[4:]
    assert collector.lease("bob", 9, having=[query.query_id for query in Q]) == []
    assert collector.counts().leased == 6
    assert collector.lease("bob", 9) == Q[2:]  # what it knows nothing of


def test_lease_expires_by_the_clock(folder: RunFolder) -> None:
    clock = Clock()
    collector = make_collector(folder, clock, lease_seconds=60.0)
    collector.ask(Q[:1])
    assert collector.lease("ann", 1) == Q[:1]
    clock.now += 59.9
    assert collector.lease("bob", 1) == []
    clock.now += 0.2
    assert collector.counts().leased == 0
    assert collector.lease("bob", 1) == Q[:1]


def test_release_gives_back_only_ones_own(folder: RunFolder) -> None:
    collector = make_collector(folder)
    collector.ask(Q[:2])
    collector.lease("ann", 1)
    collector.lease("bob", 1)
    assert collector.release("ann") == 1
    assert collector.lease("cay", 2) == Q[:1]


def test_answer_counts_once(folder: RunFolder) -> None:
    collector = make_collector(folder)
    collector.ask(Q[:2])
    assert collector.answer(make_answer(Q[0])) is True
    assert collector.answer(make_answer(Q[0])) is False
    assert make_collector(folder).answer(make_answer(Q[0])) is False
    assert collector.counts().labels == 1
    assert collector.lease("ann", 9) == [Q[1]]


def test_answer_that_does_not_fit_is_refused(folder: RunFolder) -> None:
    collector = make_collector(folder)
    collector.ask(Q[:1])
    with pytest.raises(RlhpRayError, match="no query '2-3'"):
        collector.answer(make_answer(Q[1]))
    with pytest.raises(RlhpRayError, match="compares segments 0 and 7"):
        collector.answer(dataclasses.replace(make_answer(Q[0]), right=7))
    collector.answer(make_answer(Q[0]))
    with pytest.raises(RlhpRayError, match="answered already"):
        collector.answer(make_answer(Q[0], answer_id="other"))
    assert [a.answer_id for a in make_collector(folder).answers()] == ["a:0-1"]


def test_answers_are_durable_before_they_are_acknowledged(folder: RunFolder) -> None:
    collector = make_collector(folder)
    collector.ask(Q)
    for query in Q:
        collector.answer(make_answer(query))
        assert [r for r in read_records(folder) if isinstance(r, Answer)] == collector.answers()


def test_several_answers_at_once(folder: RunFolder) -> None:
    collector = make_collector(folder)
    collector.ask(Q[:3])
    collector.answer(make_answer(Q[0]))
    files = len(folder.list("answers"))
    batch = [
        make_answer(Q[0]),  # known by its id
        make_answer(Q[0], answer_id="x"),  # its query has an answer
        make_answer(Q[1]),
        make_answer(Q[1], answer_id="y"),  # its query has one from this batch
        make_answer(Q[2], answer_id="a:2-3"),  # an id of this batch
        make_answer(Q[2]),
    ]
    assert collector.answer_all(batch) == [False, False, True, False, False, True]
    assert len(folder.list("answers")) == files + 1
    with pytest.raises(RlhpRayError):
        collector.answer_all([make_answer(Q[4])])
    assert [a.answer_id for a in make_collector(folder).answers()] == ["a:0-1", "a:2-3", "a:4-5"]


def test_undo_opens_the_query_again_at_its_place(folder: RunFolder) -> None:
    collector = make_collector(folder)
    collector.ask(Q[:3])
    collector.answer(make_answer(Q[0]))
    assert collector.undo("a:0-1", "ann") is True
    assert collector.undo("a:0-1", "ann") is False
    assert collector.lease("bob", 3) == Q[:3]
    assert collector.answer(make_answer(Q[0])) is False  # a late repetition of what was taken back
    assert collector.answer(make_answer(Q[0], Choice.RIGHT, answer_id="again")) is True
    for one in (collector, make_collector(folder)):
        assert [a.answer_id for a in one.answers()] == ["again"]
        assert (one.counts().left, one.counts().right, one.counts().undone) == (0, 1, 1)
        assert one.attempts(["0-1", "2-3"]) == [2, 0]


def test_undo_is_refused_for_what_is_not_ones_own(folder: RunFolder) -> None:
    collector = make_collector(folder)
    collector.ask(Q[:1])
    collector.answer(make_answer(Q[0]))
    with pytest.raises(RlhpRayError, match="no answer 'nope'"):
        collector.undo("nope", "ann")
    with pytest.raises(RlhpRayError, match="is ann's"):
        collector.undo("a:0-1", "bob")


def test_preferences_since_a_position(folder: RunFolder) -> None:
    collector = make_collector(folder)
    collector.ask(Q[:5])
    collector.answer_all([make_answer(Q[0]), make_answer(Q[1], Choice.EQUAL), make_answer(Q[2], Choice.CANT_TELL)])
    first = collector.preferences(0)
    assert [(p.preference_id, p.target) for p in first.added] == [("a:0-1", 1.0), ("a:2-3", 0.5)]
    assert first.removed == []
    collector.answer(make_answer(Q[3], Choice.RIGHT))
    collector.undo("a:6-7", "ann")  # added and removed since: no change
    collector.undo("a:0-1", "ann")
    collector.undo("a:4-5", "ann")  # can't tell: was never added
    collector.answer(make_answer(Q[4], Choice.RIGHT))
    second = collector.preferences(first.position)
    assert [(p.preference_id, p.target) for p in second.added] == [("a:8-9", 0.0)]
    assert second.removed == ["a:0-1"]
    whole = make_collector(folder).preferences(0)
    assert [p.preference_id for p in whole.added] == ["a:2-3", "a:8-9"]
    assert (whole.removed, whole.position) == ([], second.position + 1)  # opening the log is a record too
    assert collector.preferences(second.position).added == []


def test_counts(folder: RunFolder) -> None:
    collector = make_collector(folder)
    collector.ask(Q)
    choices = [Choice.LEFT, Choice.RIGHT, Choice.EQUAL, Choice.CANT_TELL]
    collector.answer_all([make_answer(q, c) for q, c in zip(Q, choices, strict=False)])
    counts = collector.counts()
    assert (counts.asked, counts.open, counts.labels, counts.cant_tell) == (6, 2, 3, 1)
    assert make_collector(folder).counts() == counts


def test_answers_are_counted_by_teacher_and_known_by_teacher(folder: RunFolder) -> None:
    collector = make_collector(folder)
    queries = [make_query(i, i + 1) for i in range(4)]
    collector.ask(queries)
    for query, who in zip(queries, ("ann", "bob", "ann", "bob"), strict=True):
        collector.answer(make_answer(query, who=who))
    for query in (queries[1], queries[3]):
        collector.undo(f"a:{query.query_id}", "bob")
    for one in (collector, make_collector(folder)):
        assert one.counts().by_teacher == {"ann": 2}
        assert one.answered("bob") == [queries[1], queries[3]]


def test_a_drawn_query_goes_to_a_second_teacher_whose_answer_is_a_label_too(folder: RunFolder) -> None:
    collector = make_collector(folder, checks=Checks(second_share=1.0))
    collector.ask(Q[:1])
    assert collector.lease("ann", 5) == Q[:1]
    collector.answer(make_answer(Q[0], who="ann"))
    assert collector.lease("ann", 5) == []  # not to the same
    assert collector.lease("bob", 5) == Q[:1]
    assert collector.lease("cleo", 5) == []  # bob holds it
    collector.answer(make_answer(Q[0], Choice.RIGHT, who="bob", answer_id="b"))
    assert collector.lease("cleo", 5) == []  # two are enough
    assert [p.target for p in collector.preferences(0).added] == [1.0, 0.0]
    assert collector.counts().labels == 2


def test_a_drawn_query_comes_back_to_its_teacher_and_is_no_label_then(folder: RunFolder) -> None:
    collector = make_collector(folder, checks=Checks(repeat_share=1.0, repeat_after=2))
    collector.ask(Q[:3])
    for query in Q[:3]:
        collector.answer(make_answer(query, who="ann"))
    assert collector.lease("ann", 5) == Q[:1]  # two answers came after it
    collector.answer(make_answer(Q[0], Choice.RIGHT, who="ann", answer_id="again"))
    assert collector.counts().labels == 3 and len(collector.answers()) == 4
    with pytest.raises(RlhpRayError, match="answered already"):
        collector.answer(make_answer(Q[0], who="ann", answer_id="a third time"))
    collector.undo(f"a:{Q[0].query_id}", "ann")  # the repeat stands in for it
    assert [p.preference_id for p in collector.preferences(0).added][-1] == "again"
    again = make_collector(folder, checks=Checks(repeat_share=1.0))
    assert again.preferences(0).added == collector.preferences(0).added


def test_without_checks_nothing_is_asked_twice(folder: RunFolder) -> None:
    collector = make_collector(folder)
    collector.ask(Q)
    for query in Q:
        collector.answer(make_answer(query, who="ann"))
    assert collector.lease("ann", 9) == collector.lease("bob", 9) == []


def test_an_answer_that_came_too_late_is_a_second_opinion(folder: RunFolder) -> None:
    clock = Clock()
    collector = make_collector(folder, clock, lease_seconds=60.0)
    collector.ask(Q[:1])
    collector.lease("ann", 1)
    clock.now += 61
    collector.lease("bob", 1)
    assert collector.answer(make_answer(Q[0], who="bob", answer_id="b"))
    assert collector.answer(make_answer(Q[0], who="ann", answer_id="a"))
    assert collector.counts().labels == 2


def test_what_a_page_holds_is_its_own_until_it_expires(folder: RunFolder) -> None:
    clock = Clock()
    collector = make_collector(folder, clock, lease_seconds=60.0)
    collector.ask(Q[:3])
    assert collector.hold("ann", "ann/1", [], 1) == ([], Q[:1])
    clock.now += 50
    assert collector.hold("ann", "ann/1", [Q[0].query_id, "no query"], 1) == ([Q[0].query_id], [])
    assert collector.hold("bob", "bob/1", [Q[0].query_id], 1) == ([], Q[1:2])
    clock.now += 50
    assert collector.hold("ann", "ann/1", [], 2) == ([], [Q[0], Q[2]])  # the first it has lost sight of
    assert collector.held_until() == [1110.0, 1160.0, 1160.0]
    assert collector.release("ann/1", ["nothing"]) == 0 and collector.release("ann/1", [Q[0].query_id]) == 1


def test_what_is_set_aside_is_nobody_s_for_as_long_as_a_lease_and_then_asked_again(folder: RunFolder) -> None:
    clock = Clock()
    collector = make_collector(folder, clock, lease_seconds=60.0)
    collector.ask(Q[:2])
    collector.hold("ann", "ann/1", [], 1)
    collector.set_aside("bob/1", Q[0].query_id)  # it isn't bob's
    assert collector.hold("ann", "ann/1", [], 1) == ([], Q[:1])
    collector.set_aside("ann/1", Q[0].query_id)
    assert collector.hold("ann", "ann/1", [Q[0].query_id], 2) == ([], Q[1:2])
    assert collector.hold("bob", "bob/1", [], 2) == ([], []) and collector.counts().leased == 2
    clock.now += 61
    assert collector.hold("bob", "bob/1", [], 2) == ([], Q[:2])


def test_who_is_excluded_trains_nothing_until_taken_in_again(folder: RunFolder) -> None:
    collector = make_collector(folder)
    collector.ask(Q[:3])
    collector.answer(make_answer(Q[0], who="ann"))
    collector.answer(make_answer(Q[1], who="rand"))
    collector.answer(make_answer(Q[2], Choice.CANT_TELL, who="rand"))
    before = collector.preferences(0)
    assert collector.exclude("rand", True, by="cleo") and not collector.exclude("rand", True, by="cleo")
    changes = collector.preferences(before.position)
    assert (changes.added, changes.removed) == ([], [f"a:{Q[1].query_id}"])
    assert collector.counts().labels == 1 and collector.counts().open == 2
    assert collector.lease("rand", 9) == [] and collector.lease("ann", 9) == Q[1:3]
    with pytest.raises(RlhpRayError, match="excluded"):
        collector.answer(make_answer(Q[1], who="rand", answer_id="more"))
    again = make_collector(folder)
    assert again.excluded() == ["rand"] and again.preferences(0).added == collector.preferences(0).added
    assert again.exclude("rand", False, by="cleo")
    assert [p.preference_id for p in again.preferences(changes.position).added] == [f"a:{Q[1].query_id}"]
    assert len(again.answers()) == 3  # all the while


def test_a_clock_that_is_set_back_makes_no_lease_of_hours(folder: RunFolder) -> None:
    clock = Clock(10_000.0)
    collector = make_collector(folder, clock)
    collector.ask(Q[:1])
    (held,) = collector.lease("a", 1)
    assert collector.lease("b", 1) == []
    clock.now -= 3600.0
    assert collector.held_until() == [] and collector.lease("b", 1) == [held]
    assert len(collector.held_until()) == 1
