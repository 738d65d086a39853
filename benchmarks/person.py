"""A person by a program: the oracle, as errant as B-Pref's, that answers through the labelling page's requests."""

from __future__ import annotations

import dataclasses
import statistics
import threading
import time
from types import TracebackType

import httpx2

from rlhp_ray.config.teacher import OneTeacherPart
from rlhp_ray.labeling.access import Person, Role
from rlhp_ray.labeling.page import page_link
from rlhp_ray.preferences import SyntheticTeacher
from rlhp_ray.segments.shards import SegmentShards
from rlhp_ray.storage import RunFolder
from rlhp_ray.types import Query, Segments


class RunClips:
    """The segments of a run's queries, read from its folder once for all who look at them."""

    def __init__(self, folder: RunFolder) -> None:
        self._folder = folder
        self._shards = SegmentShards(folder)
        self._lock = threading.Lock()

    def pair(self, left: int, right: int) -> Segments:
        """These two."""
        with self._lock:
            if left not in self._shards or right not in self._shards:
                self._shards = SegmentShards(self._folder)  # written since
            return self._shards.fetch([left, right])


@dataclasses.dataclass
class Hold:
    """A pair that somebody was given, by time.monotonic() [seconds]."""

    query_id: str
    given_at: float  # when the reply was there
    renewed_at: float  # when the run was asked last, and let them keep it
    answered_at: float | None = None  # when the answer was on its way

    def end(self, lease_seconds: float) -> float:
        """Up to when it is theirs at least."""
        lease = self.renewed_at + lease_seconds
        return lease if self.answered_at is None else min(lease, self.answered_at)


class HttpPerson:
    """Takes pairs, fetches their clips and answers at a pace; what is sent is sent again until it is taken."""

    def __init__(
        self, folder: RunFolder, name: str, part: OneTeacherPart, *, clips: RunClips | None = None, seed: int = 0
    ) -> None:
        self.name = name
        self._teacher = SyntheticTeacher(part, seed=seed)
        self._clips = clips or RunClips(folder)
        address, _, token = page_link(folder, Person(name, Role.ANNOTATOR)).partition("?token=")
        self._http = httpx2.Client(base_url=address, headers={"authorization": f"Bearer {token}"}, timeout=60.0)
        self._held: list[dict[str, str | int]] = []
        self.holds: dict[str, Hold] = {}
        self.acknowledged: list[str] = []  # query ids, as answered
        self.refused: list[str] = []
        self.sent_again = 0  # requests that the run didn't take the first time
        self.late = 0  # answers for which no pair was there
        self.behind_seconds = 0.0  # of the pace, at most
        self.clip_seconds: list[float] = []
        self.answer_seconds: list[float] = []

    def __enter__(self) -> HttpPerson:
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        self._http.close()

    def answer_for(self, seconds: float, *, each: float, until: int | None = None) -> None:
        """An answer every `each` seconds, for so long or until so many were taken."""
        due = begun = time.monotonic()
        while time.monotonic() - begun < seconds and (until is None or len(self.acknowledged) < until):
            due += each
            time.sleep(max(0.0, due - time.monotonic()))
            self.behind_seconds = max(self.behind_seconds, time.monotonic() - due)
            if not self._answer(each):
                self.late += 1
                due = time.monotonic()

    def take_pairs(self) -> None:
        """Hold on to what is there, and take what is missing to four pairs, with their clips."""
        begun = time.monotonic()
        holding = [pair["query_id"] for pair in self._held]
        handed = self._post("api/pairs", {"page": "program", "holding": holding})
        self._held = [pair for pair in self._held if pair["query_id"] in handed["kept"]] + handed["pairs"]
        now = time.monotonic()
        for pair in self._held:
            query_id = str(pair["query_id"])
            self.holds.setdefault(query_id, Hold(query_id, now, begun)).renewed_at = begun
        for pair in handed["pairs"]:
            self.fetch_clips(int(pair["left"]), int(pair["right"]))

    def fetch_clips(self, *segment_ids: int) -> None:
        """As a browser does."""
        for segment_id in segment_ids:
            begun = time.monotonic()
            self._http.get(f"api/clips/{segment_id}").raise_for_status()
            self.clip_seconds.append(time.monotonic() - begun)

    def forget_times(self) -> None:
        """What was fetched before it counts."""
        self.clip_seconds.clear()

    def figures(self) -> dict[str, float]:
        """What it met."""
        return {
            "answers": len(self.acknowledged),
            "refused": len(self.refused),
            "late": self.late,
            "clip_seconds": statistics.median(self.clip_seconds) if self.clip_seconds else 0.0,
            "answer_seconds": statistics.median(self.answer_seconds) if self.answer_seconds else 0.0,
        }

    def _answer(self, seconds: float) -> bool:
        self.take_pairs()
        if not self._held:
            return False
        pair = self._held.pop(0)
        body = {
            "answer_id": f"{self.name}-{len(self.acknowledged)}-{time.time_ns()}",
            **pair,
            "choice": self._choice(int(pair["left"]), int(pair["right"])),
            "seconds": seconds,
        }
        begun = time.monotonic()
        self.holds[str(pair["query_id"])].answered_at = begun
        if self._post("api/answers", body):  # a repeated one isn't new, but there
            self.acknowledged.append(str(pair["query_id"]))
        self.answer_seconds.append(time.monotonic() - begun)
        return True

    def _choice(self, left: int, right: int) -> str:
        query = Query(first=left, second=right, created_at=0.0, method="", reward_version=0, env_steps=0)
        answer = self._teacher.answer(query, self._clips.pair(left, right))
        assert answer is not None
        return str(answer.choice)

    def _post(self, path: str, body: dict[str, object]) -> dict[str, list[dict[str, str | int]]]:
        while True:
            try:
                said = self._http.post(path, json=body)
                if said.status_code == 409:
                    self.refused.append(said.text)
                    return {}
                if said.status_code not in (429, 500, 503):
                    said.raise_for_status()
                    found: dict[str, list[dict[str, str | int]]] = said.json()
                    return found
            except httpx2.TransportError:
                pass
            self.sent_again += 1
            time.sleep(0.3)
