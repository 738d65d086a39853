"""Clips as a browser plays them, from a segment's stored states: made once, kept while there is room.

It stands between the segment store and the labelling page (Christiano et al. 2017, section 2.2.2: a person is shown two
clips of one to two seconds). Of a MuJoCo task the browser gets poses and draws them itself; of others a video, which is
dear to make, so it goes on in processes of its own, ahead of the people.
"""

from __future__ import annotations

import collections
import dataclasses
import pathlib
import tempfile
import time
from collections.abc import Container

from rlhp_ray.config.labeling import LabelingPart
from rlhp_ray.errors import RlhpRayError
from rlhp_ray.preferences import Collector
from rlhp_ray.segments import SegmentStore
from rlhp_ray.tasks import Task, write_video

AHEAD_QUERIES = 1_000  # whose clips are drawn before anybody asks for them
STEP_SECONDS = 0.3  # of drawing in one step, so that nobody waits longer for a clip that isn't ready
REST_SECONDS = 0.5


@dataclasses.dataclass(frozen=True, slots=True)
class ClipReport:
    """What a step of drawing did."""

    drawn: int
    troubles: tuple[str, ...]  # a sentence for each clip that couldn't be drawn or played since the last step

    @property
    def next_seconds(self) -> float:
        """Until the next step has something to do."""
        return 0.0 if self.drawn else REST_SECONDS


class ClipMaker:
    """Makes the clips of a task and keeps those that are asked about: each of `of` makers has its part."""

    def __init__(
        self,
        task: Task,
        collector: Collector,
        store: SegmentStore,
        part: LabelingPart,
        *,
        place: int = 0,
        of: int = 1,
    ) -> None:
        self._task, self._collector, self._store, self._part = task, collector, store, part
        self._place, self._of = place, of
        self._clips: collections.OrderedDict[int, bytes] = collections.OrderedDict()  # the one used last comes last
        self._kept_bytes = 0
        self._undrawable: set[int] = set()
        self._full_at: int | None = None  # the first segment that was waited for when no more fitted
        self._troubles: list[str] = []

    def __repr__(self) -> str:
        return f"ClipMaker({len(self._clips)} clips)"

    def clip(self, segment_id: int) -> bytes:
        """The segment's clip: poses as Scene gives them, little-endian, or an MP4 file where the task has no scene.

        RlhpRayError where it can't be made or isn't there.
        """
        if segment_id not in self._clips:
            self._keep(segment_id, self._draw(segment_id))
        self._clips.move_to_end(segment_id)
        return self._clips[segment_id]

    def failed(self, person: str, query_id: str, segment_id: int) -> None:
        """Somebody's browser couldn't play the clip: it is drawn anew, and the next step tells of it."""
        self._kept_bytes -= len(self._clips.pop(segment_id, b""))
        self._troubles.append(f"{person}'s browser can't play the clip of segment {segment_id} (query {query_id}).")

    def step(self) -> ClipReport:
        """Draw what will be asked for next, for a moment."""
        begun, drawn = time.monotonic(), 0
        waiting = [i for query in self._collector.waiting(AHEAD_QUERIES) for i in (query.first, query.second)]
        wanted = dict.fromkeys(i for i in waiting if i % self._of == self._place)
        for segment_id in wanted:
            if segment_id in self._clips or segment_id in self._undrawable:
                continue
            if time.monotonic() - begun >= STEP_SECONDS or self._full_at == next(iter(wanted)):
                break
            try:
                clip = self._draw(segment_id)
                drawn += 1
                if not self._make_room(len(clip), wanted):
                    self._full_at = next(iter(wanted))  # until that one is answered
                    break
                self._keep(segment_id, clip)
            except RlhpRayError as error:
                self._undrawable.add(segment_id)
                self._troubles.append(f"The clip of segment {segment_id} can't be drawn: {error}")
        troubles, self._troubles = tuple(self._troubles), []
        return ClipReport(drawn, troubles)

    def _draw(self, segment_id: int) -> bytes:
        stride = self._task.shown_every
        states = self._store.fetch([segment_id]).render_states[0, ::stride]
        if self._task.scene is not None:
            return self._task.scene.poses(states).astype("<f4").tobytes()
        frames = self._task.render(states, width=self._part.width, height=self._part.height)
        with tempfile.TemporaryDirectory() as scratch:
            file = pathlib.Path(scratch, "clip.mp4")
            write_video(frames, file, self._task.frames_per_second / stride)
            return file.read_bytes()

    def _make_room(self, size: int, wanted: Container[int]) -> bool:
        """Whether so much more fits, once clips that nobody waits for are dropped, the oldest first."""
        for kept in [kept for kept in self._clips if kept not in wanted]:
            if self._kept_bytes + size <= self._part.cache_bytes:
                break
            self._kept_bytes -= len(self._clips.pop(kept))
        return self._kept_bytes + size <= self._part.cache_bytes

    def _keep(self, segment_id: int, clip: bytes) -> None:
        self._clips[segment_id] = clip
        self._kept_bytes += len(clip)
        while self._kept_bytes > self._part.cache_bytes and len(self._clips) > 1:
            _, dropped = self._clips.popitem(last=False)
            self._kept_bytes -= len(dropped)
