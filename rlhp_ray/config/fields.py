"""The schema as a flat list of fields: what each allows, its default and meaning, for errors and for the docs.

Read off pydantic's JSON schema of config.schema.Config, so that nothing is said twice.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping
from typing import Any

from rlhp_ray.config import yaml12
from rlhp_ray.config.schema import Config

Json = Mapping[str, Any]

_NOUNS = {"integer": "whole number", "number": "number", "string": "text", "boolean": "true or false"}


@dataclasses.dataclass(frozen=True, slots=True)
class Field:
    """One field of the configuration."""

    path: str  # dotted
    allowed: str  # "a whole number greater than 0"
    default: str | None  # as YAML; None where the field must be given
    description: str


@dataclasses.dataclass(frozen=True, slots=True)
class Part:
    """A part of the configuration with its fields; the top one has an empty path."""

    path: str
    description: str
    fields: tuple[Field, ...]


@functools.cache
def parts() -> tuple[Part, ...]:
    """All parts in the schema's order, the top one first."""
    schema = Config.model_json_schema()
    found: list[Part] = []
    _collect(schema, schema.get("$defs", {}), "", found)
    return tuple(found)


@functools.cache
def fields() -> Mapping[str, Field]:
    """All fields by their dotted path."""
    return {field.path: field for part in parts() for field in part.fields}


def _collect(schema: Json, definitions: Json, path: str, found: list[Part]) -> None:
    """Append the part that the schema describes, then the parts inside it."""
    required = schema.get("required", [])
    own: list[Field] = []
    inner: list[tuple[str, Json]] = []
    for name, prop in schema["properties"].items():
        dotted = f"{path}.{name}" if path else name
        target = definitions[prop["$ref"].rpartition("/")[2]] if "$ref" in prop else prop
        if "properties" in target:
            inner.append((dotted, target))
        else:
            default = (
                None
                if name in required
                else yaml12.dump({"default": prop.get("default")}).strip().removeprefix("default: ")
            )
            own.append(Field(dotted, allowed_text(target), default, prop.get("description", "")))
    found.append(Part(path, schema.get("description", ""), tuple(own)))
    for dotted, target in inner:
        _collect(target, definitions, dotted, found)


def allowed_text(schema: Json) -> str:
    """What a JSON schema allows, in words."""
    if "anyOf" in schema:
        return " or ".join(allowed_text(option) for option in schema["anyOf"])
    if "enum" in schema:
        return "one of " + ", ".join(f"`{value}`" for value in schema["enum"])
    if "const" in schema:
        return f"`{schema['const']}`"
    if "$ref" in schema:
        return "some of the fields of this part"
    kind = schema.get("type", "any")
    if kind == "null":
        return "null"
    if kind == "array":
        return "a list, each " + allowed_text(schema["items"])
    if "format" in schema:
        return f"`{schema['format']}`"
    noun = _NOUNS[kind]
    return " ".join([noun if kind in ("boolean", "string") else f"a {noun}", *_limits(schema)])


def _limits(schema: Json) -> list[str]:
    """Bounds, pattern and length, in words."""
    low, high = schema.get("minimum"), schema.get("maximum")
    limits = []
    if low is not None and high is not None:
        limits.append(f"from {low:g} to {high:g}")
    else:
        bounds = []
        if "exclusiveMinimum" in schema:
            bounds.append(f"greater than {schema['exclusiveMinimum']:g}")
        if low is not None:
            bounds.append(f"of at least {low:g}")
        if high is not None:
            bounds.append(f"at most {high:g}")
        if "exclusiveMaximum" in schema:
            bounds.append(f"less than {schema['exclusiveMaximum']:g}")
        if bounds:
            limits.append(" and ".join(bounds))
    if "pattern" in schema:
        limits.append(f"that matches `{schema['pattern']}`")
    if "maxLength" in schema:
        limits.append(f"(at most {schema['maxLength']} characters)")
    return limits
