"""The export of a small run, to be asked and answered again."""

from __future__ import annotations

import shutil
from pathlib import Path

from query_data import Run, make_query, make_segments

from rlhp_ray.preferences import export_answers
from rlhp_ray.types import Answer, Choice

RECORDED = [
    (make_query(7, 2), Choice.LEFT),
    (make_query(2, 9), Choice.RIGHT),
    (make_query(0, 1), Choice.CANT_TELL),
    (make_query(5, 7), Choice.EQUAL),
]


def make_export(path: Path) -> Path:
    """A run that asked RECORDED, and one more query that was never answered."""
    run = Run(path / "recorded", 0)
    run.store.add_kept(make_segments(10))
    queries = [query for query, _ in RECORDED]
    run.collector.ask([queries[0], make_query(3, 4), *queries[1:]])
    for q, choice in reversed(RECORDED):
        run.collector.answer(Answer(f"a:{q.query_id}", q.query_id, q.first, q.second, choice, "ann", 0.0, 0.0))
    shutil.copytree(path / "recorded" / "segments", path / "export" / "clips")
    export_answers(run.folder, path / "export" / "answers.parquet")
    return path / "export"
