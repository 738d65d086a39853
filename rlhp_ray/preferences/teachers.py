"""Teachers that are programs: from the config to the teacher; the replay of a recorded run; the user's own function.

They stand between the desk, which hands them a query with its clips, and the collector. The query's first segment
stands left. The oracle has a file of its own, synthetic.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from rlhp_ray.config.teacher import OneTeacherPart
from rlhp_ray.errors import OwnCodeError
from rlhp_ray.interfaces import Teacher
from rlhp_ray.own_code import OwnFunction
from rlhp_ray.preferences.answering import program_answer
from rlhp_ray.preferences.recording import Recording, clip_digest
from rlhp_ray.preferences.synthetic import SyntheticTeacher
from rlhp_ray.types import Answer, Choice, Query, Segments


class RecordedTeacher:
    """Says again what was said of the same two clips in an earlier run; never looks at the true reward."""

    remembers = False

    def __init__(self, recording: Recording, *, name: str = "recorded", clock: Callable[[], float] = time.time) -> None:
        self.name = name
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
        return program_answer(self.name, query, choice, self._clock(), seconds=said.seconds)


class OwnTeacher:
    """A user's function `prefer(left, right)` of two clips, each Segments with S = 1, that returns a Choice."""

    remembers = False

    def __init__(self, part: OneTeacherPart, *, clock: Callable[[], float] = time.time) -> None:
        """OwnCodeError where there is no such function."""
        self.name = part.signature
        self._prefer = OwnFunction(part.kind, "def prefer(left, right):")
        self._clock = clock

    def answer(self, query: Query, pair: Segments) -> Answer | None:
        """What the function says; OwnCodeError where it fails or says something else."""
        begun = time.perf_counter()
        said = self._prefer(pair.take([0]), pair.take([1]))
        try:
            choice = Choice(said)
        except ValueError:
            raise OwnCodeError(
                f"{self._prefer.name} returned {said!r}; it must return {', '.join(map(repr, map(str, Choice)))}, "
                "or the Choice of rlhp_ray.types of that name."
            ) from None
        return program_answer(self.name, query, choice, self._clock(), seconds=time.perf_counter() - begun)


def make_teacher(part: OneTeacherPart, seed: int) -> Teacher:
    """The teacher of the config."""
    if part.kind == "recorded":
        return RecordedTeacher(recording_of(part), name=part.signature)
    if part.kind == "oracle":
        return SyntheticTeacher(part, seed=seed)
    return OwnTeacher(part)


def recording_of(part: OneTeacherPart) -> Recording:
    """The recording that the config names."""
    assert part.path is not None  # the schema's rule
    return Recording(part.path)
