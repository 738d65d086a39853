"""docs/configuration.md and what it is generated from."""

from __future__ import annotations

import pathlib

from rlhp_ray.config import Config, parse_config
from rlhp_ray.config.docs import configuration_markdown
from rlhp_ray.config.fields import allowed_text, fields


def test_the_committed_page_is_the_schema_s() -> None:
    page = pathlib.Path(__file__).parents[2] / "docs" / "configuration.md"
    assert page.read_text(encoding="utf-8") == configuration_markdown(), "type `make docs`"


def test_every_field_has_a_row_a_meaning_and_a_default_that_is_valid() -> None:
    dumped = Config(task="x").model_dump()
    alone = {name for name, value in dumped.items() if not isinstance(value, dict)}
    leaves = alone | {f"{part}.{name}" for part in dumped if part not in alone for name in dumped[part]}
    assert alone == {"task", "seed", "profile"}
    assert set(fields()) == leaves
    page = configuration_markdown()
    for field in fields().values():
        assert f"| `{field.path}` |" in page
        assert field.description.endswith((".", "].")), field.path
        if field.default is not None:
            parse_config("task: x", source="default", overrides=[f"{field.path}={field.default}"])


def test_bounds_in_words() -> None:
    assert allowed_text({"type": "integer", "exclusiveMinimum": 0}) == "a whole number greater than 0"
    assert allowed_text({"type": "number", "minimum": 0, "maximum": 1}) == "a number from 0 to 1"
    between = {"type": "number", "exclusiveMinimum": 0, "maximum": 1}
    assert allowed_text({"anyOf": [between, {"type": "null"}]}) == "a number greater than 0 and at most 1 or null"
