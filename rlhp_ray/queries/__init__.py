"""Queries: which pairs of segments to ask about, and when."""

from rlhp_ray.queries.questioner import Questioner, QuestionerReport
from rlhp_ray.queries.recorded import RecordedSelector
from rlhp_ray.queries.schedules import AnnealedSchedule, ConstantSchedule, first_labels, make_schedule
from rlhp_ray.queries.selectors import DisagreementSelector, RandomSelector, make_selector

__all__ = [
    "AnnealedSchedule",
    "ConstantSchedule",
    "DisagreementSelector",
    "Questioner",
    "QuestionerReport",
    "RandomSelector",
    "RecordedSelector",
    "first_labels",
    "make_schedule",
    "make_selector",
]
