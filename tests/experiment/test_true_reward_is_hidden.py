"""With NaN as true reward and the recorded teacher a run trains to its end: the true reward reaches no learner."""

from __future__ import annotations

import json
import math

import numpy as np
import safetensors.numpy


def test_nan_as_true_reward_reaches_no_learner(command_line, on_cluster: str) -> None:
    command_line.train("point", "seen", on_cluster)
    status, _, err = command_line.run("export", "runs/seen", "-o", "export")
    assert status == 0, err
    summary = command_line.train(
        "point-nan", "hidden", "teacher.kind=recorded", "teacher.path=export", "budget.env_steps=8192", on_cluster
    )
    assert summary["env_steps"] == 8192
    assert summary["labels"] == 40
    assert math.isnan(summary["true_return_mean"])

    folder = command_line.folder / "runs" / "hidden"
    weights = safetensors.numpy.load_file(sorted(folder.glob("checkpoints/*.safetensors"))[-1])
    assert all(np.isfinite(array).all() for array in weights.values() if array.dtype.kind == "f")
    newest = json.loads((folder / "metrics.jsonl").read_text().splitlines()[-1])["metrics"]
    assert newest["true_return"] is None  # NaN, for metrics alone
    assert math.isfinite(newest["predicted_return"])
    assert math.isfinite(newest["agent/value_loss"])
