"""How many labels should have been asked for by now (Christiano et al. 2017, section 3.1 and appendix A.1).

A schedule stands at the head of the queries: the first labels are asked of the untrained policy, the rest are spread so
that exactly the budget has been asked when the run's env steps are spent, at a rate proportional to c/(T+c) (annealed)
or at a constant one.

That is the clock `env_steps`. Where the clock is `answers`, since a teacher takes time, queries follow the answers
instead: a few are kept open ahead of the teacher. Then `constant` asks for as much as the teacher will answer, and
`annealed` in addition rests when labels are as far ahead of its curve as queries are kept open, so that a fast teacher
doesn't spend the budget on the early policy.

Where labels are to stop early (`queries.until_env_steps`), the budget has been asked by then, and nothing after it.
"""

from __future__ import annotations

import math

from rlhp_ray.config.schema import BudgetPart, QueriesPart
from rlhp_ray.interfaces import LabelSchedule


class ConstantSchedule:
    """The same number of labels for every env step; with `open_queries`, as fast as the teacher answers."""

    def __init__(self, *, labels: int, env_steps: int, first_labels: int, open_queries: int | None = None) -> None:
        """Budget of labels, asked in so many env steps; `open_queries` makes answers the clock."""
        self._labels = labels
        self._env_steps = env_steps
        self._first_labels = first_labels
        self._open_queries = open_queries

    def wanted(self, *, env_steps: int, labels: int) -> int:
        """Labels, the open queries' included, that should have been asked by now."""
        if self._open_queries is not None:
            return min(self._labels, labels + self._open_queries)
        share = min(1.0, env_steps / self._env_steps)
        return self._first_labels + math.floor(share * (self._labels - self._first_labels))


class AnnealedSchedule:
    """Labels for an env step in proportion to c/(T+c) after T env steps; with `open_queries`, as fast as answered."""

    def __init__(
        self,
        *,
        labels: int,
        env_steps: int,
        first_labels: int,
        annealing_env_steps: float,
        open_queries: int | None = None,
    ) -> None:
        """Budget of labels, asked in so many env steps, c; `open_queries` adds answers to the clock."""
        self._labels = labels
        self._env_steps = env_steps
        self._first_labels = first_labels
        self._annealing_env_steps = annealing_env_steps
        self._open_queries = open_queries

    def wanted(self, *, env_steps: int, labels: int) -> int:
        """Labels, the open queries' included, that should have been asked by now."""
        # The integral of c/(T+c), as share of that over all env steps.
        c, end = self._annealing_env_steps, self._env_steps
        share = math.log1p(min(env_steps, end) / c) / math.log1p(end / c)
        asked = self._first_labels + math.floor(share * (self._labels - self._first_labels))
        if self._open_queries is None:
            return asked
        return min(self._labels, asked + self._open_queries, labels + self._open_queries)


class _Until:
    """A schedule that follows answers, and asks nothing after so many env steps."""

    def __init__(self, schedule: LabelSchedule, env_steps: int) -> None:
        self._schedule, self._env_steps = schedule, env_steps

    def wanted(self, *, env_steps: int, labels: int) -> int:
        """The schedule's, as long as it lasts."""
        return self._schedule.wanted(env_steps=env_steps, labels=labels) if env_steps < self._env_steps else labels


def first_labels(queries: QueriesPart, budget: BudgetPart) -> int:
    """Labels to ask of the untrained policy, before RL begins: at least one of a budget, for the first predictor."""
    return min(budget.labels, max(1, round(queries.initial_fraction * budget.labels)))


def make_schedule(queries: QueriesPart, budget: BudgetPart, *, paced: bool) -> LabelSchedule:
    """The schedule of the config; `paced`: the teacher takes time for an answer."""
    answers = queries.clock == "answers" or (queries.clock == "auto" and paced)
    open_queries = queries.open_queries if answers else None
    first = first_labels(queries, budget)
    env_steps = min(budget.env_steps, queries.until_env_steps or budget.env_steps)
    schedule: LabelSchedule
    if queries.schedule == "constant":
        schedule = ConstantSchedule(
            labels=budget.labels, env_steps=env_steps, first_labels=first, open_queries=open_queries
        )
    else:
        schedule = AnnealedSchedule(
            labels=budget.labels,
            env_steps=env_steps,
            first_labels=first,
            annealing_env_steps=queries.annealing_env_steps,
            open_queries=open_queries,
        )
    return _Until(schedule, env_steps) if answers and env_steps < budget.env_steps else schedule
