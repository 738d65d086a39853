"""A run's collector, store, clips and page in one process, of a real task, for the tests of this room."""

from __future__ import annotations

import dataclasses
import threading
from pathlib import Path

import numpy as np
from fastapi import FastAPI
from fastapi.testclient import TestClient

from rlhp_ray.config.load import parse_config
from rlhp_ray.config.schema import Config
from rlhp_ray.labeling.access import Invitations, Person, Role
from rlhp_ray.labeling.clips import ClipMaker
from rlhp_ray.labeling.guard import RateBound
from rlhp_ray.labeling.http import make_app
from rlhp_ray.labeling.person_desk import PersonDesk
from rlhp_ray.labeling.study import RunStudy
from rlhp_ray.preferences import Collector
from rlhp_ray.segments import LocalTables, SegmentStore
from rlhp_ray.storage import RunFolder
from rlhp_ray.tasks import Task, load_task
from rlhp_ray.types import Query, Segments

ANN, BOB, EVE = Person("ann", Role.ANNOTATOR), Person("bob", Role.ANNOTATOR), Person("eve", Role.RESEARCHER)


def config(task: str, text: str = "") -> Config:
    return parse_config("{task: " + task + ", teacher: {kind: human}, " + text + "}", source="test")


def swinging(task: Task, count: int) -> Segments:
    """Clips of a pendulum that swings over, all alike, or of a game's screen that grows bright."""
    steps = task.clip_steps
    states = np.zeros((count, steps, *task.state_shape), dtype=task.state_dtype)
    if task.scene is not None:
        states[:, :, 1] = np.linspace(-1, 1, steps)
    else:
        half = task.state_shape[1] // 2
        states[:, :, :, :half] = np.linspace(0, 255, steps).astype(np.uint8)[:, None, None, None]
    frames = (count, steps + task.frames_per_observation - 1, *task.frame_shape)
    actions = (count, steps, *(task.action_space.shape or ()))
    zeros = np.zeros(count, dtype=np.int64)
    return Segments(
        segment_ids=zeros - 1,
        observations=np.zeros(frames, dtype=task.observation_space.dtype),
        actions=np.zeros(actions, dtype=task.action_space.dtype),
        true_rewards=np.zeros((count, steps), dtype=np.float32),
        render_states=states,
        episode_ids=zeros,
        first_steps=zeros,
        env_steps=zeros,
        policy_versions=zeros,
    )


@dataclasses.dataclass
class Run:
    """What a page stands on."""

    config: Config
    folder: RunFolder
    collector: Collector
    store: SegmentStore
    clips: ClipMaker
    invitations: Invitations
    app: FastAPI
    turn: threading.Lock = dataclasses.field(default_factory=threading.Lock)  # of whoever uses it, as an actor has

    def ask(self, count: int) -> list[Query]:
        """Open so many queries over new clips."""
        task = load_task(self.config.task, self.config.segments.clip_steps)
        with self.turn:
            ids = [int(i) for i in self.store.add_kept(swinging(task, 2 * count))]
            queries = [
                Query(first=a, second=b, created_at=1.0, method="random", reward_version=0, env_steps=0)
                for a, b in zip(ids[::2], ids[1::2], strict=True)
            ]
            self.collector.ask(queries)
        return queries

    def browser(self, person: Person | None) -> TestClient:
        """One with this person's cookie."""
        client = TestClient(self.app, base_url="http://page")
        if person is not None:
            client.cookies.set("rlhp_ray", self.invitations.token(person))
        return client


def make_run(path: Path, text: str = "", *, task: str = "inverted-pendulum", rate: RateBound | None = None) -> Run:
    """A run in this folder."""
    made = config(task, text)
    folder = RunFolder(str(path))
    collector = Collector(folder, lease_seconds=60.0, seed=0)
    store = SegmentStore(folder, made.segments, 0, LocalTables())
    loaded = load_task(made.task, made.segments.clip_steps)
    clips = ClipMaker(loaded, collector, store, made.labeling)
    invitations = Invitations.of_run(folder)
    desk = PersonDesk(collector, budget_labels=made.budget.labels, seed=0)
    app = make_app(desk, RunStudy(made, loaded, folder, collector, [clips]), invitations, rate=rate)
    return Run(made, folder, collector, store, clips, invitations, app)
