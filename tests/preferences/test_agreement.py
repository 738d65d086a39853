"""Agreement: by hand on small tables, and what a random teacher looks like among good ones."""

from __future__ import annotations

import numpy as np
import pytest
from preference_data import make_answer, make_query

from rlhp_ray.preferences.agreement import agreement, cohens_kappa, fleiss_kappa
from rlhp_ray.types import Answer, Choice, Query


def test_cohens_kappa_is_cohens() -> None:
    # 20 and 15 of 50 agreed, marginals 25/25 and 30/20: (0.7 - 0.5) / 0.5
    pairs = [(0, 0)] * 20 + [(0, 1)] * 5 + [(1, 0)] * 10 + [(1, 1)] * 15
    assert cohens_kappa(pairs) == pytest.approx(0.4)
    assert cohens_kappa([]) is None and cohens_kappa([(0, 0)] * 3) is None


def test_fleiss_kappa_is_fleiss() -> None:
    # The paper's kind of table, by hand: agreed (1, 1/3, 1/3), chance (5/9)^2 + (4/9)^2
    counts = np.array([[3, 0, 0, 0], [1, 2, 0, 0], [1, 2, 0, 0]])
    by_chance = (5 / 9) ** 2 + (4 / 9) ** 2
    assert fleiss_kappa(counts) == pytest.approx((5 / 9 - by_chance) / (1 - by_chance))
    assert fleiss_kappa(np.zeros((0, 4), dtype=np.int64)) is None


def turned(query: Query, choice: Choice, who: str, answer_id: str) -> Answer:
    """An answer with the query's second clip on the left."""
    given = make_answer(query, choice, who=who, answer_id=answer_id)
    return Answer(
        **{field: getattr(given, field) for field in given.__slots__} | {"left": given.right, "right": given.left}
    )


def test_sides_are_no_matter_and_repeats_are_a_teacher_s_own() -> None:
    query, lone = make_query(0, 1), make_query(2, 3)
    answers = [
        make_answer(query, Choice.LEFT, who="ann", answer_id="1"),
        turned(query, Choice.RIGHT, "bob", "2"),  # the same clip
        make_answer(query, Choice.EQUAL, who="ann", answer_id="3"),  # a repeat, answered otherwise
        make_answer(lone, Choice.RIGHT, who="ann", answer_id="4"),
    ]
    found = agreement(answers, {q.query_id: q for q in (query, lone)})
    ann, bob = found.teachers
    assert (found.shared, ann.shared, bob.shared) == (1, 1, 1)
    assert ann.agreement == bob.agreement == 1.0
    assert (ann.repeated, ann.consistency, bob.repeated, bob.consistency) == (1, 0.0, 0, None)
    assert (ann.answers, ann.left_share, bob.left_share) == (3, 0.5, 0.0)


def test_a_random_teacher_stands_out_among_good_ones() -> None:
    """Three agree 9 times of 10, one answers by chance: 100 queries each answered by all four, one seed."""
    rng = np.random.default_rng(0)
    queries = [make_query(2 * i, 2 * i + 1) for i in range(100)]
    answers = []
    for query in queries:
        true = rng.random() < 0.5
        for who in ("ann", "bob", "cleo", "rand"):
            said = rng.random() < 0.5 if who == "rand" else true if rng.random() < 0.95 else not true
            answers.append(
                make_answer(query, Choice.LEFT if said else Choice.RIGHT, who=who, answer_id=f"{who}{query.query_id}")
            )
    found = agreement(answers, {query.query_id: query for query in queries})
    kappas = {figures.teacher: figures.kappa or 0.0 for figures in found.teachers}
    assert kappas["rand"] < 0.25 < 0.4 < min(kappas[who] for who in ("ann", "bob", "cleo"))
    assert 0.2 < (found.fleiss_kappa or 0.0) < 0.7
    told = found.summary()
    assert told["people/count"] == 4.0 and told["people/fleiss_kappa"] == found.fleiss_kappa
    assert told["people/least_kappa"] == min(kappas.values()) and told["people/self_consistency"] is None
    assert told["people/side_bias"] == max(abs((one.left_share or 0.0) - 0.5) for one in found.teachers)
    assert set(agreement([], {}).summary().values()) == {None, 0.0}
