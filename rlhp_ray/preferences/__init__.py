"""Preferences: the answer log, the collector, teachers, and answers made ready for the loss."""

from rlhp_ray.preferences.agreement import Agreement
from rlhp_ray.preferences.answer_log import AnswerLog
from rlhp_ray.preferences.collector import AnswerCounts, Collector, PreferenceChanges
from rlhp_ray.preferences.desk import TeacherDesk, TeacherReport
from rlhp_ray.preferences.export import ExportedAnswer, export_answers, read_exported_answers
from rlhp_ray.preferences.preference import Audits, to_preference
from rlhp_ray.preferences.recording import Recording
from rlhp_ray.preferences.synthetic import SyntheticTeacher
from rlhp_ray.preferences.teachers import OwnTeacher, RecordedTeacher, make_teacher, recording_of

__all__ = [
    "Agreement",
    "AnswerCounts",
    "AnswerLog",
    "Audits",
    "Collector",
    "ExportedAnswer",
    "OwnTeacher",
    "PreferenceChanges",
    "RecordedTeacher",
    "Recording",
    "SyntheticTeacher",
    "TeacherDesk",
    "TeacherReport",
    "export_answers",
    "make_teacher",
    "read_exported_answers",
    "recording_of",
    "to_preference",
]
