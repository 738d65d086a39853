"""Queries: which pairs of segments to ask about, and when."""

from rlhp_ray.queries.questioner import Questioner, QuestionerReport
from rlhp_ray.queries.recorded import RecordedSelector
from rlhp_ray.queries.schedules import AnnealedSchedule, ConstantSchedule, first_labels, make_schedule
from rlhp_ray.queries.selectors import EnsembleSelector, RandomSelector, check_method, make_selector

__all__ = [
    "AnnealedSchedule",
    "ConstantSchedule",
    "EnsembleSelector",
    "Questioner",
    "QuestionerReport",
    "RandomSelector",
    "RecordedSelector",
    "check_method",
    "first_labels",
    "make_schedule",
    "make_selector",
]
