"""A run's configuration from YAML files and dotted overrides, or one clear error for each mistake.

    config = load_config("configs/half-cheetah.yaml", ["budget.labels=350", "seed=1"])

A file may begin with `extends: other.yaml` (relative to itself, chains are fine): it then says only what differs.
Every value remembers its file and line, for the errors.
"""

from __future__ import annotations

import dataclasses
import difflib
import json
import pathlib
from collections.abc import Sequence
from typing import Any

import pydantic
import yaml

from rlhp_ray.config import yaml12
from rlhp_ray.config.problems import describe
from rlhp_ray.config.schema import Config
from rlhp_ray.config.source import Place, Source
from rlhp_ray.errors import ConfigError


def load_config(file: str | pathlib.Path, overrides: Sequence[str] = ()) -> Config:
    """The configuration of this file with `field.path=value` overrides; ConfigError names every mistake."""
    return _validate(_read_file(pathlib.Path(file), chain=()), overrides)


def parse_config(text: str, *, source: str, overrides: Sequence[str] = ()) -> Config:
    """Like load_config, of a text without `extends` (a run folder's config.yaml); `source` names it in errors."""
    return _validate(parse_source(text, source), overrides)


def dump(config: Config) -> str:
    """YAML of the whole resolved configuration; parse_config reads it back equal."""
    return yaml12.dump(config.model_dump(mode="json"))


def _validate(source: Source, overrides: Sequence[str]) -> Config:
    for override in overrides:
        source = source.overlaid(_parse_override(override))
    try:
        return _to_config(source.data)
    except pydantic.ValidationError as error:
        if not source.take_numbers_as_text(error):
            raise ConfigError(describe(error, source)) from None
    try:
        return _to_config(source.data)
    except pydantic.ValidationError as error:
        raise ConfigError(describe(error, source)) from None


def _to_config(data: dict[str, Any]) -> Config:
    # Strict, so that "5" is no number and 1 is not true; through JSON, which turns lists into tuples.
    return Config.model_validate_json(json.dumps(_whole_floats_as_ints(data)), strict=True)


def _whole_floats_as_ints(value: Any) -> Any:
    """`1e6` is welcome where a whole number is asked; a field of floats takes ints anyway."""
    if isinstance(value, dict):
        return {key: _whole_floats_as_ints(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_whole_floats_as_ints(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _read_file(file: pathlib.Path, chain: tuple[pathlib.Path, ...], asked_by: str = "") -> Source:
    """The file with what it extends beneath it. `chain`: the files that led here."""
    if not file.is_file():
        raise ConfigError(asked_by + _missing_file(file))
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ConfigError(f"{asked_by}The config {file} can't be read: {reason}.") from None
    source = parse_source(text, str(file))
    parent = source.data.pop("extends", None)
    if parent is None:
        return source
    where = source.places[("extends",)]
    if not isinstance(parent, str):
        raise ConfigError(
            f"{where}: extends is {parent!r}, but must be the path of another config, relative to this one."
        )
    chain = (*chain, file.resolve())
    target = file.parent / parent
    if target.resolve() in chain:
        loop = " -> ".join(path.name for path in (*chain, target))
        raise ConfigError(f"{where}: extends goes round in a circle ({loop}); remove one of them.")
    return _read_file(target, chain, asked_by=f"{where}: extends names {parent}. ").overlaid(source)


def _missing_file(file: pathlib.Path) -> str:
    if file.is_dir():
        return (
            f"{file} is a folder, but a config is a YAML file; a run in a folder goes on with `rlhp-ray resume {file}`."
        )
    # The name may be a task's or a config's without folder and ending.
    known = {
        path.stem: path
        for folder in (pathlib.Path("configs"), file.parent)
        for path in sorted(folder.glob("[!.]*.yaml"))
    }
    close = difflib.get_close_matches(file.stem, known, n=1, cutoff=0.5)
    if close:
        return f"There is no config file {file}; did you mean {known[close[0]]}?"
    names = ", ".join(str(path) for path in known.values())
    return f"There is no config file {file}; " + (f"there are: {names}." if names else "give the path of a YAML file.")


def parse_source(text: str, name: str) -> Source:
    """The data of a YAML text and where each value stands; `name` names it in a ConfigError."""
    source = Source(name)
    try:
        root = yaml.compose(text, Loader=yaml12.Loader)
        if root is not None:
            source.data = source.read_mapping(root)
    except yaml.YAMLError as error:
        raise ConfigError(f"{_syntax_place(error, name)} is not valid YAML: {_syntax_problem(error)}.") from None
    return source


def _parse_override(override: str) -> Source:
    path, equals, text = override.partition("=")
    keys = path.strip().split(".")
    if not equals or not all(keys):
        raise ConfigError(f"The override {override!r} must have the form field.path=value, such as budget.labels=350.")
    source = Source(f"The override {override}", has_lines=False)
    try:
        node = yaml.compose(text, Loader=yaml12.Loader)
        value = None if node is None else source.read(node, tuple(keys))
    except yaml.YAMLError as error:
        raise ConfigError(f"The override {override!r} has no valid YAML value: {_syntax_problem(error)}.") from None
    for depth in range(1, len(keys) + 1):
        source.places.setdefault(tuple(keys[:depth]), Place(source.name, None, None))
    for key in reversed(keys):
        value = {key: value}
    assert isinstance(value, dict)
    return dataclasses.replace(source, data=value)


def _syntax_place(error: yaml.YAMLError, name: str) -> str:
    mark = error.problem_mark if isinstance(error, yaml.MarkedYAMLError) else None
    return name if mark is None else f"{name}, line {mark.line + 1},"


def _syntax_problem(error: yaml.YAMLError) -> str:
    if not isinstance(error, yaml.MarkedYAMLError) or error.problem is None:
        return str(error).splitlines()[0]
    return f"{error.context} {error.problem}" if error.problem.startswith("but ") else error.problem
