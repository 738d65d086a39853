"""The first labels of a run."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize(
    "bound", ["segments.pool_bytes=8000", pytest.param("segments.pool_segments=30", marks=pytest.mark.slow)]
)
def test_they_come_from_as_many_clips_as_are_held(command_line, on_cluster: str, bound: str) -> None:
    """Twenty first queries, for which forty clips are collected where there is room."""
    overrides = ("budget.env_steps=1024", "queries.initial_fraction=0.5", bound)
    summary = command_line.train("point", "full", on_cluster, *overrides)
    assert summary["labels"] == 40


def test_a_pool_that_is_too_small_for_them_is_said(command_line, on_cluster: str) -> None:
    overrides = ("queries.initial_fraction=0.5", "segments.pool_segments=7")
    status, _, err = command_line.run(*command_line.small("point", "small", on_cluster, *overrides))
    assert status == 2 and "holds 7 clips, too few for 20 first queries; raise segments.pool_segments" in err
