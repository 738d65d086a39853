"""A user's own teacher: what it is given, and one sentence for each thing that can be wrong with it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from preference_data import make_query, make_segments, own_module

from rlhp_ray.config.teacher import OneTeacherPart
from rlhp_ray.errors import OwnCodeError
from rlhp_ray.preferences import make_teacher
from rlhp_ray.types import Answer, Choice

MODULE = '''
from rlhp_ray.types import Choice, Segments

def first(left: Segments, right: Segments) -> Choice:
    return Choice.LEFT if left.observations.mean() > right.observations.mean() else Choice.RIGHT

class Counting:
    """Says left but for the first time."""
    def __init__(self):
        self.shown = 0
    def __call__(self, left, right):
        self.shown += 1
        return "equal" if self.shown == 1 else "left"

def fails(left, right):
    return helper(left)

def helper(clip):
    return clip.true_rewards / 0 if clip is None else {}["no such\\nkey"]

def fails_in_a_library(left, right):
    import json
    return json.loads("{")

def number(left, right):
    return 0.5

def nothing(left, right):
    pass

def three(left, right, more):
    return "left"

constant = 3
'''
PAIR = make_segments([1.0, 2.0])


@pytest.fixture(autouse=True)
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    own_module(tmp_path, monkeypatch, MODULE)
    return tmp_path / "own_for_test.py"


def answer(function: str, **fields: str) -> Answer:
    made = make_teacher(OneTeacherPart(kind=f"own_for_test:{function}", **fields), 0)
    given = made.answer(make_query(5, 6), PAIR)
    assert given is not None
    return given


def line(module: Path, text: str) -> int:
    return 1 + module.read_text().splitlines().index(next(s for s in module.read_text().splitlines() if text in s))


def test_it_is_given_the_clip_on_the_left_and_the_one_on_the_right() -> None:
    means = PAIR.observations.mean(axis=(1, 2))
    given = answer("first")
    assert given.choice is (Choice.LEFT if means[0] > means[1] else Choice.RIGHT)
    assert (given.left, given.right, given.teacher) == (5, 6, "own_for_test:first")
    assert given.seconds > 0
    assert answer("first", name="me").teacher == "me"
    assert np.ptp(means) > 0


def test_a_class_is_made_once() -> None:
    teacher = make_teacher(OneTeacherPart(kind="own_for_test:Counting"), 0)
    said = [teacher.answer(make_query(0, 1), PAIR) for _ in range(3)]
    assert [one.choice for one in said if one] == ["equal", "left", "left"]


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (
            "missing",
            "the module has no such function; it must begin with `def prefer(left, right):`",
        ),
        ("constant", "no such function"),
        ("three", "own_for_test:three takes other arguments (missing a required argument: 'more')"),
        ("number", "own_for_test:number returned 0.5; it must return 'left', 'right', 'equal', 'cant_tell'"),
        ("nothing", "returned None; it must return"),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(function: str, words: str) -> None:
    with pytest.raises(OwnCodeError) as caught:
        answer(function)
    assert words in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("function", "at", "what"),
    [("fails", "clip.true_rewards", "KeyError"), ("fails_in_a_library", "json.loads", "JSONDecodeError: Expecting")],
)
def test_a_failure_is_said_with_the_users_file_and_line(module: Path, function: str, at: str, what: str) -> None:
    with pytest.raises(OwnCodeError) as caught:
        answer(function)
    said = str(caught.value)
    assert said.startswith(f"own_for_test:{function} failed in {module}, line {line(module, at)}: {what}")
    assert "\n" not in said


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("def prefer(left, right:\n", "own_for_test:prefer can't be read: {module}, line 1: '(' was never closed"),
        ("x = 1\nx.y\n", "own_for_test:prefer failed in {module}, line 2: AttributeError"),
        ("import no_such_package\n", "own_for_test:prefer needs a package that isn't there (No module named 'no_such_"),
    ],
)
def test_a_module_that_cant_be_imported(module: Path, monkeypatch: pytest.MonkeyPatch, text: str, words: str) -> None:
    own_module(module.parent, monkeypatch, text)
    with pytest.raises(OwnCodeError) as caught:
        answer("prefer")
    assert words.format(module=module) in str(caught.value)


def test_a_module_that_isnt_there(module: Path) -> None:
    with pytest.raises(OwnCodeError, match=f"there is no module nowhere, neither installed nor in {module.parent}"):
        make_teacher(OneTeacherPart(kind="nowhere:prefer"), 0)
