"""A process that draws clips, as a Ray actor. It has no state that matters: what it kept is drawn again."""

from __future__ import annotations

from typing import Any

import ray
from ray.actor import ActorHandle

from rlhp_ray.actors import RESTARTING, Watched, proxy
from rlhp_ray.config.labeling import LabelingPart
from rlhp_ray.labeling.clips import ClipMaker, ClipReport
from rlhp_ray.preferences import Collector
from rlhp_ray.segments import SegmentStore
from rlhp_ray.tasks import load_task


@ray.remote(**RESTARTING)
class ClipActor(Watched):
    """Draws the clips of open queries ahead. Ray shell around ClipMaker: the same methods."""

    def __init__(
        self,
        task_name: str,
        clip_steps: int | None,
        part: LabelingPart,
        collector: ActorHandle[Any],
        store: ActorHandle[Any],
        *,
        place: int,
    ) -> None:
        task = load_task(task_name, clip_steps)
        answers, segments = proxy(collector, Collector), proxy(store, SegmentStore)
        self._maker = ClipMaker(task, answers, segments, part, place=place, of=part.processes)

    def __repr__(self) -> str:
        return repr(self._maker)

    def step(self) -> ClipReport:
        return self._maker.step()

    def clip(self, segment_id: int) -> bytes:
        return self._maker.clip(segment_id)

    def failed(self, person: str, query_id: str, segment_id: int) -> None:
        self._maker.failed(person, query_id, segment_id)
