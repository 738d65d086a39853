"""The oracle's ways to err, one by one and mixed.

Every draw is fixed by its seed, so a test passes or fails for good. Were the seed free, each share that is tested to
`FIVE` standard deviations would fail once in 1.7 million times.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from preference_data import Clock, make_collector, make_query, make_segments, make_store

from rlhp_ray.config.teacher import OneTeacherPart
from rlhp_ray.preferences import SyntheticTeacher, TeacherDesk
from rlhp_ray.storage import RunFolder
from rlhp_ray.types import Array, Choice, Segments

FIVE = 5.0
QUERIES = 2000
LEFT, RIGHT, EQUAL, CANT_TELL = Choice.LEFT, Choice.RIGHT, Choice.EQUAL, Choice.CANT_TELL


def oracle(seed: int = 0, **errors: Any) -> SyntheticTeacher:
    return SyntheticTeacher(OneTeacherPart(**errors), seed=seed, clock=Clock(77.0))


def choose(teacher: SyntheticTeacher, left: float, right: float, first: int = 0, second: int = 1) -> Choice:
    """Between two clips of these true returns; the query is that of `first` and `second`."""
    answer = teacher.answer(make_query(first, second), make_segments([left, right]))
    assert answer is not None
    assert answer.answered_at == 77.0
    return answer.choice


def answers(teacher: SyntheticTeacher, returns: Array) -> list[Choice]:
    """To as many queries as there are rows of returns [Q, 2]."""
    return [choose(teacher, *pair, 2 * i, 2 * i + 1) for i, pair in enumerate(returns.tolist())]


def within(count: int, probability: float, total: int = QUERIES) -> bool:
    """Whether a count of `total` draws is within five standard deviations of what is expected."""
    return abs(count - total * probability) <= FIVE * math.sqrt(total * probability * (1 - probability))


def random_returns(seed: int = 1) -> Array:
    return np.random.default_rng(seed).normal(size=(QUERIES, 2))


def with_rewards(*clips: list[float]) -> Segments:
    segments = make_segments([0.0] * len(clips), steps=len(clips[0]))
    segments.true_rewards[:] = clips
    return segments


def test_without_errors_it_is_always_right() -> None:
    returns = random_returns()
    expected = [LEFT if left > right else RIGHT for left, right in returns]
    assert answers(oracle(), returns) == expected


def test_ties_include_the_tolerance() -> None:
    assert choose(oracle(tie_tolerance=0.5), 1.0, 1.5) is EQUAL
    assert choose(oracle(tie_tolerance=0.25), 1.0, 1.5) is RIGHT
    assert choose(oracle(), 1.5, 1.5) is EQUAL


def test_what_is_no_number_it_cant_tell() -> None:
    assert choose(oracle(equal_share=0.5, cant_tell_share=0.2), math.nan, 1.0) is CANT_TELL


def test_mistaken_confuses_left_and_right_so_often() -> None:
    returns = random_returns()
    said, right = answers(oracle(mistake_probability=0.1), returns), answers(oracle(), returns)
    assert within(sum(a != b for a, b in zip(said, right, strict=True)), 0.1)


@pytest.mark.parametrize(("rationality", "difference"), [(1.0, 0.0), (1.0, 1.0), (0.5, -3.0), (20.0, 0.1)])
def test_noisy_is_boltzmann_rational(rationality: float, difference: float) -> None:
    """With a tie too small to be equal at a difference of 0."""
    teacher = oracle(rationality=rationality)
    said = answers(teacher, np.tile([difference + 1e-6, 0.0], (QUERIES, 1)))
    assert set(said) == {LEFT, RIGHT}
    assert within(said.count(LEFT), 1 / (1 + math.exp(-rationality * difference)))


def test_noisy_is_never_wrong_about_what_is_far_apart() -> None:
    assert choose(oracle(rationality=1e300), 1e30, 0.0) is LEFT
    assert choose(oracle(rationality=1e300), 0.0, 1e30) is RIGHT


def test_myopic_weighs_the_end_of_the_clip() -> None:
    early, late = [2.0, 0.0, 0.0], [0.0, 0.0, 0.6]
    pair = with_rewards(early, late)
    for discount, choice in [(1.0, LEFT), (0.56, LEFT), (0.54, RIGHT)]:  # 2 * 0.55 ** 2 = 0.605
        answer = oracle(discount=discount).answer(make_query(0, 1), pair)
        assert answer is not None and answer.choice is choice


def test_skipping_cant_tell_where_neither_clip_is_any_good() -> None:
    teacher = oracle(cant_tell_below=-1.0)
    assert choose(teacher, -2.0, -3.0) is CANT_TELL
    assert choose(teacher, -1.0, -3.0) is LEFT
    assert choose(teacher, -5.0, 4.0) is RIGHT


@pytest.mark.parametrize("scale", [1e-6, 1.0, -1e6])
def test_shares_hold_at_any_scale(scale: float) -> None:
    returns = random_returns() * scale - 3 * abs(scale)
    said = answers(oracle(equal_share=0.15, cant_tell_share=0.05), returns)
    assert within(said.count(EQUAL), 0.15)
    assert within(said.count(CANT_TELL), 0.05)


def test_shares_hold_while_the_policy_gets_better() -> None:
    returns = random_returns() * np.geomspace(1.0, 10.0, QUERIES)[:, None] + np.linspace(0, 30, QUERIES)[:, None]
    said = answers(oracle(equal_share=0.1, cant_tell_share=0.1), returns)
    for half in (said[: QUERIES // 2], said[QUERIES // 2 :]):
        assert 0.5 < half.count(EQUAL) / (0.1 * QUERIES / 2) < 1.5
        assert 0.2 < half.count(CANT_TELL) / (0.1 * QUERIES / 2) < 1.5


def test_shares_hold_where_all_clips_are_worth_the_same() -> None:
    """A difference of nothing is a tie, so only the share that can't be told is left to be seen."""
    said = answers(oracle(cant_tell_share=0.2), np.zeros((QUERIES, 2)))
    assert within(said.count(CANT_TELL), 0.2)
    assert said.count(CANT_TELL) + said.count(EQUAL) == QUERIES


