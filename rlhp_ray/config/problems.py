"""Pydantic's errors as sentences: where, which field, what is allowed, what was probably meant."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable
from typing import Any

import pydantic
from pydantic_core import ErrorDetails

from rlhp_ray.config.fields import fields, parts
from rlhp_ray.config.source import Place, Source


def describe(error: pydantic.ValidationError, source: Source) -> str:
    """One line for each mistake, in the order in which they were written."""
    found = [(place_of(detail, source), _what(detail)) for detail in error.errors()]
    found.sort(key=lambda pair: pair[0].line or 0)
    return "\n".join(f"{place}: {what}" for place, what in found)


def place_of(detail: ErrorDetails, source: Source) -> Place:
    """Where the field was written, or else the nearest part around it."""
    location = detail["loc"]
    if detail["type"] == "value_error":
        # A rule between fields names them: the place is an override's of one of them, since that came last.
        message = str(detail["ctx"]["error"])
        for path, place in source.places.items():
            if place.line is None and path[: len(location)] == location and ".".join(map(str, path)) in message:
                return place
    for length in range(len(location), 0, -1):
        if location[:length] in source.places:
            return source.places[location[:length]]
    return Place(source.name, None, None)


def _what(detail: ErrorDetails) -> str:
    path = ".".join(str(key) for key in detail["loc"])
    if detail["type"] == "extra_forbidden":
        return _unknown(path)
    if detail["type"] == "value_error":
        return f"{detail['ctx']['error']}."
    field = fields().get(".".join(_field_keys(detail["loc"])))
    allowed = field.allowed if field else "a part with fields of its own: " + ", ".join(_names_in(path))
    if detail["type"] == "missing":
        return f"{path} is missing, and must be {allowed}. {field.description if field else ''}".rstrip()
    if isinstance(detail["loc"][-1], int):
        allowed = allowed.removeprefix("a list, each ")
    return f"{path} is {shown(detail['input'])}, but must be {allowed}.{_meant(detail, allowed)}"


def _field_keys(location: tuple[int | str, ...]) -> list[str]:
    """The keys of the field: those of an item of a list are the fields of the part that has the list."""
    keys: list[str] = []
    for key, before in zip(location, (None, *location), strict=False):
        if isinstance(key, str):
            if isinstance(before, int):
                keys.pop()
            keys.append(key)
    return keys


def shown(value: Any) -> str:
    """A value as JSON, shortened."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else text[:57] + "..."


def _meant(detail: ErrorDetails, allowed: str) -> str:
    """The allowed value that is closest to what was written."""
    values = allowed.split("`")[1::2] if detail["type"] == "literal_error" else []
    close = closest(str(detail["input"]), values)
    return f" Did you mean {close}?" if close else ""


def _unknown(path: str) -> str:
    """Says that the field isn't there, and which one is: of this very name, else close in the same part or anywhere."""
    part, _, name = path.rpartition(".")
    siblings = _names_in(part)
    by_name = {field.rpartition(".")[2]: field for field in reversed(list(fields()))}
    close = closest(name, siblings)
    if close and name not in by_name:
        return f"{path} is not a field; did you mean {part + '.' if part else ''}{close}?"
    close = by_name.get(closest(name, by_name) or "")
    if close:
        return f"{path} is not a field; did you mean {close}?"
    return f"{path} is not a field; {part or 'a config'} has: {', '.join(siblings)}."


def _names_in(path: str) -> list[str]:
    """The fields and parts directly in a part."""
    prefix = f"{path}." if path else ""
    own = [field.path for part in parts() if part.path == path for field in part.fields]
    inner = [part.path for part in parts() if part.path and part.path.rpartition(".")[0] == path]
    return [name.removeprefix(prefix) for name in own + inner]


def closest(word: str, words: Iterable[str]) -> str | None:
    """The word that this one begins (`entropy` of `entropy_coefficient`), or else the most similar one."""
    known = list(words)
    longer = sorted((one for one in known if len(word) >= 3 and one.startswith(word)), key=len)
    return next(iter(longer or difflib.get_close_matches(word, known, n=1, cutoff=0.6)), None)
