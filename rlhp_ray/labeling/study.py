"""What the labelling page shows of one run, and does for it, beside pairs and answers.

It stands between the page's requests and the run: the collector, the processes that draw clips, the run's folder.
"""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, Protocol, TypeVar

from rlhp_ray.config.schema import Config
from rlhp_ray.labeling.access import Person, Role
from rlhp_ray.labeling.standing import curves, doubt, newest_film, news
from rlhp_ray.preferences import Collector
from rlhp_ray.storage import RunFolder
from rlhp_ray.tasks import Task
from rlhp_ray.telemetry import MetricsLog

FRESH_SECONDS = 2.0  # how old what everybody is shown may be
T = TypeVar("T")


class Clips(Protocol):
    """What draws clips: ClipMaker, or the proxy of its actor."""

    def clip(self, segment_id: int) -> bytes:
        """An MP4 file."""
        ...

    def failed(self, person: str, query_id: str, segment_id: int) -> None:
        """A browser couldn't play it."""
        ...


class RunStudy:
    """A Study over a run; its methods may be called by several threads."""

    def __init__(
        self, config: Config, task: Task, folder: RunFolder, collector: Collector, clips: Sequence[Clips]
    ) -> None:
        self._config, self._task, self._folder = config, task, folder
        self._collector, self._clips = collector, clips
        self._log = _Remembered(lambda: MetricsLog(folder).lines())
        self._film = _Remembered(lambda: newest_film(folder))
        self._counts = _Remembered(collector.counts)
        self._agreement = _Remembered(collector.agreement)

    def clip(self, segment_id: int) -> bytes:
        """The segment's clip; RlhpRayError where there is none."""
        return self._maker(segment_id).clip(segment_id)

    def task(self) -> Mapping[str, Any]:
        """The sentence for a person, the clips' length and what draws them, and when to rest."""
        part, task = self._config.labeling, self._task
        return {
            "run": self._config.run.name,
            "sentence": task.description,
            "clip_seconds": task.clip_seconds,
            "frames_per_second": task.frames_per_second / task.shown_every,
            "scene": None if task.scene is None else task.scene.geometry(),
            "pause_minutes": part.pause_minutes,
        }

    def standing(self, person: Person) -> Mapping[str, Any]:
        """How the run and the person stand."""
        lines, counts, film = self._log.now(), self._counts.now(), self._film.now()
        own = next((one for one in self._agreement.now().teachers if one.teacher == person.name), None)
        env_steps = lines[-1].env_steps if lines else 0
        shown = 2 * self._task.clip_steps * (counts.labels + counts.cant_tell)
        return {
            "own_answers": own.answers if own else 0,
            "own_seconds": own.seconds if own else None,
            "labels": counts.labels,
            "budget_labels": self._config.budget.labels,
            "open": counts.open,
            "ended": env_steps >= self._config.budget.env_steps and counts.labels >= self._config.budget.labels,
            "seen_fraction": min(1.0, shown / env_steps) if env_steps else None,
            "curves": curves(lines, research=person.role is Role.RESEARCHER),
            "news": news(lines, own=counts.by_teacher.keys() == {person.name}),
            "doubt": doubt(lines),
            "episode": film["name"] if film else None,
            "episode_rewards": film["rewards"] if film else [],
        }

    def episode(self) -> bytes | None:
        """The agent's newest episode."""
        film = self._film.now()
        return None if film is None else self._folder.read(f"videos/{film['name']}.mp4")

    def clip_failed(self, person: Person, query_id: str, segment_id: int) -> None:
        """Have the clip drawn anew; the run's log tells of it."""
        self._maker(segment_id).failed(person.name, query_id, segment_id)

    def people(self) -> Mapping[str, Any]:
        """Everybody's figures."""
        agreement, excluded = self._agreement.now(), set(self._collector.excluded())
        return {
            "fleiss_kappa": agreement.fleiss_kappa,
            "shared": agreement.shared,
            "people": [{**dataclasses.asdict(one), "excluded": one.teacher in excluded} for one in agreement.teachers],
        }

    def exclude(self, name: str, excluded: bool, by: Person) -> bool:
        """Leave somebody's answers out, or take them in again."""
        return self._collector.exclude(name, excluded, by.name)

    def _maker(self, segment_id: int) -> Clips:
        return self._clips[segment_id % len(self._clips)]


class _Remembered(Generic[T]):
    """What is asked for anew when it is too old, however many ask."""

    def __init__(self, ask: Callable[[], T]) -> None:
        self._ask = ask
        self._lock = threading.Lock()
        self._known: tuple[float, T] | None = None

    def now(self) -> T:
        """At most FRESH_SECONDS old."""
        with self._lock:
            if self._known is None or time.monotonic() - self._known[0] > FRESH_SECONDS:
                self._known = time.monotonic(), self._ask()
            return self._known[1]
