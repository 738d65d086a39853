"""The share of a run since its newest answer."""

from __future__ import annotations

from rlhp_ray.reward.answer_clock import AnswerClock


def test_it_is_the_share_of_all_env_steps_since_the_newest_answer() -> None:
    clock = AnswerClock()
    assert clock.unanswered == 0.0
    clock.answered()  # the first labels, before the agent begins
    clock.advance(1_000)
    assert clock.unanswered == 1.0
    clock.answered()
    clock.advance(4_000)
    assert clock.unanswered == 0.75


def test_a_restart_counts_from_where_it_goes_on() -> None:
    clock = AnswerClock()
    clock.advance(8_000)
    assert clock.unanswered == 0.0
    clock.advance(10_000)
    assert clock.unanswered == 0.2