def test_shares_take_the_closest_pairs_and_the_worst() -> None:
    returns = random_returns()
    said = answers(oracle(equal_share=0.1, cant_tell_share=0.1), returns)
    differences, better = np.abs(returns[:, 0] - returns[:, 1]), returns.max(axis=1)
    late = range(100, QUERIES)
    assert max(differences[i] for i in late if said[i] is EQUAL) < np.quantile(differences, 0.3)
    assert max(better[i] for i in late if said[i] is CANT_TELL) < np.quantile(better, 0.3)


MIXED = dict(
    mistake_probability=0.2, rationality=2.0, discount=0.9, equal_share=0.1, cant_tell_share=0.1, cant_tell_below=-1.0
)


def test_mixed_has_each_kind_of_answer_and_errs_more_than_by_mistakes_alone() -> None:
    returns = random_returns()
    said = answers(oracle(**MIXED), returns)
    told = [(one, LEFT if left > right else RIGHT) for one, (left, right) in zip(said, returns, strict=True)]
    told = [(one, right) for one, right in told if one in (LEFT, RIGHT)]
    assert {*said} == {LEFT, RIGHT, EQUAL, CANT_TELL}
    assert not within(sum(one != right for one, right in told), 0.2, len(told))
    assert all(one is CANT_TELL for one, pair in zip(said, returns, strict=True) if pair.max() < -1.0)


def test_mixed_goes_by_the_order_of_the_source() -> None:
    """Can't tell before equal, equal before a mistake, and a mistake turns what the myopic one prefers."""
    assert choose(oracle(cant_tell_below=0.0, tie_tolerance=9.0, mistake_probability=1.0), -1.0, -2.0) is CANT_TELL
    assert choose(oracle(tie_tolerance=9.0, mistake_probability=1.0), 1.0, 2.0) is EQUAL
    assert choose(oracle(mistake_probability=1.0), 1.0, 2.0) is LEFT
    myopic = oracle(discount=0.1, mistake_probability=1.0)
    answer = myopic.answer(make_query(0, 1), with_rewards([2.0, 0.0], [0.0, 1.0]))
    assert answer is not None and answer.choice is LEFT


def test_draws_belong_to_seed_name_and_query() -> None:
    """In another order, by a teacher made anew and from the other side a query gets the same answer."""
    errors = dict(mistake_probability=0.3, rationality=1.0)
    returns = random_returns()[:300]
    said = answers(oracle(**errors), returns)
    anew = oracle(**errors)
    turned = {LEFT: RIGHT, RIGHT: LEFT}
    for i in reversed(range(300)):
        left, right = returns[i]
        assert choose(anew, left, right, 2 * i, 2 * i + 1) is said[i]
        assert choose(anew, right, left, 2 * i + 1, 2 * i) is turned[said[i]]
    assert answers(oracle(seed=1, **errors), returns) != said
    assert answers(oracle(name="other", **errors), returns) != said


def test_a_teacher_of_shares_goes_on_after_a_restart_as_if_it_had_never_left(tmp_path: Path) -> None:
    returns = random_returns()[:150].ravel().tolist()
    queries = [make_query(2 * i, 2 * i + 1) for i in range(150)]

    def run(name: str, restart_after: int | None) -> list[Choice]:
        folder = RunFolder(str(tmp_path / name))
        store, collector = make_store(folder, make_segments(returns)), make_collector(folder)

        def desk() -> TeacherDesk:
            return TeacherDesk(oracle(**MIXED), collector, store, answers_per_minute=None, seed=3)

        desk_now = desk()
        for i, query in enumerate(queries):
            if i == restart_after:
                desk_now = desk()
            collector.ask([query])
            assert desk_now.step().answered == 1
        again = collector.answers()[40]
        collector.undo(again.answer_id, again.teacher)
        desk().step()
        said = {answer.query_id: answer.choice for answer in collector.answers()}
        assert said[again.query_id] is again.choice
        return [said[query.query_id] for query in queries]

    assert run("whole", None) == run("restarted", 120)
