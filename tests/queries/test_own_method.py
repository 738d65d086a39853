"""A user's own query method: what it is given, what becomes of its pairs, and what is said where it goes wrong."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import numpy as np
import pytest
from query_data import RowPredictor, Run

from rlhp_ray.config.schema import QueriesPart
from rlhp_ray.config.teacher import TeacherPart
from rlhp_ray.errors import OwnCodeError
from rlhp_ray.interfaces import QuerySelector
from rlhp_ray.queries import check_method, make_selector

CANDIDATES = 30
MODULE = """
import numpy as np

def first(candidates, member_returns, count, rng):
    assert member_returns.shape == (3, len(candidates)) and candidates.clip_steps == 4
    rows = np.argsort(candidates.segment_ids)
    return np.stack([rows[:-1], rows[1:]], axis=1)

def lists(candidates, member_returns, count, rng):
    return [(0, 1), (2, 3)]

def drawn(candidates, member_returns, count, rng):
    return rng.permutation(len(candidates))[: 2 * count].reshape(-1, 2)

def fails(candidates, member_returns, count, rng):
    raise RuntimeError("no idea")

def two(candidates, count): pass
def none(candidates, member_returns, count, rng): pass
def empty(candidates, member_returns, count, rng): return []
def flat(candidates, member_returns, count, rng): return [0, 1]
def ragged(candidates, member_returns, count, rng): return [(0, 1), (2,)]
def floats(candidates, member_returns, count, rng): return [(0.0, 1.0)]
def beyond(candidates, member_returns, count, rng): return [(0, len(candidates))]
def below(candidates, member_returns, count, rng): return [(0, -1)]
def itself(candidates, member_returns, count, rng): return [(0, 1), (2, 2)]
"""


@pytest.fixture(autouse=True)
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "own_method_for_test.py").write_text(MODULE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, "own_method_for_test", raising=False)
    importlib.invalidate_caches()


def selector(run: Run, function: str, *, version: int = 1) -> QuerySelector:
    part = QueriesPart(method=f"own_method_for_test:{function}")
    predictor = RowPredictor(np.zeros((3, CANDIDATES)), version)
    return make_selector(part, TeacherPart(), run.store, run.collector, predictor, 0)


def test_its_first_pairs_are_asked_and_named_after_it(tmp_path: Path) -> None:
    run = Run(tmp_path / "run", CANDIDATES)
    queries = selector(run, "first").select(4, env_steps=7)
    assert [(q.first, q.second) for q in queries] == [(0, 1), (1, 2), (2, 3), (3, 4)]
    assert {(q.method, q.reward_version, q.env_steps) for q in queries} == {("own_method_for_test:first", 1, 7)}


def test_fewer_pairs_are_fine_and_lists_too(tmp_path: Path) -> None:
    assert len(selector(Run(tmp_path / "run", CANDIDATES), "lists").select(5, env_steps=0)) == 2


def test_its_draws_are_the_runs(tmp_path: Path) -> None:
    pairs = [
        [(q.first, q.second) for q in selector(Run(tmp_path / name, CANDIDATES), "drawn").select(5, env_steps=0)]
        for name in ("a", "b")
    ]
    assert pairs[0] == pairs[1]


def test_before_the_first_predictor_pairs_are_random(tmp_path: Path) -> None:
    queries = selector(Run(tmp_path / "run", CANDIDATES), "fails", version=0).select(3, env_steps=0)
    assert [q.method for q in queries] == ["random"] * 3


def test_it_is_not_called_without_a_pair_to_choose(tmp_path: Path) -> None:
    assert selector(Run(tmp_path / "run", 1), "fails").select(3, env_steps=0) == []


@pytest.mark.parametrize(
    ("function", "words"),
    [
        ("fails", "own_method_for_test.py, line 16: RuntimeError: no idea."),
        ("none", "returned an array of object and shape ()"),
        ("empty", "shape (0,)"),
        ("flat", "shape (2,)"),
        ("ragged", "returned a ragged list"),
        ("floats", "returned an array of float64 and shape (1, 2)"),
        ("beyond", "returned rows from 0 to 30"),
        ("below", "returned rows from -1 to 0"),
        ("itself", "returned a pair of a candidate with itself"),
    ],
)
def test_what_it_does_wrong_is_said(tmp_path: Path, function: str, words: str) -> None:
    chosen = selector(Run(tmp_path / "run", CANDIDATES), function)
    with pytest.raises(OwnCodeError) as caught:
        chosen.select(3, env_steps=0)
    assert str(caught.value).startswith(f"own_method_for_test:{function} ") and words in str(caught.value)


@pytest.mark.parametrize(("function", "words"), [("two", "takes other arguments"), ("nothing", "no such function")])
def test_what_is_no_method_is_said_before_a_run(function: str, words: str) -> None:
    with pytest.raises(OwnCodeError, match=words):
        check_method(QueriesPart(method=f"own_method_for_test:{function}"))
