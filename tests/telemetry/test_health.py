"""The health of the reward: what one line of metrics says of it, in a state and a sentence."""

from __future__ import annotations

import pytest

from rlhp_ray.telemetry import State, health

LIKE_THE_JUDGED = {"novelty/predicted": 3.0, "novelty/disagreement": 1.2, "novelty/distance": 0.9}


def test_nothing_is_said_before_the_newest_behaviour_was_looked_at() -> None:
    assert health({}) is None
    assert health({"reward/audit_accuracy": 0.1, "novelty/predicted": None}) is None


def test_behaviour_like_the_judged_is_healthy_whatever_is_promised() -> None:
    seen = health(LIKE_THE_JUDGED | {"novelty/predicted": 9.0})
    assert seen is not None and seen.state is State.HEALTHY


def test_a_few_audit_answers_are_no_reason_to_doubt() -> None:
    seen = health(LIKE_THE_JUDGED | {"reward/audit_accuracy": 0.0, "reward/audit_answers": 19.0})
    assert seen is not None and seen.state is State.HEALTHY


@pytest.mark.parametrize(
    ("doubt", "words"),
    [
        ({"novelty/distance": 4.0}, "is 4.0 times as far from what was judged as that is from itself"),
        ({"novelty/distance": None, "novelty/disagreement": 5.0}, "divides the predictors 5.0 times as much"),
        ({"reward/audit_accuracy": 0.5, "reward/audit_answers": 20.0}, "agree with 50 % of the audit answers only"),
    ],
)
def test_what_is_doubtful_is_to_be_watched_and_hacked_where_much_is_promised(
    doubt: dict[str, float | None], words: str
) -> None:
    little = health(LIKE_THE_JUDGED | doubt | {"novelty/predicted": 0.0})
    much = health(LIKE_THE_JUDGED | doubt)
    assert little is not None and little.state is State.WATCH and words in little.reason
    assert much is not None and much.state is State.HACKED and words in much.reason
    assert "promises 3.0 standard deviations more reward" in much.reason and "promises" not in little.reason
