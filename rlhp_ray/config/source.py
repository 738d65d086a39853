"""Values of a config with the place that each came from, and laying one source over another."""

from __future__ import annotations

import dataclasses
from typing import Any

import pydantic
import yaml

from rlhp_ray.config import yaml12

Path = tuple[str | int, ...]  # keys and, in lists, indices


@dataclasses.dataclass(frozen=True, slots=True)
class Place:
    """Where a value was written."""

    source: str  # a file, or an override
    line: int | None  # from 1; None in an override
    text: str | None  # the scalar as it was written

    def __str__(self) -> str:
        return self.source if self.line is None else f"{self.source}, line {self.line}"


@dataclasses.dataclass(slots=True)
class Source:
    """Plain data read from YAML nodes, and the place of every value in it."""

    name: str
    has_lines: bool = True
    data: dict[str, Any] = dataclasses.field(default_factory=dict)
    places: dict[Path, Place] = dataclasses.field(default_factory=dict)

    def read_mapping(self, node: yaml.Node) -> dict[str, Any]:
        """The data of a whole file; yaml.MarkedYAMLError where it isn't a mapping or a key stands twice."""
        if not isinstance(node, yaml.MappingNode):
            raise yaml.MarkedYAMLError(
                problem="a config must be a mapping of fields to values", problem_mark=node.start_mark
            )
        value = self.read(node, ())
        assert isinstance(value, dict)
        return value

    def read(self, node: yaml.Node, path: Path) -> Any:
        """The node's plain value; notes the places of all in it."""
        line = node.start_mark.line + 1 if self.has_lines else None
        text = str(node.value) if isinstance(node, yaml.ScalarNode) else None
        self.places.setdefault(path, Place(self.name, line, text))
        if isinstance(node, yaml.MappingNode):
            mapping: dict[str, Any] = {}
            for key_node, value_node in node.value:
                if not isinstance(key_node, yaml.ScalarNode):
                    raise yaml.MarkedYAMLError(
                        problem="a field's name must be a word", problem_mark=key_node.start_mark
                    )
                key = str(key_node.value)
                if key in mapping:
                    raise yaml.MarkedYAMLError(problem=f"{key!r} stands here twice", problem_mark=key_node.start_mark)
                # A field's place is its key's line, also where its value begins below.
                key_line = key_node.start_mark.line + 1 if self.has_lines else None
                key_text = str(value_node.value) if isinstance(value_node, yaml.ScalarNode) else None
                self.places[(*path, key)] = Place(self.name, key_line, key_text)
                mapping[key] = self.read(value_node, (*path, key))
            return mapping
        if isinstance(node, yaml.SequenceNode):
            return [self.read(item, (*path, index)) for index, item in enumerate(node.value)]
        loader = yaml12.Loader("")
        try:
            return loader.construct_object(node, deep=True)
        except ValueError as error:
            raise yaml.MarkedYAMLError(problem=str(error), problem_mark=node.start_mark) from None
        finally:
            loader.dispose()

    def overlaid(self, over: Source) -> Source:
        """This source with the other's values over its own, field by field; lists are replaced whole."""
        places = {**self.places}
        for path, place in over.places.items():
            # A part that both have keeps its first place: the field in it is what an error is about.
            if path not in places or not (self._is_part(path) and over._is_part(path)):
                places[path] = place
        return Source(over.name if over.has_lines else self.name, self.has_lines, _merge(self.data, over.data), places)

    def _is_part(self, path: Path) -> bool:
        value: Any = self.data
        for key in path:
            if not isinstance(value, dict):
                return False
            value = value.get(key)
        return isinstance(value, dict)

    def take_numbers_as_text(self, error: pydantic.ValidationError) -> bool:
        """Put the written text where text is asked and a number was read (`run.name=7`); whether there was any."""
        changed = False
        for detail in error.errors():
            place = self.places.get(detail["loc"])
            number = isinstance(detail["input"], int | float) and not isinstance(detail["input"], bool)
            if detail["type"] == "string_type" and number and place is not None and place.text is not None:
                *parents, last = detail["loc"]
                target: Any = self.data
                for key in parents:
                    target = target[key]
                target[last] = place.text
                changed = True
        return changed


def _merge(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in over.items():
        below = merged.get(key)
        merged[key] = _merge(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return merged
