"""What holds the agent back, so that it isn't far ahead of what it was taught (`budget.max_env_steps_per_label`)."""

from __future__ import annotations

from rlhp_ray.config.schema import BudgetPart
from rlhp_ray.experiment.conductor import Standing


def may_step(budget: BudgetPart, standing: Standing, env_steps: int) -> bool:
    """Whether the agent has env steps left and isn't held back.

    It is while the reward trainer, which may be slow or away, is behind with its training, or hasn't learned from an
    answer that is there; else until an open query is answered; and where none is open, until the questioner, which may
    be away too, has looked at these env steps and found nothing to ask.
    """
    if env_steps >= budget.env_steps:
        return False
    limit = budget.max_env_steps_per_label
    if limit is None:
        return True
    covered, behind = 0, 0.0
    if standing.trainer is not None:
        covered, behind = standing.trainer.labels_covered, standing.trainer.env_steps_behind
    if behind > limit:
        return False
    if env_steps < limit * covered:
        return True
    if covered < standing.counts.labels:
        return False
    if labels_spent(budget, standing):
        return True
    return not standing.counts.open and standing.nothing_to_ask_at >= env_steps


def labels_spent(budget: BudgetPart, standing: Standing) -> bool:
    """Whether no label will come any more."""
    return standing.counts.labels >= budget.labels or standing.no_more_labels


def why_held(budget: BudgetPart, env_steps: int) -> str:
    """A sentence for people."""
    if env_steps >= budget.env_steps:
        return "The agent has taken all of its env steps; the run waits for the last answers."
    return (
        "The agent waits for answers, or for its reward predictor to learn from them: it takes "
        f"{budget.max_env_steps_per_label:,g} env steps for each label at most (budget.max_env_steps_per_label)."
    )
