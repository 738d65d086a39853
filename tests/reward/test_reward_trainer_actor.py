"""The trainer as an actor, among the other actors, and after its death."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import ray

from rlhp_ray.config.schema import RewardPart, SegmentsPart
from rlhp_ray.predictor import PublishedEnsemble
from rlhp_ray.preferences.actor import CollectorActor
from rlhp_ray.reward.actor import RewardTrainerActor
from rlhp_ray.segments.actor import SegmentStoreActor
from rlhp_ray.storage.run_folder import RunFolder
from rlhp_ray.tasks import load_task
from rlhp_ray.types import Answer, Choice, Query, Segments

TASK, LABELS, CLIP_STEPS = "half-cheetah", 20, 5


def half_cheetah_segments(count: int) -> Segments:
    rng = np.random.default_rng(0)
    task = load_task(TASK)
    assert task.observation_space.shape and task.action_space.shape
    zeros = np.zeros(count, dtype=np.int64)
    return Segments(
        segment_ids=zeros - 1,
        observations=rng.normal(size=(count, CLIP_STEPS, *task.observation_space.shape)),
        actions=rng.normal(size=(count, CLIP_STEPS, *task.action_space.shape)).astype(np.float32),
        true_rewards=np.zeros((count, CLIP_STEPS), dtype=np.float32),
        render_states=np.zeros((count, CLIP_STEPS, 0)),
        episode_ids=zeros,
        first_steps=zeros,
        env_steps=zeros,
        policy_versions=zeros,
    )


def test_it_trains_publishes_and_comes_back_after_its_death(ray_cluster: None, tmp_path: Path) -> None:
    folder = RunFolder(str(tmp_path))
    store: Any = SegmentStoreActor.remote(folder, SegmentsPart(), 0)
    collector: Any = CollectorActor.remote(folder, lease_seconds=60, seed=0)
    trainer: Any = RewardTrainerActor.remote(
        folder,
        RewardPart(initial_epochs=2),
        0,
        task_name=TASK,
        collector=collector,
        store=store,
        lockstep=False,
    )
    ids = ray.get(store.add_kept.remote(half_cheetah_segments(2 * LABELS))).reshape(-1, 2).tolist()
    queries = [Query(a, b, 0.0, "test", 0, 0) for a, b in ids]
    ray.get(collector.ask.remote(queries))
    answers = [
        Answer(f"a{q.first}", q.query_id, q.first, q.second, Choice.LEFT, "test", time.time(), 1.0) for q in queries
    ]
    ray.get(collector.answer_all.remote(answers))
    first = ray.get(trainer.first_training.remote())
    assert first.version == 1 and first.labels_trained == LABELS
    assert PublishedEnsemble.from_bytes(first.published).version == 1

    report = ray.get(trainer.step.remote(10_000))
    ray.get(trainer.save.remote())
    ray.kill(trainer, no_restart=False)
    again = ray.get(trainer.step.remote(10_000))
    assert again.version >= report.version and again.labels_processed >= report.labels_processed
    for actor in (trainer, collector, store):
        ray.kill(actor)
