"""A sweep of the point task, from outside: it goes on where it was killed, and runs nothing twice."""

from __future__ import annotations

import json
import os
import pathlib
import signal
import subprocess
import time
from typing import Any

import pytest
from small_run import SMALL

from rlhp_ray.experiment.results import settings
from rlhp_ray.experiment.run_config import read_config
from rlhp_ray.experiment.status import status
from rlhp_ray.report.comparison import compare
from rlhp_ray.report.runs import read_runs
from rlhp_ray.storage import RunFolder

NAMES = ("point-true-reward-0", "point-learned-0", "point-true-reward-1", "point-learned-1")


def write_sweep(folder: pathlib.Path, on_cluster: str, *, seeds: str = "[0, 1]", parallel: int = 1) -> None:
    """Two conditions; a learned run takes its time, since its teacher does."""
    fields = dict(override.split("=", 1) for override in (*SMALL, on_cluster, "run.checkpoint_seconds=0.2"))
    lines = ["task: point"]
    for part in sorted({path.partition(".")[0] for path in fields}):
        inner = [f"{path.partition('.')[2]}: {value}" for path, value in fields.items() if path.startswith(f"{part}.")]
        lines += [f"{part}:", *(f"  {line}" for line in inner)]
    (folder / "point.yaml").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / "sweep.yaml").write_text(
        f"results: results\nseeds: {seeds}\nparallel: {parallel}\ntasks: {{point: point.yaml}}\nconditions:\n"
        "  true reward: {set: {reward.source: true}}\n"
        "  learned: {set: {teacher.answers_per_minute: 400}}\n",
        encoding="utf-8",
    )


def results(folder: pathlib.Path) -> dict[str, dict[str, Any]]:
    return {file.stem: json.loads(file.read_text()) for file in folder.glob("results/point/*.json")}


def epoch(folder: pathlib.Path, name: str) -> int:
    """How often a run was begun and resumed."""
    number: int = json.loads((folder / "runs" / name / "manifest.json").read_text())["epoch"]
    return number


def wait_until_trained(folder: pathlib.Path, name: str, process: subprocess.Popen[str]) -> None:
    """Until the run has a checkpoint and goes on."""
    end = time.monotonic() + 240
    while not list((folder / "runs" / name / "checkpoints").glob("*.json")):
        assert process.poll() is None and time.monotonic() < end, process.communicate()
        time.sleep(0.05)


@pytest.mark.slow
def test_a_sweep_that_is_killed_goes_on_and_runs_nothing_twice(command_line: Any, on_cluster: str) -> None:
    folder = command_line.folder
    write_sweep(folder, on_cluster, seeds="[3]")
    killed = command_line.start("sweep", "sweep.yaml")
    wait_until_trained(folder, "point-learned-3", killed)
    children = pathlib.Path(f"/proc/{killed.pid}/task/{killed.pid}/children").read_text().split()
    for process in (killed.pid, *map(int, children)):
        os.kill(process, signal.SIGKILL)
    killed.communicate()
    first = results(folder)
    assert set(first) == {"point-true-reward-3"}

    code, out, err = command_line.run("sweep", "sweep.yaml")
    assert code == 0, out + err
    found = results(folder)
    names = ("point-true-reward-3", "point-learned-3")
    assert set(found) == set(names)
    assert found["point-true-reward-3"] == first["point-true-reward-3"] and "point-true-reward-3" not in out
    assert "point-learned-3: goes on (1 of 1)" in out
    assert [epoch(folder, name) for name in names] == [1, 2]
    assert found["point-learned-3"]["summary"]["labels"] == 40
    for name in names:
        config = read_config(RunFolder(str(folder / "runs" / name)))
        assert found[name]["settings"] == json.loads(json.dumps(settings(config)))
        assert found[name]["command"][:3] == ["rlhp-ray", "train", "point.yaml"] and found[name]["curve"]["true_return"]

    groups = compare(read_runs([str(file) for file in sorted(folder.glob("results/point/*.json"))])).groups
    assert [(group.condition, group.seeds) for group in groups] == [("learned", [3]), ("true reward", [3])]
    assert all(group.score() is not None and group.curve("env_steps", "true_return") is not None for group in groups)

    code, out, _ = command_line.run("sweep", "sweep.yaml")
    assert (code, out) == (0, "")


@pytest.mark.slow
def test_a_sweep_that_is_stopped_stops_its_runs_and_says_how_it_goes_on(command_line: Any, on_cluster: str) -> None:
    folder = command_line.folder
    write_sweep(folder, on_cluster, seeds="[0]", parallel=2)
    process = command_line.start("sweep", "sweep.yaml")
    wait_until_trained(folder, "point-learned-0", process)
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert err == "rlhp-ray: The sweep was stopped; `rlhp-ray sweep sweep.yaml` goes on with it.\n"
    assert status(str(folder / "runs" / "point-learned-0")).state == "stopped"
    assert "point-learned-0" not in results(folder)


@pytest.mark.slow
def test_a_run_that_fails_is_named_and_the_others_go_on(command_line: Any, on_cluster: str) -> None:
    folder = command_line.folder
    write_sweep(folder, on_cluster, seeds="[0]")
    (folder / "own.py").write_text("def fails(left, right):\n    return 1 / 0\n", encoding="utf-8")
    file = folder / "sweep.yaml"
    file.write_text(file.read_text().replace("teacher.answers_per_minute: 400", "teacher.kind: own:fails"))
    file.write_text(file.read_text().replace("  true reward: {", "  zero: {").replace("  learned: {", "  fails: {"))
    code, out, err = command_line.run("sweep", "sweep.yaml")
    assert code == 1 and "point-fails-0: failed with exit status 2: rlhp-ray: " in out
    assert err == "rlhp-ray: 1 of 2 runs failed: point-fails-0; `rlhp-ray sweep sweep.yaml` tries them again.\n"
    assert set(results(folder)) == {"point-zero-0"}


@pytest.mark.parametrize("kept", ["result", "run"])
def test_what_was_made_with_other_settings_is_not_taken_for_the_sweep_s(
    command_line: Any, rlhp_ray: Any, kept: str
) -> None:
    folder = command_line.folder
    write_sweep(folder, "ray.num_cpus=2", seeds="[0]")
    if kept == "result":
        file = folder / "results" / "point" / "point-learned-0.json"
        file.parent.mkdir(parents=True)
        file.write_text('{"settings": {"budget.labels": 39}}', encoding="utf-8")
    else:
        file = folder / "runs" / "point-learned-0"
        file.mkdir(parents=True)
        (file / "config.yaml").write_text("task: point\nbudget: {labels: 39}\n", encoding="utf-8")
    code, _, err = rlhp_ray("sweep", "sweep.yaml")
    assert code == 2 and len(err.splitlines()) == 1
    assert f"point-learned-0{'.json' if kept == 'result' else ''} was made with another" in err
    assert "remove it, or give the condition another name" in err


def test_check_lists_the_runs_and_says_what_is_wrong(command_line: Any, rlhp_ray: Any) -> None:
    write_sweep(command_line.folder, "ray.num_cpus=2")
    code, out, err = rlhp_ray("sweep", "sweep.yaml", "--check")
    assert (code, err) == (0, "")
    assert [line.partition(":")[0] for line in out.splitlines()] == list(NAMES)
    config = command_line.folder / "point.yaml"
    config.write_text(config.read_text().replace("task: point", "task: pint"), encoding="utf-8")
    code, _, err = rlhp_ray("sweep", "sweep.yaml", "--check")
    assert code == 2 and "sweep.yaml, line 4: " in err and "pint" in err and len(err.splitlines()) == 1
