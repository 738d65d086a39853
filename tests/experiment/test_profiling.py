"""Where the time of a run went, read from outside its processes."""

from __future__ import annotations

import json

from rlhp_ray.experiment.profiling import table


def test_a_run_leaves_a_trace_of_each_process_and_a_table(command_line, on_cluster: str) -> None:
    status, out, err = command_line.run(*command_line.small("point", "profiled", "profile=true", on_cluster))
    assert status == 0, out + err
    folder = command_line.folder / "runs" / "profiled" / "profiles"
    traces = {
        file.name.removesuffix(".speedscope.json"): json.loads(file.read_text()) for file in folder.glob("*.json")
    }
    expected = {"driver", "segments", "collector", "teacher", "questioner", "trainer", "arrayenvrunner"}
    assert expected <= traces.keys()
    assert any("predictor" in name for name in traces)
    lines = (folder / "table.md").read_text().splitlines()
    busiest = {line.split("|")[1].strip() for line in lines[2:]}
    assert "driver" in busiest
    frames = {frame["name"] for frame in traces["driver"]["shared"]["frames"]}
    assert any(name.endswith("training_step") for name in frames)  # of the loop itself
    assert "profiles/table.md" in out + err


def test_the_table_counts_what_a_function_does_itself() -> None:
    frames = [{"name": "outer", "file": "/a/rlhp_ray/x.py"}, {"name": "inner", "file": "/v/site-packages/torch/y.py"}]
    trace = {
        "shared": {"frames": frames},
        "profiles": [{"samples": [[0], [0, 1], [0, 1], [0, 1], []], "weights": [0.02] * 5}],
    }
    assert table("driver", trace) == [
        "| driver | 75.0% | inner | site-packages/torch/y.py |",
        "| driver | 25.0% | outer | rlhp_ray/x.py |",
    ]
