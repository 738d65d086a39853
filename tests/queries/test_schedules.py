"""The schedules: one suite over all of them, then what each has of its own."""

from __future__ import annotations

import math

import pytest

from rlhp_ray.config.schema import BudgetPart, QueriesPart
from rlhp_ray.interfaces import LabelSchedule
from rlhp_ray.queries import first_labels, make_schedule

BUDGET = BudgetPart(labels=700, env_steps=1_000_000)
TIMES = range(0, 1_200_000, 10_000)


def schedule(kind: str, *, paced: bool = False, clock: str = "auto", budget: BudgetPart = BUDGET) -> LabelSchedule:
    part = QueriesPart.model_validate({"schedule": kind, "clock": clock})
    return make_schedule(part, budget, paced=paced)


@pytest.mark.parametrize("kind", ["annealed", "constant"])
class TestEverySchedule:
    def test_env_steps_run_from_the_first_labels_to_the_budget(self, kind: str) -> None:
        wanted = [schedule(kind).wanted(env_steps=t, labels=0) for t in TIMES]
        assert wanted[0] == 175 == first_labels(QueriesPart(), BUDGET)
        assert wanted == sorted(wanted)
        assert schedule(kind).wanted(env_steps=999_000, labels=0) < 700
        assert {w for t, w in zip(TIMES, wanted, strict=True) if t >= 1_000_000} == {700}

    def test_answers_keep_a_few_open_and_never_exceed_the_budget(self, kind: str) -> None:
        paced = schedule(kind, paced=True)
        assert paced.wanted(env_steps=0, labels=0) == 10
        assert paced.wanted(env_steps=0, labels=100) == 110
        for t in TIMES:
            assert paced.wanted(env_steps=t, labels=695) <= 700
        assert paced.wanted(env_steps=1_000_000, labels=695) == 700

    def test_clock_of_the_config_overrules_the_teacher(self, kind: str) -> None:
        assert schedule(kind, clock="answers").wanted(env_steps=0, labels=0) == 10
        assert schedule(kind, clock="env_steps", paced=True).wanted(env_steps=0, labels=0) == 175

    def test_labels_may_stop_early(self, kind: str) -> None:
        part = QueriesPart.model_validate({"schedule": kind, "until_env_steps": 200_000})
        by_env_steps = make_schedule(part, BUDGET, paced=False)
        assert by_env_steps.wanted(env_steps=199_000, labels=0) < 700
        assert {by_env_steps.wanted(env_steps=t, labels=0) for t in (200_000, 300_000, 1_000_000)} == {700}
        by_answers = make_schedule(part, BUDGET, paced=True)
        assert by_answers.wanted(env_steps=199_000, labels=100) == 110
        assert by_answers.wanted(env_steps=200_000, labels=100) == 100  # nothing more is asked

    def test_no_labels(self, kind: str) -> None:
        for paced in (False, True):
            none = schedule(kind, paced=paced, budget=BudgetPart(labels=0, env_steps=1000))
            assert {none.wanted(env_steps=t, labels=0) for t in (0, 500, 1000)} == {0}


@pytest.mark.parametrize(("labels", "fraction", "expected"), [(700, 0.25, 175), (1, 0.25, 1), (9, 0.0, 1), (0, 0.5, 0)])
def test_first_labels_are_at_least_one_of_a_budget(labels: int, fraction: float, expected: int) -> None:
    assert first_labels(QueriesPart(initial_fraction=fraction), BudgetPart(labels=labels)) == expected


def test_annealed_rate_falls_as_the_paper_has_it() -> None:
    budget = BudgetPart(labels=1_000_000, env_steps=10_000_000)  # many labels, so that rounding doesn't show
    annealed = schedule("annealed", budget=budget)

    def rate(t: int) -> float:
        return annealed.wanted(env_steps=t + 50_000, labels=0) - annealed.wanted(env_steps=t - 50_000, labels=0)

    for t in (1_000_000, 2_000_000, 6_000_000):
        assert rate(t) / rate(500_000) == pytest.approx((2e6 + 500_000) / (2e6 + t), rel=0.01)
    middle = 250_000 + 750_000 * math.log(1 + 4e6 / 2e6) / math.log(1 + 10e6 / 2e6)
    assert annealed.wanted(env_steps=4_000_000, labels=0) == int(middle)


def test_constant_rate_is_constant() -> None:
    wanted = [schedule("constant").wanted(env_steps=t, labels=0) for t in (0, 250_000, 500_000, 750_000)]
    assert wanted == [175, 306, 437, 568]


def test_fast_teacher_spends_the_budget_on_the_early_policy_only_where_it_is_constant() -> None:
    assert schedule("constant", paced=True).wanted(env_steps=10_000, labels=500) == 510
    curve = schedule("annealed").wanted(env_steps=10_000, labels=0)
    assert schedule("annealed", paced=True).wanted(env_steps=10_000, labels=500) == curve + 10
