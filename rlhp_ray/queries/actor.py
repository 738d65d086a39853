"""The questioner as a Ray actor. It has no state of its own: what was asked is in the collector."""

from __future__ import annotations

from typing import Any

import ray
from ray.actor import ActorHandle

from rlhp_ray.actors import RESTARTING, Watched, proxy
from rlhp_ray.config.schema import BudgetPart, QueriesPart
from rlhp_ray.config.teacher import TeacherPart
from rlhp_ray.interfaces import RewardPredictor
from rlhp_ray.preferences import Collector
from rlhp_ray.queries.questioner import Questioner, QuestionerReport
from rlhp_ray.queries.schedules import make_schedule
from rlhp_ray.queries.selectors import make_selector
from rlhp_ray.queries.settled import SettledQueries
from rlhp_ray.segments import SegmentStore


@ray.remote(**RESTARTING)
class QuestionerActor(Watched):
    """Opens as many queries as the schedule wants. Ray shell around the questioner of the config."""

    def __init__(
        self,
        part: QueriesPart,
        budget: BudgetPart,
        teacher: TeacherPart,
        seed: int,
        collector: ActorHandle[Any],
        store: ActorHandle[Any],
        predictor: RewardPredictor,
    ) -> None:
        answers, segments = proxy(collector, Collector), proxy(store, SegmentStore)
        people = teacher.kind == "human"
        self._questioner = Questioner(
            make_schedule(part, budget, paced=all(one.takes_time for one in teacher.teachers())),
            make_selector(part, teacher, segments, answers, predictor, seed),
            answers,
            segments,
            budget_labels=budget.labels,
            beside_held=people,
            settled=SettledQueries(segments, predictor) if people else None,
        )

    def __repr__(self) -> str:
        return repr(self._questioner)

    def step(self, env_steps: int, more_labels: int = 0) -> QuestionerReport:
        return self._questioner.step(env_steps, more_labels)
