"""Teachers that are programs: the oracle, and the replay of a recorded run.

They stand between the desk, which hands them a query with its clips, and the collector (Christiano et al. 2017,
section 3.1: the synthetic oracle whose preferences reflect the true reward). The query's first segment stands left.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from rlhp_ray.config.schema import TeacherPart
from rlhp_ray.errors import ConfigError
from rlhp_ray.interfaces import Teacher
from rlhp_ray.preferences.recording import Recording, clip_digest
from rlhp_ray.types import Answer, Choice, Query, Segments


def synthetic_answer_id(teacher: str, query_id: str, attempt: int) -> str:
    """The id of a program's answer: the same when it answers the same query for the same time again."""
    return f"{teacher}:{query_id}" if attempt == 0 else f"{teacher}:{query_id}:{attempt}"


class Oracle:
    """Prefers the clip with the higher true return; clips within the tolerance are equal."""

    name = "oracle"

    def __init__(self, *, tie_tolerance: float, clock: Callable[[], float] = time.time) -> None:
        self._tie_tolerance = tie_tolerance
        self._clock = clock

    def answer(self, query: Query, pair: Segments) -> Answer | None:
        """Compare the true returns over the clips; returns that aren't numbers can't be told apart."""
        left, right = (float(clip.sum(dtype=float)) for clip in pair.true_rewards)
        if left != left or right != right:
            choice = Choice.CANT_TELL
        elif abs(left - right) <= self._tie_tolerance:
            choice = Choice.EQUAL
        else:
            choice = Choice.LEFT if left > right else Choice.RIGHT
        return _answer(query, choice, self.name, self._clock(), seconds=0.0)


class RecordedTeacher:
    """Says again what was said of the same two clips in an earlier run; never looks at the true reward."""

    name = "recorded"

    def __init__(self, recording: Recording, *, clock: Callable[[], float] = time.time) -> None:
        self._said = {
            (recording.digest(recorded.answer.left), recording.digest(recorded.answer.right)): recorded.answer
            for recorded in recording.asked
        }
        self._clock = clock

    def answer(self, query: Query, pair: Segments) -> Answer | None:
        """The recorded choice, turned if the clips stand the other way round; None if they were never compared."""
        left, right = clip_digest(pair, 0), clip_digest(pair, 1)
        if (said := self._said.get((left, right))) is not None:
            choice = said.choice
        elif (said := self._said.get((right, left))) is not None:
            choice = {Choice.LEFT: Choice.RIGHT, Choice.RIGHT: Choice.LEFT}.get(said.choice, said.choice)
        else:
            return None
        return _answer(query, choice, self.name, self._clock(), seconds=said.seconds)


def make_teacher(part: TeacherPart) -> Teacher:
    """The teacher of the config."""
    if part.kind == "recorded":
        return RecordedTeacher(recording_of(part))
    return Oracle(tie_tolerance=part.tie_tolerance)


def recording_of(part: TeacherPart) -> Recording:
    """The recording that the config names; ConfigError without one."""
    if part.path is None:
        raise ConfigError("teacher.kind=recorded needs teacher.path, the folder that `rlhp-ray export` wrote")
    return Recording(part.path)


def _answer(query: Query, choice: Choice, teacher: str, now: float, *, seconds: float) -> Answer:
    return Answer(
        answer_id=synthetic_answer_id(teacher, query.query_id, 0),
        query_id=query.query_id,
        left=query.first,
        right=query.second,
        choice=choice,
        teacher=teacher,
        answered_at=now,
        seconds=seconds,
    )
