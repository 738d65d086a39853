"""What holds the agent back."""

from __future__ import annotations

import pytest
from trainer_reports import trainer_report

from rlhp_ray.config.schema import BudgetPart
from rlhp_ray.experiment.conductor import Standing
from rlhp_ray.experiment.pace import may_step
from rlhp_ray.preferences import AnswerCounts

BUDGET = BudgetPart(env_steps=1000, labels=10, max_env_steps_per_label=100)


@pytest.mark.parametrize(
    ("env_steps", "left", "covered", "open_queries", "nothing_to_ask_at", "goes_on"),
    [
        (150, 2, 2, 5, -1, True),  # within its pace
        (200, 2, 2, 5, 200, False),  # something is open
        (200, 2, 2, 0, 200, True),  # nobody has anything to ask
        (200, 2, 2, 0, 150, False),  # nobody has looked since
        (200, 10, 10, 0, -1, True),  # all labels are there
        (200, 10, 2, 0, 200, False),  # all are there, and the trainer has not learned from them yet
        (150, 10, 2, 5, 200, True),  # but from enough
        (1000, 2, 2, 0, 1000, False),  # all env steps are taken
    ],
)
def test_it_waits_for_answers_and_for_who_asks_and_who_learns_from_them(
    env_steps: int, left: int, covered: int, open_queries: int, nothing_to_ask_at: int, goes_on: bool
) -> None:
    counts = AnswerCounts(
        asked=left + open_queries, open=open_queries, leased=0, left=left, right=0, equal=0, cant_tell=0, undone=0
    )
    standing = Standing(counts=counts, trainer=trainer_report(covered), nothing_to_ask_at=nothing_to_ask_at)
    assert may_step(BUDGET, standing, env_steps) == goes_on
    standing.trainer = trainer_report(covered, env_steps_behind=101.0)
    assert not may_step(BUDGET, standing, env_steps)
