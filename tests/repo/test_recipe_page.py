"""docs/recipe.md says where each detail of the paper is in the code."""

from __future__ import annotations

import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).parents[2]
PLACES = sorted(set(re.findall(r"`([a-z_/]+\.py)(?:: ([A-Za-z_.]+))?`", (ROOT / "docs/recipe.md").read_text())))


@pytest.mark.parametrize(("path", "name"), PLACES)
def test_what_the_page_names_is_there(path: str, name: str) -> None:
    files = [folder / path for folder in (ROOT / "rlhp_ray", ROOT) if (folder / path).is_file()]
    assert files, f"docs/recipe.md names {path}"
    text = files[0].read_text()
    for part in filter(None, name.split(".")):
        assert re.search(rf"(?m)^\s*((class|def) {part}\b|(self\.)?{part}\b[\w, ]*[:=])", text), f"{path} has no {part}"


def test_the_page_names_most_of_the_recipe() -> None:
    assert len(PLACES) > 30
