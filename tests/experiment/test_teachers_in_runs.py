"""Runs with teachers that err, that are several, and that are the user's own and fail."""

from __future__ import annotations

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

PANEL = (
    "teacher.panel=[{name: careful, equal_share: 0.3, cant_tell_share: 0.3}, {name: hasty, mistake_probability: 0.4, "
    "equal_share: 0.3, cant_tell_share: 0.3}, {name: slow, answers_per_minute: 60}]"
)


@pytest.mark.slow
def test_a_panel_answers_side_by_side_each_under_its_name(command_line, on_cluster: str) -> None:
    summary = command_line.train("point", "panel", PANEL, "queries.clock=answers", on_cluster)
    by_teacher = summary["answers_by_teacher"]
    assert summary["teacher"] == "panel"
    assert set(by_teacher) <= {"careful", "hasty", "slow"}  # whoever is free first, so who it is can't be foretold
    assert summary["labels"] == 40  # all, though they often can't tell
    assert sum(by_teacher.values()) == sum(summary["answers"].values())
    assert summary["answers"]["cant_tell"] > 0 and summary["answers"]["equal"] > 0
    assert command_line.run("export", "runs/panel", "-o", "out")[0] == 0
    teachers = pq.read_table(command_line.folder / "out" / "answers.parquet")["teacher"]
    counted = {row["values"]: row["counts"] for row in pc.value_counts(teachers).to_pylist()}
    assert counted == by_teacher


@pytest.mark.slow
def test_instant_teachers_of_a_panel_take_turns_in_lockstep(command_line, on_cluster: str) -> None:
    panel = "teacher.panel=[{name: a}, {name: b}, {name: c}]"
    summary = command_line.train("point", "turns", panel, "run.mode=lockstep", on_cluster)
    assert min(summary["answers_by_teacher"].values()) >= 8 and len(summary["answers_by_teacher"]) == 3


def test_an_own_teacher_that_fails_in_a_run_is_said_with_file_and_line(command_line, on_cluster: str) -> None:
    (command_line.folder / "own.py").write_text("def fails(left, right):\n    return 1 / 0\n")
    status, _, err = command_line.run(*command_line.small("point", "fails", "teacher.kind=own:fails", on_cluster))
    assert status == 2, err
    failed = f"own:fails failed in {command_line.folder}/own.py, line 2: ZeroDivisionError: division by zero."
    assert failed in err.replace("\n", "") and "Traceback" not in err
