"""docs/operations.md names a test for each of its rows, and has a row for each process that the tests kill."""

from __future__ import annotations

import pathlib
import re

from test_kill import PROCESSES

ROOT = pathlib.Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "operations.md").read_text()
ROWS = [line.strip("| ").split(" | ") for line in PAGE.splitlines() if re.match(r"\| (?!what )[^-]", line)]


def test_each_row_names_a_test_that_is_there() -> None:
    assert len(ROWS) > 15
    for *_, test in ROWS:
        if test != "as above":
            file, name = test.strip("`").split("::")
            assert f"def {name}(" in (ROOT / file).read_text(), test


def test_each_process_that_is_killed_has_a_row() -> None:
    assert {row[0].split(" ")[0] for row in ROWS} >= {*PROCESSES}


def test_each_field_that_it_names_is_there() -> None:
    from rlhp_ray.config.schema import Config

    config = Config(task="point").model_dump()
    for part, field in re.findall(r"`(run|ray|agent|segments)\.(\w+)", PAGE):
        assert field in config[part], f"{part}.{field}"
