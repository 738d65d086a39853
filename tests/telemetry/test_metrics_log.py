"""metrics.jsonl."""

from __future__ import annotations

import json
import math
import pathlib

import numpy as np
import pytest

from rlhp_ray.errors import CorruptDataError
from rlhp_ray.storage import RunFolder
from rlhp_ray.telemetry import MetricsLine, MetricsLog


def test_lines_are_read_back_as_written(tmp_path: pathlib.Path) -> None:
    log = MetricsLog(RunFolder(str(tmp_path)), clock=iter([10.0, 20.0]).__next__)
    log.write(env_steps=1, labels=2, values={"true_return": 1.5})
    log.write(env_steps=np.int64(3), labels=4, values={"loss": np.float32(0.5), "none": None})  # type: ignore[arg-type]
    assert log.lines() == [
        MetricsLine(10.0, 1, 2, {"true_return": 1.5}),
        MetricsLine(20.0, 3, 4, {"loss": 0.5, "none": None}),
    ]


def test_not_finite_is_null_and_the_json_is_strict(tmp_path: pathlib.Path) -> None:
    log = MetricsLog(RunFolder(str(tmp_path)))
    log.write(env_steps=1, labels=0, values={"a": math.nan, "b": math.inf, "c": np.float32("nan")})
    text = (tmp_path / "metrics.jsonl").read_text(encoding="utf-8")
    record = json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
    assert record["metrics"] == {"a": None, "b": None, "c": None}


def test_no_lines_before_the_first(tmp_path: pathlib.Path) -> None:
    assert MetricsLog(RunFolder(str(tmp_path))).lines() == []


def test_a_line_cut_off_by_a_crash_is_left_out_and_a_broken_one_is_named(tmp_path: pathlib.Path) -> None:
    log = MetricsLog(RunFolder(str(tmp_path)))
    log.write(env_steps=1, labels=0, values={})
    with (tmp_path / "metrics.jsonl").open("ab") as file:
        file.write(b'{"time": 1.0, "env')
    assert [line.env_steps for line in log.lines()] == [1]
    with (tmp_path / "metrics.jsonl").open("ab") as file:
        file.write(b"\n")
    with pytest.raises(CorruptDataError, match=r"Line 2 of metrics\.jsonl"):
        log.lines()
