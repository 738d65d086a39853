"""The registry of metrics, and the page that is generated from it."""

from __future__ import annotations

import pathlib

import pytest

from rlhp_ray.telemetry import METRICS, Metric, UndeclaredMetricError, metric
from rlhp_ray.telemetry.docs import metrics_markdown


def test_the_committed_page_is_the_registry_s() -> None:
    page = pathlib.Path(__file__).parents[2] / "docs" / "metrics.md"
    assert page.read_text(encoding="utf-8") == metrics_markdown(), "type `make docs`"


def test_every_metric_is_declared_once_with_unit_meaning_and_a_cure_for_its_range() -> None:
    assert len({m.name for m in METRICS}) == len(METRICS)
    assert len({m.prometheus_name for m in METRICS}) == len(METRICS)
    page = metrics_markdown()
    for m in METRICS:
        assert m.unit and m.meaning.endswith("."), m.name
        assert bool(m.otherwise) == (m.low is not None or m.high is not None), m.name
        assert f"| `{m.name}` | {m.unit} | {m.meaning} |" in page


def test_a_metric_that_is_not_declared_is_an_error_that_says_where() -> None:
    assert metric("true_return").unit == "reward"
    with pytest.raises(UndeclaredMetricError, match=r"made_up is written but not declared; .*registry\.py"):
        metric("made_up")


def test_healthy_is_within_both_bounds_and_so_is_what_is_not_known() -> None:
    m = Metric("m", "u", "It is.", low=0.5, high=1.0, otherwise="look")
    assert [m.is_healthy(value) for value in (0.4, 0.5, 1.0, 1.1, None)] == [False, True, True, False, True]
    assert m.healthy == "at least 0.5 and at most 1"
