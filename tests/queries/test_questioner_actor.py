"""The questioner as a Ray actor, with the collector and the store in theirs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import query_data
import ray
from query_data import RowPredictor, make_segments

from rlhp_ray.actors import proxy
from rlhp_ray.config.schema import BudgetPart, QueriesPart, SegmentsPart
from rlhp_ray.config.teacher import TeacherPart
from rlhp_ray.preferences import Collector
from rlhp_ray.preferences.actor import CollectorActor
from rlhp_ray.queries import Questioner
from rlhp_ray.queries.actor import QuestionerActor
from rlhp_ray.segments import SegmentStore
from rlhp_ray.segments.actor import SegmentStoreActor
from rlhp_ray.storage import RunFolder


@pytest.mark.usefixtures("ray_cluster")
def test_queries_open_through_actors(tmp_path: Path) -> None:
    ray.cloudpickle.register_pickle_by_value(query_data)  # a worker can't import the tests' modules
    folder = RunFolder(str(tmp_path))
    store = SegmentStoreActor.remote(folder, SegmentsPart(), 0)
    collector = CollectorActor.remote(folder, lease_seconds=60.0, seed=0)
    proxy(store, SegmentStore).offer(make_segments(60))
    budget = BudgetPart(labels=8, env_steps=100)
    actor = QuestionerActor.remote(
        QueriesPart(), budget, TeacherPart(), 0, collector, store, RowPredictor(np.zeros((3, 60)))
    )
    questioner = proxy(actor, Questioner)
    assert questioner.step(0).opened == 2
    assert questioner.step(100).opened == 6
    assert proxy(collector, Collector).counts().open == 8
    for one in (actor, collector, store):
        ray.kill(one)
