"""A sweep's file: tasks times conditions times seeds. Its fields, and one clear error for each mistake.

results: docs/results/robotics        # one JSON a run: TASK/RUN.json
seeds: [0, 1, 2]
tasks:
  half-cheetah: ../half-cheetah.yaml  # a config, relative to this file
conditions:
  700 labels: {}
  350 labels: {set: {budget.labels: 350}, tasks: [half-cheetah]}
  true reward: {set: {reward.source: true}}
"""

from __future__ import annotations

import json
import pathlib
from typing import Annotated, Any

import pydantic
from pydantic import Field

from rlhp_ray.config.load import load_config, parse_source
from rlhp_ray.config.part import NonNegativeInt, Part, PositiveInt
from rlhp_ray.config.problems import closest, place_of, shown
from rlhp_ray.config.schema import Config
from rlhp_ray.config.source import Path, Source
from rlhp_ray.errors import ConfigError

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._-]*$", max_length=40)]
Names = Annotated[tuple[str, ...], Field(min_length=1)]

_ITS_OWN = ("seed", "run.name", "run.dir", "run.condition", "run.overwrite")  # fields that the sweep sets itself


class ConditionPart(Part):
    """What the runs of a condition have in common."""

    set: dict[str, Any] = Field({}, description="Fields of the config, by dotted path, and their values.")
    tasks: Names | None = Field(None, description="Only these tasks; null: all.")


class Sweep(Part):
    """Tasks times conditions times seeds."""

    title: str = Field("", description="Heading of its section in a report; empty: the file's name.")
    text: str = Field("", description="What a report says above its tables: what was asked, what came out. Markdown.")
    results: str = Field(description="Folder of the results: one JSON a run, in a folder of its task.")
    runs: str = Field("runs", description="Folder of the runs, as `run.dir`.")
    parallel: PositiveInt = Field(1, description="Runs at once; each has an equal share of the machine's cores.")
    seeds: Annotated[tuple[NonNegativeInt, ...], Field(min_length=1)]
    tasks: Annotated[dict[Name, str], Field(min_length=1)] = Field(description="Name: config, relative to the file.")
    conditions: Annotated[dict[Name, ConditionPart], Field(min_length=1)]


class SweepFile:
    """A sweep that was read, and the configs that it makes. ConfigError names every mistake with its line."""

    def __init__(self, file: pathlib.Path) -> None:
        self.file = file
        try:
            text = file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
            raise ConfigError(f"The sweep {file} can't be read: {reason}.") from None
        self._source = parse_source(text, str(file))
        try:
            self.sweep = Sweep.model_validate_json(json.dumps(self._source.data), strict=True)
        except pydantic.ValidationError as error:
            raise ConfigError(_described(error, self._source)) from None
        self._check_names()

    def config_file(self, task: str) -> pathlib.Path:
        """The config of a task."""
        return self.file.parent / self.sweep.tasks[task]

    def overrides(self, condition: str) -> list[str]:
        """What a condition sets, as overrides of a config; JSON is YAML too."""
        return [f"{path}={json.dumps(value)}" for path, value in self.sweep.conditions[condition].set.items()]

    def tasks_of(self, condition: str) -> tuple[str, ...]:
        """Of a condition, in the order of the file's tasks."""
        only = self.sweep.conditions[condition].tasks
        return tuple(task for task in self.sweep.tasks if only is None or task in only)

    def config(self, task: str, condition: str, *overrides: str) -> Config:
        """The config of the task under the condition, with further overrides."""
        try:
            return load_config(self.config_file(task), [*self.overrides(condition), *overrides])
        except ConfigError as error:
            raise self.misplaced(str(error), task, condition) from None

    def misplaced(self, sentence: str, task: str, condition: str) -> ConfigError:
        """The sentence with the line of this file that it is about."""
        path: Path = ("tasks", task)
        for field in self.sweep.conditions[condition].set:
            if f"override {field}=" in sentence:
                path = ("conditions", condition, "set", field)
        return ConfigError(f"{self._source.places[path]}: {sentence}")

    def _check_names(self) -> None:
        for condition, part in self.sweep.conditions.items():
            for index, task in enumerate(part.tasks or ()):
                if task not in self.sweep.tasks:
                    place = self._source.places["conditions", condition, "tasks", index]
                    known = ", ".join(self.sweep.tasks)
                    raise ConfigError(f"{place}: {task} is not one of the tasks, which are: {known}.")
            for field in part.set:
                if field in _ITS_OWN:
                    place = self._source.places["conditions", condition, "set", field]
                    raise ConfigError(f"{place}: {field} is set by the sweep itself; leave it out.")


def _described(error: pydantic.ValidationError, source: Source) -> str:
    """One line for each mistake."""
    lines = []
    for detail in error.errors():
        location = tuple(key for key in detail["loc"] if key != "[key]")
        path = ".".join(map(str, location))
        *parents, last = location or ("",)
        fields = ConditionPart.model_fields if parents else Sweep.model_fields
        if detail["type"] == "extra_forbidden":
            close = closest(str(last), fields)
            what = f"is not a field; {f'did you mean {close}?' if close else 'there are: ' + ', '.join(fields) + '.'}"
        elif detail["type"] == "missing":
            what = f"is missing. {fields[str(last)].description or ''}".rstrip()
        else:
            wanted = detail["msg"].replace("Input should", "it should").replace("String should", "a name should")
            what = f"is {shown(detail['input'])}, but {wanted[0].lower()}{wanted[1:]}."
        lines.append(f"{place_of(detail, source)}: {path} {what}")
    return "\n".join(lines)
