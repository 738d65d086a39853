"""The queries of an earlier run's export, asked again in their order, for the recorded teacher to answer."""

from __future__ import annotations

import time
from collections.abc import Callable

from rlhp_ray.preferences import Collector, Recording
from rlhp_ray.segments import SegmentStore
from rlhp_ray.types import Query


class RecordedSelector:
    """Brings the recorded clips into this run's store and asks the recorded queries in their order.

    Nothing else may ask in such a run: how many were asked is the place in the record, also after a restart.
    """

    name = "recorded"

    def __init__(
        self,
        recording: Recording,
        store: SegmentStore,
        collector: Collector,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._recorded = [answer.query for answer in recording.asked]
        self._recording = recording
        self._store = store
        self._collector = collector
        self._clock = clock
        self._new_ids: dict[int, int] = {}  # recorded segment id -> this run's
        self.exhausted = False

    def select(self, count: int, *, env_steps: int) -> list[Query]:
        """The next `count` recorded queries, or what is left of them, their clips durable in this run."""
        asked = self._collector.counts().asked
        chosen = self._recorded[asked : asked + count]
        self.exhausted = asked + len(chosen) >= len(self._recorded)
        self._import({i: None for query in chosen for i in (query.first, query.second)})
        return [
            Query(
                first=self._new_ids[query.first],
                second=self._new_ids[query.second],
                created_at=self._clock(),
                method=self.name,
                reward_version=0,
                env_steps=env_steps,
            )
            for query in chosen
        ]

    def _import(self, segment_ids: dict[int, None]) -> None:
        new = [i for i in segment_ids if i not in self._new_ids]
        if new:
            given = self._store.add_kept(self._recording.clips(new))
            self._new_ids.update(zip(new, given.tolist(), strict=True))
