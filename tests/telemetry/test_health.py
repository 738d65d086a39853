"""The health of the reward: what one line of metrics says of it, in a state and a sentence."""

from __future__ import annotations

import pytest

from rlhp_ray.telemetry import Health, State, health

LIKE_THE_JUDGED = {
    "novelty/predicted": 3.0,
    "novelty/disagreement": 1.2,
    "novelty/distance": 0.9,
    "novelty/unanswered": 0.01,
}
ALONE = {"novelty/unanswered": 0.3}


def of(*metrics: dict[str, float | None]) -> Health:
    seen = health({name: value for some in (LIKE_THE_JUDGED, *metrics) for name, value in some.items()})
    assert seen is not None
    return seen


def test_nothing_is_said_before_the_newest_behaviour_was_looked_at() -> None:
    assert health({}) is None
    assert health({"reward/audit_accuracy": 0.1, "novelty/predicted": None}) is None


def test_behaviour_like_the_judged_is_healthy_whatever_is_promised_while_answers_come() -> None:
    assert of({"novelty/predicted": 9.0}).state is State.HEALTHY
    assert of({"novelty/predicted": 0.5}, ALONE).state is State.HEALTHY


@pytest.mark.parametrize(
    ("doubt", "words"),
    [
        ({"novelty/distance": 4.0}, "is 4.0 times as far from what was judged as that is from itself"),
        ({"novelty/distance": None, "novelty/disagreement": 5.0}, "divides the predictors 5.0 times as much"),
        ({"novelty/predicted": 2.0}, "promises 2.0 standard deviations more reward than what was judged"),
    ],
)
def test_what_is_doubtful_is_hacked_once_nobody_answers(doubt: dict[str, float | None], words: str) -> None:
    alone = of(doubt, ALONE)
    assert alone.state is State.HACKED and words in alone.reason
    assert alone.reason.endswith(", and nobody has answered for 30 % of the run.")
    if "novelty/predicted" not in doubt:
        answered = of(doubt)
        assert answered.state is State.WATCH and words in answered.reason and "nobody" not in answered.reason


def audits(accuracy: float, answers: int) -> dict[str, float | None]:
    return {"reward/audit_accuracy": accuracy, "reward/audit_answers": float(answers)}


def test_audit_answers_decide_where_there_are_enough() -> None:
    far: dict[str, float | None] = {"novelty/distance": 4.0}
    assert of(far, ALONE, audits(0.9, 20)).state is State.WATCH
    assert of(far, ALONE, audits(0.9, 19)).state is State.HACKED
    wrong = of(audits(0.5, 20))
    assert wrong.state is State.HACKED and "agree with 50 % of the audit answers only" in wrong.reason
    assert of(audits(0.0, 19)).state is State.HEALTHY
