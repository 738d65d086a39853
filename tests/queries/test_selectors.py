"""The selectors: one suite over all of them, then what each has of its own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from query_data import RowPredictor, Run
from query_export import make_export

from rlhp_ray.config.schema import QueriesPart
from rlhp_ray.config.teacher import TeacherPart
from rlhp_ray.interfaces import QuerySelector, RewardPredictor
from rlhp_ray.queries import make_selector
from rlhp_ray.queries.selectors import preference_variance

CANDIDATES = 60


def selector(
    run: Run, kind: str, path: Path, *, predictor: RewardPredictor | None = None, seed: int = 0
) -> QuerySelector:
    """The selector of a config; `recorded` with an export that is made below `path`."""
    predictor = predictor or RowPredictor(np.random.default_rng(1).normal(size=(3, CANDIDATES)))
    if kind == "recorded":
        export = path / "export"
        teacher = TeacherPart(kind="recorded", path=str(export if export.exists() else make_export(path)))
        return make_selector(QueriesPart(), teacher, run.store, run.collector, predictor, seed)
    part = QueriesPart.model_validate({"method": kind})
    return make_selector(part, TeacherPart(), run.store, run.collector, predictor, seed)


@pytest.mark.parametrize("kind", ["random", "disagreement", "recorded"])
class TestEverySelector:
    def test_queries_name_known_segments_and_how_they_were_chosen(self, kind: str, tmp_path: Path) -> None:
        run = Run(tmp_path / "run", CANDIDATES)
        queries = selector(run, kind, tmp_path).select(3, env_steps=77)
        assert len({q.query_id for q in queries}) == 3
        for query in queries:
            assert (query.method, query.env_steps, query.first != query.second) == (kind, 77, True)
            assert query.reward_version == (1 if kind == "disagreement" else 0)
            assert len(run.store.fetch([query.first, query.second])) == 2
        run.store.keep([i for q in queries for i in (q.first, q.second)])
        assert run.collector.ask(queries) == 3

    def test_at_most_what_there_is(self, kind: str, tmp_path: Path) -> None:
        run = Run(tmp_path / "run", 8)
        chosen = selector(run, kind, tmp_path)
        assert len(chosen.select(50, env_steps=0)) == 4
        assert chosen.exhausted == (kind == "recorded")

    def test_same_seed_same_queries(self, kind: str, tmp_path: Path) -> None:
        def pairs(name: str) -> list[list[tuple[int, int]]]:
            run = Run(tmp_path / name, CANDIDATES)
            chosen = selector(run, kind, tmp_path)
            return [[(q.first, q.second) for q in chosen.select(2, env_steps=t)] for t in range(3)]

        assert pairs("a") == pairs("b")


@pytest.mark.parametrize("kind", ["random", "disagreement"])
def test_nothing_to_choose_from(kind: str, tmp_path: Path) -> None:
    run = Run(tmp_path, 0)
    chosen = selector(run, kind, tmp_path)
    assert chosen.select(3, env_steps=0) == []
    run.offer(1)
    assert chosen.select(3, env_steps=0) == []


@pytest.mark.parametrize("kind", ["random", "disagreement"])
def test_no_segment_is_in_two_queries_of_one_choice(kind: str, tmp_path: Path) -> None:
    run = Run(tmp_path, 30)
    queries = selector(run, kind, tmp_path).select(10, env_steps=0)
    assert len({i for q in queries for i in (q.first, q.second)}) == 20


@pytest.mark.parametrize("kind", ["random", "disagreement"])
def test_recency_asks_about_the_newest(kind: str, tmp_path: Path) -> None:
    run = Run(tmp_path, CANDIDATES)
    part = QueriesPart.model_validate({"method": kind, "recency": 1.0, "candidates_per_query": 1})
    predictor = RowPredictor(np.zeros((3, CANDIDATES)))
    chosen = make_selector(part, TeacherPart(), run.store, run.collector, predictor, 0)
    newest = {i for q in chosen.select(6, env_steps=0) for i in (q.first, q.second)}
    assert newest == set(range(48, 60))


def test_disagreement_asks_where_the_members_differ_most(tmp_path: Path) -> None:
    """Two members agree that row r is worth r, but for rows 4 and 9, which they value the other way round."""
    returns = np.tile(np.arange(12.0) * 100, (2, 1))
    returns[0, [4, 9]], returns[1, [4, 9]] = (450.0, 451.0), (455.0, 454.0)
    run = Run(tmp_path, 12)  # few enough that all 66 pairs are candidates
    part = QueriesPart(candidates_per_query=66)
    chosen = make_selector(part, TeacherPart(), run.store, run.collector, RowPredictor(returns), 0)
    for _ in range(5):
        (query,) = chosen.select(1, env_steps=0)
        assert query.query_id == "4-9"


def test_disagreement_has_candidates_ten_times(tmp_path: Path) -> None:
    run = Run(tmp_path, 400)
    seen: list[int] = []

    class Counting(RowPredictor):
        def member_returns(self, observations, actions):  # type: ignore[no-untyped-def]  # as its parent
            seen.append(len(observations))
            return super().member_returns(observations, actions)

    selector(run, "disagreement", tmp_path, predictor=Counting(np.zeros((3, 400)))).select(4, env_steps=0)
    assert seen == [80]


def test_disagreement_is_random_before_the_first_predictor(tmp_path: Path) -> None:
    run = Run(tmp_path, CANDIDATES)
    none_yet = RowPredictor(np.zeros((3, CANDIDATES)), version=0)
    queries = selector(run, "disagreement", tmp_path, predictor=none_yet).select(5, env_steps=0)
    assert {(q.method, q.reward_version) for q in queries} == {("random", 0)}
    assert len(queries) == 5


def test_variance_is_of_the_probability_and_not_of_the_return() -> None:
    # Returns of three segments by two members. Of the first pair both are sure, though by different amounts.
    returns = np.array([[0.0, 50.0, 1.0], [0.0, 500.0, -1.0]], np.float32)
    sure, unsure = preference_variance(returns, np.array([[0, 1], [0, 2]]))
    assert sure == pytest.approx(0.0, abs=1e-9)
    p = 1 / (1 + np.e)
    assert unsure == pytest.approx(np.var([p, 1 - p]), rel=1e-5)


def test_variance_of_huge_returns_is_finite() -> None:
    returns = np.array([[0.0, 1e30], [0.0, -1e30]], np.float32)
    assert preference_variance(returns, np.array([[0, 1]])).tolist() == [0.25]
