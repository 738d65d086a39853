"""docs/configuration.md, generated from the schema: `python -m rlhp_ray.config.docs [--check]`."""

from __future__ import annotations

import argparse
import pathlib
import sys

from rlhp_ray.config.fields import Field, Part, parts

FILE = pathlib.Path("docs/configuration.md")

_HEAD = """# Configuration

Generated from `rlhp_ray/config/schema.py` by `make docs`: change it there.

A run's configuration is a YAML file. `extends: other.yaml` on its first line builds on another one (a path relative to
the file; chains are fine), and it then says only what differs. `field.path=value` after the file on the command line
overrides both:

    rlhp-ray train configs/half-cheetah.yaml budget.labels=350 seed=1
    rlhp-ray train configs/half-cheetah.yaml budget.env_steps=1e6 --print-config

Numbers are YAML 1.2's: `3e-4`, `1e6` and `.5` are numbers, `1e6` also where a whole number is asked. Words in square
brackets are rows of [recipe.md](recipe.md), where the paper's value and each deviation from it stand.
"""


def configuration_markdown() -> str:
    """The page: a table for each part, with every field, what it allows, its default and its meaning."""
    return "\n".join([_HEAD, *(_section(part) for part in parts())])


def _section(part: Part) -> str:
    title = f"## `{part.path}`\n\n{part.description}" if part.path else "## The run"
    rows = [_row(field) for field in part.fields]
    return "\n".join([title, "", "| field | allowed | default | meaning |", "|---|---|---|---|", *rows, ""])


def _row(field: Field) -> str:
    default = "must be given" if field.default is None else f"`{field.default}`"
    cells = [f"`{field.path}`", field.allowed, default, field.description]
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def main() -> int:
    """Write the page, or with --check only compare; exit status 1 where it differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if the page isn't up to date")
    if not parser.parse_args().check:
        FILE.parent.mkdir(exist_ok=True)
        FILE.write_text(configuration_markdown(), encoding="utf-8")
        return 0
    if FILE.is_file() and FILE.read_text(encoding="utf-8") == configuration_markdown():
        return 0
    print(f"{FILE} is not what the schema says: type `make docs`.", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
