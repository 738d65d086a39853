"""The person's desk: pairs, sides, answers, and why there is nothing to do."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1] / "preferences"))

from preference_data import Clock, make_collector, make_query

from rlhp_ray.errors import RlhpRayError
from rlhp_ray.labeling.access import Person, Role
from rlhp_ray.labeling.person_desk import Pair, PersonDesk
from rlhp_ray.preferences import Collector
from rlhp_ray.storage import RunFolder
from rlhp_ray.types import Choice

ANN, BOB = Person("ann", Role.ANNOTATOR), Person("bob", Role.ANNOTATOR)
Q = [make_query(2 * i, 2 * i + 1) for i in range(40)]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def collector(tmp_path: Path, clock: Clock) -> Collector:
    return make_collector(RunFolder(str(tmp_path)), clock)


@pytest.fixture
def desk(collector: Collector, clock: Clock) -> PersonDesk:
    return PersonDesk(collector, budget_labels=3, seed=0, clock=clock)


def test_a_person_holds_four_pairs_that_nobody_else_is_given(desk: PersonDesk, collector: Collector) -> None:
    collector.ask(Q[:6])
    ann = desk.hand(ANN, []).pairs
    assert [pair.query_id for pair in ann] == [query.query_id for query in Q[:4]]
    assert [pair.query_id for pair in desk.hand(BOB, []).pairs] == [query.query_id for query in Q[4:6]]
    assert desk.hand(ANN, [pair.query_id for pair in ann]).pairs == ()
    desk.answer(ANN, "1", ann[0], Choice.LEFT, 2.0)
    assert desk.leave(ANN, [ann[1].query_id]) == 1
    assert [pair.query_id for pair in desk.hand(BOB, [q.query_id for q in Q[4:6]]).pairs] == [Q[1].query_id]


def test_a_page_that_lives_keeps_its_pairs_and_one_that_is_gone_loses_them(
    desk: PersonDesk, collector: Collector, clock: Clock
) -> None:
    collector.ask(Q[:1])
    held = [pair.query_id for pair in desk.hand(ANN, []).pairs]
    for _ in range(5):
        clock.now += 50  # of a lease of 60
        assert desk.hand(ANN, held).reason == ""
    assert desk.hand(BOB, []).reason == "held" and desk.hand(BOB, []).until == clock.now + 60
    assert desk.hand(BOB, []).held == 1
    clock.now += 61
    assert [pair.query_id for pair in desk.hand(BOB, []).pairs] == held
    lost = desk.hand(ANN, held)
    assert (lost.kept, lost.reason) == ((), "held")


def test_after_a_reload_the_page_goes_on_with_its_pairs(desk: PersonDesk, collector: Collector) -> None:
    collector.ask(Q[:4])
    held = [pair.query_id for pair in desk.hand(ANN, []).pairs]
    desk.leave(ANN, held)
    assert desk.hand(ANN, held).kept == tuple(held)
    assert desk.hand(BOB, []).pairs == ()


def test_a_page_gets_what_it_lost_sight_of_and_another_page_of_the_same_person_does_not(
    desk: PersonDesk, collector: Collector
) -> None:
    collector.ask(Q[:6])
    first = desk.hand(ANN, [], page="one").pairs
    assert desk.hand(ANN, [], page="one").pairs == first  # the reply was lost
    other = desk.hand(ANN, [], page="two").pairs
    assert len(other) == 2 and not {pair.query_id for pair in first} & {pair.query_id for pair in other}
    on_its_way = first[0].query_id  # answered, but the answer comes after this
    handed = desk.hand(ANN, [pair.query_id for pair in first], page="one")
    assert on_its_way in handed.kept and handed.pairs == ()
    collector.exclude("ann", True, by="cleo")
    assert collector.counts().leased == 0


def test_sides_are_chance_but_the_same_for_a_person_and_query(desk: PersonDesk, collector: Collector) -> None:
    collector.ask(Q)
    shown = []
    while pairs := desk.hand(ANN, [], page=str(len(shown))).pairs:
        shown += pairs
    assert 8 < sum(pair.left % 2 for pair in shown) < 32  # of 40 fair draws off once in 10,000 seeds; this is one
    again = [pair for page in range(0, 40, 4) for pair in desk.hand(ANN, [], page=str(page)).pairs]
    assert again == shown


def test_an_answer_is_taken_once_with_its_side_and_its_seconds(desk: PersonDesk, collector: Collector) -> None:
    collector.ask(Q[:2])
    pair, other = desk.hand(ANN, []).pairs
    assert desk.answer(ANN, "1", pair, Choice.RIGHT, 1.5)
    assert not desk.answer(ANN, "1", pair, Choice.RIGHT, 1.5)  # sent twice
    with pytest.raises(RlhpRayError, match="answered already"):
        desk.answer(ANN, "2", pair, Choice.LEFT, 1.5)  # from another tab
    assert desk.answer(BOB, "1", other, Choice.LEFT, 1.0)  # the same id of another person
    (answer, _) = collector.answers()
    assert (answer.left, answer.right, answer.choice, answer.seconds) == (pair.left, pair.right, Choice.RIGHT, 1.5)


def test_undo_gives_the_pair_back_to_the_same_person(desk: PersonDesk, collector: Collector) -> None:
    collector.ask(Q[:1])
    (pair,) = desk.hand(ANN, []).pairs
    desk.answer(ANN, "1", pair, Choice.RIGHT, 1.5)
    assert desk.undo(ANN, "1") and not desk.undo(ANN, "1")
    assert desk.hand(BOB, []).reason == "held"
    assert desk.answer(ANN, "2", pair, Choice.LEFT, 1.5)
    with pytest.raises(RlhpRayError):
        desk.undo(BOB, "2")


def test_why_there_is_nothing(desk: PersonDesk, collector: Collector) -> None:
    assert desk.hand(ANN, []).reason == "collecting"
    collector.ask(Q[:3])
    for number, pair in enumerate(desk.hand(ANN, []).pairs):
        desk.answer(ANN, str(number), pair, Choice.LEFT, 1.0)
    assert desk.hand(ANN, []).reason == "budget"
    collector.exclude("ann", True, by="cleo")
    assert desk.hand(ANN, []).reason == "excluded"
    with pytest.raises(RlhpRayError, match="excluded"):
        desk.answer(ANN, "9", Pair(Q[0].query_id, 0, 1), Choice.LEFT, 1.0)
