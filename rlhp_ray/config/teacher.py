"""The teachers' part of the configuration."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from rlhp_ray.config.part import (
    Fraction,
    NonNegativeFloat,
    OneOfOrOwn,
    Part,
    PositiveFloat,
    Share,
)


class OneTeacherPart(Part):
    """Who compares the clips, and how well. The oracle's ways to err are B-Pref's (docs/recipe.md, the teachers)."""

    kind: Annotated[str, OneOfOrOwn(("oracle", "human", "recorded"))] = Field(
        "oracle",
        description="`oracle`: the true reward over the clip. `human`: people, on the labelling page. `recorded`: the "
        "answers of an earlier run's export. `module:function`: your own (docs/own_use.md).",
    )
    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=40)] | None = Field(
        None, description="What its answers are signed with; null: its kind."
    )
    answers_per_minute: PositiveFloat | None = Field(None, description="Pace of a simulated person; null: at once.")
    tie_tolerance: NonNegativeFloat = Field(
        0.0, description="Oracle: clips whose true returns differ by at most this are equal."
    )
    equal_share: Share = Field(
        0.0,
        description="Oracle: share of the queries that are equal, those whose clips differ least of the newest 100.",
    )
    cant_tell_below: float | None = Field(
        None, description="Oracle: can't tell where both clips' true returns are below this; null: can always tell."
    )
    cant_tell_share: Share = Field(
        0.0,
        description="Oracle: share of the queries that it can't tell, those whose better clip is the worst of the "
        "newest 100.",
    )
    mistake_probability: Fraction = Field(0.0, description="Oracle: how often left and right are confused.")
    rationality: PositiveFloat | None = Field(
        None,
        description="Oracle: prefers left with probability 1/(1+exp(-rationality x (left - right true return))); "
        "null: always the better one.",
    )
    discount: Annotated[float, Field(gt=0, le=1)] = Field(
        1.0, description="Oracle: weight of each step's reward relative to the next step's; below 1 it is myopic."
    )
    path: str | None = Field(None, description="Recorded: the folder that `rlhp-ray export` wrote.")

    @property
    def signature(self) -> str:
        """What its answers are signed with."""
        return self.name or self.kind

    @property
    def takes_time(self) -> bool:
        """Whether an answer takes as long as a person's."""
        return self.kind == "human" or self.answers_per_minute is not None

    @property
    def errors(self) -> dict[str, Any]:
        """The oracle's fields that are other than by default."""
        fields = OneTeacherPart.model_fields
        return {name: getattr(self, name) for name in ORACLE_FIELDS if getattr(self, name) != fields[name].default}

    def problem(self) -> str | None:
        """What doesn't fit together in it."""
        if self.kind == "recorded" and self.path is None:
            return "teacher.kind=recorded needs teacher.path, the folder that `rlhp-ray export` wrote"
        if self.kind == "human" and (self.name is not None or self.answers_per_minute is not None):
            return "teacher.kind=human has neither teacher.name nor teacher.answers_per_minute: people have their own"
        if self.kind != "oracle" and self.errors:
            field = next(iter(self.errors))
            return f"teacher.{field} is the oracle's, but teacher.kind is {self.kind}: leave out one of them"
        if self.equal_share + self.cant_tell_share >= 1:
            return (
                "teacher.equal_share and teacher.cant_tell_share must be less than 1 together, else nothing is learned"
            )
        return None


ORACLE_FIELDS = (
    "tie_tolerance",
    "equal_share",
    "cant_tell_below",
    "cant_tell_share",
    "mistake_probability",
    "rationality",
    "discount",
)


class PanelTeacherPart(OneTeacherPart):
    """What one teacher of a panel has other than the rest."""

    @model_serializer(mode="wrap")
    def _only_what_was_given(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {name: value for name, value in serialize(self).items() if name in self.model_fields_set}


class TeacherPart(OneTeacherPart):
    """Who compares the clips, and how well. The oracle's ways to err are B-Pref's (docs/recipe.md, the teachers)."""

    panel: tuple[PanelTeacherPart, ...] = Field(
        (),
        description="Several teachers at once, each with what it has other than the fields above; empty: one teacher.",
    )

    def teachers(self) -> tuple[OneTeacherPart, ...]:
        """Each teacher with all its fields."""
        shared = OneTeacherPart(**{name: getattr(self, name) for name in OneTeacherPart.model_fields})
        return tuple(
            shared.model_copy(update={name: getattr(one, name) for name in one.model_fields_set}) for one in self.panel
        ) or (shared,)

    def programs(self) -> tuple[OneTeacherPart, ...]:
        """The teachers that aren't people."""
        return tuple(one for one in self.teachers() if one.kind != "human")

    @model_validator(mode="after")
    def _fits(self) -> TeacherPart:
        teachers = self.teachers()
        for one in teachers:
            if problem := one.problem():
                raise ValueError(problem)
            if self.panel and "recorded" in (self.kind, one.kind):
                raise ValueError("teacher.kind=recorded can't be in teacher.panel, since it brings its own queries")
            if self.panel and "human" in (self.kind, one.kind):
                raise ValueError("teacher.kind=human can't be in teacher.panel: the page takes any number of people")
        names = [one.signature for one in teachers]
        twice = [name for name in names if names.count(name) > 1]
        if twice:
            raise ValueError(f"teacher.panel has {twice[0]} twice: give each of its teachers a name of its own")
        return self
