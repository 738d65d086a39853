"""Each example is run by the command that it shows at its top, on a Ray of its own, and learns what it is about."""

from __future__ import annotations

import json
import pathlib
import subprocess
import sys
from typing import Any

import pytest

ROOT = pathlib.Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
FILES = sorted(file for file in EXAMPLES.iterdir() if file.is_file())
NAMES = sorted(file.stem for file in FILES if file.suffix == ".py")


def run(name: str, folder: pathlib.Path) -> dict[str, Any]:
    """Run the command at the top of the example in the repository, with its run below `folder`; the summary."""
    command = (EXAMPLES / f"{name}.yaml").read_text().splitlines()[0].removeprefix("# ")
    assert f"\n    {command}\n" in (EXAMPLES / f"{name}.py").read_text()
    program, *arguments = command.split()
    program = str(pathlib.Path(sys.executable).with_name(program))
    done = subprocess.run([program, *arguments, f"run.dir={folder}"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    run_folder = folder / name.replace("_", "-")
    assert subprocess.run([program, "export", str(run_folder), "-o", str(folder / "out")], cwd=ROOT).returncode == 0
    summary: dict[str, Any] = json.loads((run_folder / "summary.json").read_text())
    assert summary["labels"] == 200
    return summary


def exported(folder: pathlib.Path, column: str) -> list[Any]:
    import pyarrow.parquet as pq

    values: list[Any] = pq.read_table(folder / "out" / "answers.parquet")[column].to_pylist()
    return values


def test_there_are_these_examples() -> None:
    assert NAMES == ["own_environment", "own_query_method", "own_teacher"]


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.name))
def test_a_file_is_shorter_than_60_lines(file: pathlib.Path) -> None:
    assert len(file.read_text().splitlines()) < 60


@pytest.mark.slow
def test_the_own_environment_is_learned(tmp_path: pathlib.Path) -> None:
    """A random boat drifts off and makes about -60; the best makes about -2."""
    summary = run("own_environment", tmp_path)
    assert summary["task"] == "examples.own_environment:hold_the_boat"
    assert summary["random_return_mean"] < -30
    assert summary["true_return_mean"] > -10


@pytest.mark.slow
def test_the_own_teacher_is_learned_from(tmp_path: pathlib.Path) -> None:
    """It wants what the true reward wants: a random point makes about -33, the best -1.8."""
    summary = run("own_teacher", tmp_path)
    assert summary["answers_by_teacher"] == {"examples.own_teacher:prefer": 200}
    assert summary["answers"]["equal"] > 0
    assert summary["true_return_mean"] > -10


@pytest.mark.slow
def test_the_own_query_method_chooses_what_is_asked(tmp_path: pathlib.Path) -> None:
    summary = run("own_query_method", tmp_path)
    methods = exported(tmp_path, "method")
    assert methods.count("random") == 50  # the first labels, before there is a predictor
    assert methods.count("examples.own_query_method:least_sure") == 150
    assert summary["true_return_mean"] > -10
