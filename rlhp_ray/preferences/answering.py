"""How the answer of a teacher that is a program is made up; its query's first segment stands left."""

from __future__ import annotations

from rlhp_ray.types import Answer, Choice, Query


def program_answer_id(teacher: str, query_id: str, attempt: int) -> str:
    """The id of a program's answer: the same when it answers the same query for the same time again."""
    return f"{teacher}:{query_id}" if attempt == 0 else f"{teacher}:{query_id}:{attempt}"


def program_answer(teacher: str, query: Query, choice: Choice, now: float, *, seconds: float) -> Answer:
    """The answer to a query that is asked for the first time."""
    return Answer(
        answer_id=program_answer_id(teacher, query.query_id, 0),
        query_id=query.query_id,
        left=query.first,
        right=query.second,
        choice=choice,
        teacher=teacher,
        answered_at=now,
        seconds=seconds,
    )
