"""Each mistake of a user's ends in exit status 2 and one sentence with cause and cure; nothing is lost."""

from __future__ import annotations

import pathlib
import sys
from collections.abc import Iterator

import pytest


@pytest.fixture
def own_module(command_line) -> Iterator[None]:
    """A module `spaces` of the user's, in the working directory."""
    (command_line.folder / "spaces.py").write_text(
        "import gymnasium as gym\n"
        "class Env(gym.Env):\n"
        "    observation_space = gym.spaces.Box(-1, 1, (2,))\n"
        "    action_space = gym.spaces.Tuple([gym.spaces.Discrete(2)])\n"
        "def tuple_actions():\n"
        "    return Env()\n"
    )
    yield
    sys.modules.pop("spaces", None)


def _refused(command_line, run, *arguments: str) -> str:
    status, out, err = run(*arguments)
    assert status == 2, out + err
    assert "Traceback" not in err
    assert len(err.strip().splitlines()) <= 2, err
    assert not list(command_line.folder.glob("runs/*"))
    return err


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("budget.labls=3", ["budget.labls", "budget.labels"]),
        ("budget.labels=many", ["budget.labels", "many"]),
        ("budget.labels=-1", ["budget.labels", "-1"]),
        ("budget.env_steps=-5", ["budget.env_steps", "-5"]),
        ("segments.clip_steps=5000", ["5000", "1000", "segments.clip_steps"]),
        ("task=half-cheeta", ["half-cheeta", "half-cheetah"]),
        ("task=Taxi-v3", ["Discrete(500)", "Box"]),
        ("task=spaces:tuple_actions", ["Tuple", "Discrete"]),
        ("run.dir=/proc/nowhere", ["/proc/nowhere"]),
        ("budget.labels=0", ["budget.labels"]),
        ("agent.train_batch_size=1000", ["agent.train_batch_size", "multiple"]),
        ("teacher.kind=recorded", ["teacher.path"]),
        ("teacher.kind=nowhere:prefer", ["nowhere:prefer", "no module nowhere"]),
        ("teacher.kind=spaces:prefer", ["spaces:prefer", "no such function", "def prefer(left, right):"]),
        ("queries.method=spaces:tuple_actions", ["spaces:tuple_actions", "def select(candidates, member_returns,"]),
        ("teacher.kind=recorded teacher.path=nowhere", ["nowhere", "export"]),
    ],
)
def test_a_wrong_value_is_named_with_its_cure(
    command_line, rlhp_ray, own_module: None, override: str, words: list[str]
) -> None:
    err = _refused(command_line, rlhp_ray, "train", command_line.config("half-cheetah"), *override.split())
    for word in words:
        assert word in err


def test_a_missing_config_is_named(command_line) -> None:
    assert "nothing.yaml" in _refused(command_line, command_line.run, "train", "nothing.yaml")


def test_a_field_of_the_file_is_named_with_its_line(command_line) -> None:
    (command_line.folder / "own.yaml").write_text("task: hopper\nbudget:\n  labels: 3\n  env_step: 4\n")
    err = _refused(command_line, command_line.run, "train", "own.yaml")
    assert "own.yaml" in err and "4" in err and "budget.env_steps" in err


def test_an_unreachable_cluster_is_said(command_line) -> None:
    status, _, err = command_line.run("train", command_line.config("point"), "ray.address=127.0.0.1:1")
    assert status == 1
    assert "Traceback" not in err and "127.0.0.1:1" in err and "ray.address" in err


def test_a_run_that_is_not_there_is_said(command_line, rlhp_ray) -> None:
    for command in (["resume"], ["evaluate"], ["export", "-o", "out"]):
        err = _refused(command_line, rlhp_ray, command[0], "runs/none", *command[1:])
        assert "runs/none" in err


@pytest.fixture
def used(command_line) -> pathlib.Path:
    """A run's folder, made by hand: nothing in it needs Ray."""
    folder = command_line.folder / "runs" / "used"
    (folder / "checkpoints").mkdir(parents=True)
    (folder / "config.yaml").write_text("task: point\nrun: {name: used}\n")
    (folder / "manifest.json").write_text('{"epoch": 1}')
    return folder


def test_a_run_that_goes_on_keeps_its_config(rlhp_ray, used: pathlib.Path) -> None:
    status, _, err = rlhp_ray("resume", "runs/used", "budget.labels=3")
    assert status == 2
    assert "budget.labels=3" in err and "ray.address" in err and "Traceback" not in err
    assert not (used / "epochs").exists()


def test_a_used_run_name_is_refused_and_nothing_is_lost(command_line, rlhp_ray, used: pathlib.Path) -> None:
    (used / "answers").mkdir()
    (used / "answers" / "kept").write_text("an answer")
    status, _, err = rlhp_ray("train", command_line.config("point"), "run.name=used")
    assert status == 2
    assert "run.name" in err and "resume" in err and "Traceback" not in err
    assert (used / "answers" / "kept").read_text() == "an answer"


def test_a_corrupt_checkpoint_is_said(rlhp_ray, used: pathlib.Path) -> None:
    (used / "checkpoints" / "000003.safetensors").write_bytes(b"not what was written")
    (used / "checkpoints" / "000003.json").write_text('{"sha256": "0", "counters": {}}')
    for command in ("evaluate", "resume"):
        status, _, err = rlhp_ray(command, "runs/used")
        assert status == 1, err
        assert "Traceback" not in err and "000003" in err and "remove" in err
    assert (used / "checkpoints" / "000003.safetensors").read_bytes() == b"not what was written"
