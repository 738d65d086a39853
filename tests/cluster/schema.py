"""Files of cluster/ and the schemas that they are held against."""

from __future__ import annotations

import pathlib
from typing import Any

import yaml
from jsonschema import Draft202012Validator

ROOT = pathlib.Path(__file__).parents[2]
CLUSTER = ROOT / "cluster"
SCHEMAS = pathlib.Path(__file__).parent / "schemas"


def documents(file: pathlib.Path) -> list[Any]:
    """All YAML documents of a file."""
    return list(yaml.safe_load_all(file.read_text(encoding="utf-8")))


def kubernetes(kind: str) -> Draft202012Validator:
    """The validator of a kind that cluster/kuberay uses."""
    definitions: dict[str, Any] = {}
    for name in ("kubernetes", "pod", "kuberay"):
        definitions |= documents(SCHEMAS / f"{name}.yaml")[0]["$defs"]
    assert kind in definitions, f"no schema of {kind}"
    return Draft202012Validator({"$ref": f"#/$defs/{kind}", "$defs": definitions})


def problems(validator: Draft202012Validator, document: Any) -> list[str]:
    """What is wrong with the document, each with its place."""
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(document)]
