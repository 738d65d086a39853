"""The collector and the teacher as Ray actors."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
import ray
from preference_data import make_answer, make_query, make_segments

from rlhp_ray.actors import proxy
from rlhp_ray.config.schema import SegmentsPart
from rlhp_ray.config.teacher import OneTeacherPart
from rlhp_ray.preferences import Collector, TeacherDesk
from rlhp_ray.preferences.actor import CollectorActor, TeacherActor
from rlhp_ray.segments import SegmentStore
from rlhp_ray.segments.actor import SegmentStoreActor
from rlhp_ray.storage import RunFolder


@pytest.mark.usefixtures("ray_cluster")
def test_teacher_answers_through_actors_and_a_killed_collector_comes_back(tmp_path: Path) -> None:
    folder = RunFolder(str(tmp_path))
    store_actor = SegmentStoreActor.remote(folder, SegmentsPart(), 0)
    collector_actor = CollectorActor.remote(folder, lease_seconds=60.0, seed=0)
    collector = proxy(collector_actor, Collector)
    proxy(store_actor, SegmentStore).add_kept(make_segments([0.0, 1.0, 2.0]))
    assert collector.ask([make_query(0, 1), make_query(1, 2)]) == 2
    teacher_actor = TeacherActor.remote(OneTeacherPart(), 0, collector_actor, store_actor, colleagues=0)
    desk = proxy(teacher_actor, TeacherDesk)
    assert desk.step().answered == 2
    counts, answers = collector.counts(), collector.answers()
    ray.kill(collector_actor, no_restart=False)
    time.sleep(0.1)
    assert collector.counts() == counts
    assert collector.answers() == answers
    assert collector.answer(answers[0]) is False
    assert collector.undo(answers[0].answer_id, "oracle")
    assert collector.preferences(counts.asked).removed == []
    assert collector.attempts(["0-1"]) == [1]
    assert collector.lease("ann", 5) == [make_query(0, 1)]
    assert collector.release("ann") == 1
    assert collector.answer_all([make_answer(make_query(0, 1))]) == [True]
    for actor in (teacher_actor, collector_actor, store_actor):
        ray.kill(actor)


@pytest.mark.usefixtures("ray_cluster")
def test_an_actor_tells_that_it_lives_while_it_waits_for_its_folder(tmp_path: Path) -> None:
    """Its disk is away under a call: the pulse says so, and the call succeeds once it is back."""
    folder = RunFolder.create(str(tmp_path / "run")).take_over(patience_seconds=120.0)
    collector_actor: Any = CollectorActor.remote(folder, lease_seconds=60.0, seed=0)
    assert ray.get(collector_actor.pulse.remote())[0] == ""
    (tmp_path / "run").rename(tmp_path / "away")
    asked = collector_actor.ask.remote([make_query(0, 1)])
    while not (waits_for := ray.get(collector_actor.pulse.remote())[0]):
        time.sleep(0.02)
    assert "is gone or not mounted; bring it back" in waits_for
    (tmp_path / "away").rename(tmp_path / "run")
    assert ray.get(asked) == 1
    assert ray.get(collector_actor.pulse.remote())[0] == ""
    ray.kill(collector_actor)
