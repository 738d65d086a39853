"""The questioner: opens as many queries as the schedule wants, with the pairs that the selector chooses.

It stands between the segment store and the collector (Christiano et al. 2017, section 2.2.4). Segments are durable
before a query that names them is open.
"""

from __future__ import annotations

import dataclasses

from rlhp_ray.errors import PredictorUnavailableError, RlhpRayError
from rlhp_ray.interfaces import LabelSchedule, QuerySelector
from rlhp_ray.preferences import AnswerCounts, Collector
from rlhp_ray.queries.settled import SettledQueries
from rlhp_ray.segments import SegmentStore

MAX_QUERIES = 50  # opened in a step
QUERIES_PER_LABEL = 3  # asked at most, for a teacher that can't tell
SETTLED_INTERVAL_LABELS = 5  # between two looks at whether open queries still teach anything
MAX_REFUSALS = 10  # of the store in a row, before its reason is taken for a lasting one


@dataclasses.dataclass(frozen=True, slots=True)
class QuestionerReport:
    """What a step of the questioner did."""

    opened: int
    wanted: int  # labels, the open queries' included, that the schedule wants by now
    exhausted: bool  # nothing is open and nothing more will be asked
    predictor_unavailable: bool  # so that nothing was asked in this step


class Questioner:
    """Keeps the open queries at what the schedule wants, within the budget of labels."""

    def __init__(
        self,
        schedule: LabelSchedule,
        selector: QuerySelector,
        collector: Collector,
        store: SegmentStore,
        *,
        budget_labels: int,
        beside_held: bool = False,
        settled: SettledQueries | None = None,
    ) -> None:
        """`budget_labels`: of the whole run; at most three times as many queries are asked.

        `beside_held`: what somebody holds isn't counted among the open, so that there is always something for others.
        `settled`: finds open queries to withdraw, of which there are at most as many as labels in the budget.
        """
        self._schedule = schedule
        self._selector = selector
        self._collector = collector
        self._store = store
        self._budget_labels = budget_labels
        self._beside_held = beside_held
        self._settled = settled
        self._settled_at_labels = 0
        self._refusals = 0

    def __repr__(self) -> str:
        return f"Questioner({self._selector.name}, {type(self._schedule).__name__})"

    def step(self, env_steps: int, more_labels: int = 0) -> QuestionerReport:
        """Open what is missing after so many env steps, at most 50 queries; `more_labels`: than the schedule wants.

        Answers that can't tell leave their label to be asked for again, with another pair.
        """
        counts = self._without_settled(self._collector.counts())
        wanted = self._schedule.wanted(env_steps=env_steps, labels=counts.labels) + more_labels
        may_ask = QUERIES_PER_LABEL * self._budget_labels + counts.withdrawn - counts.asked
        held = counts.leased if self._beside_held else 0
        left = self._budget_labels - counts.labels - counts.open
        missing = min(wanted - counts.labels - counts.open + held, left, may_ask, MAX_QUERIES)
        opened, unavailable = 0, False
        if missing > 0:
            try:
                opened = self._open(missing, env_steps)
            except PredictorUnavailableError:
                unavailable = True
        nothing_more = counts.labels >= self._budget_labels or may_ask <= 0 or self._selector.exhausted
        return QuestionerReport(opened, wanted, nothing_more and counts.open + opened == 0, unavailable)

    def _without_settled(self, counts: AnswerCounts) -> AnswerCounts:
        """The counts once what teaches nothing any more is withdrawn."""
        if (
            self._settled is None
            or counts.labels < self._settled_at_labels + SETTLED_INTERVAL_LABELS
            or counts.withdrawn >= self._budget_labels
        ):
            return counts
        try:
            settled = self._settled.among(self._collector.unheld())
        except PredictorUnavailableError:
            return counts
        self._settled_at_labels = counts.labels
        if not settled:
            return counts
        self._collector.withdraw(settled)
        return self._collector.counts()

    def _open(self, count: int, env_steps: int) -> int:
        queries = self._selector.select(count, env_steps=env_steps)
        try:
            self._store.keep(sorted({i for query in queries for i in (query.first, query.second)}))
        except RlhpRayError:
            # The pool dropped one since it was sampled: other pairs are chosen in the next step.
            self._refusals += 1
            if self._refusals == MAX_REFUSALS:
                raise
            return 0
        self._refusals = 0
        return self._collector.ask(queries)
