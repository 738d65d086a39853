"""A person by a program: the oracle, as errant as B-Pref's, that answers through the labelling page's requests."""

from __future__ import annotations

import dataclasses
import statistics
import time

import httpx2

from rlhp_ray.config.teacher import OneTeacherPart
from rlhp_ray.labeling.access import Person, Role
from rlhp_ray.labeling.page import page_link
from rlhp_ray.preferences import SyntheticTeacher
from rlhp_ray.segments.shards import SegmentShards
from rlhp_ray.storage import RunFolder
from rlhp_ray.types import Query


class HttpPerson:
    """Takes pairs, fetches their clips and answers at a pace; what is sent is sent again until it is taken."""

    def __init__(self, folder: RunFolder, name: str, part: OneTeacherPart, *, seed: int = 0) -> None:
        self.name = name
        self._folder = folder
        self._teacher = SyntheticTeacher(part, seed=seed)
        self._shards = SegmentShards(folder)
        address, _, token = page_link(folder, Person(name, Role.ANNOTATOR)).partition("?token=")
        self._http = httpx2.Client(base_url=address, headers={"authorization": f"Bearer {token}"}, timeout=60.0)
        self._held: list[dict[str, str | int]] = []
        self.acknowledged: list[str] = []  # query ids, as answered
        self.refused: list[str] = []
        self.late = 0  # answers for which no pair was there
        self.clip_seconds: list[float] = []
        self.answer_seconds: list[float] = []

    def close(self) -> None:
        """Leave."""
        self._http.close()

    def answer_for(self, seconds: float, *, each: float, until: int | None = None) -> None:
        """An answer every `each` seconds, for so long or until so many were taken."""
        due = begun = time.monotonic()
        while time.monotonic() - begun < seconds and (until is None or len(self.acknowledged) < until):
            due += each
            time.sleep(max(0.0, due - time.monotonic()))
            if not self._answer(each):
                self.late += 1
                due = time.monotonic()

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
        holding = [pair["query_id"] for pair in self._held]
        handed = self._post("api/pairs", {"page": "program", "holding": holding})
        self._held = [pair for pair in self._held if pair["query_id"] in handed["kept"]] + handed["pairs"]
        for pair in handed["pairs"]:
            for side in ("left", "right"):
                begun = time.monotonic()
                self._http.get(f"api/clips/{pair[side]}").raise_for_status()
                self.clip_seconds.append(time.monotonic() - begun)
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
        if self._post("api/answers", body).get("new"):
            self.acknowledged.append(str(pair["query_id"]))
        self.answer_seconds.append(time.monotonic() - begun)
        return True

    def _choice(self, left: int, right: int) -> str:
        if left not in self._shards or right not in self._shards:
            self._shards = SegmentShards(self._folder)  # written since
        query = Query(first=left, second=right, created_at=0.0, method="", reward_version=0, env_steps=0)
        answer = self._teacher.answer(query, self._shards.fetch([left, right]))
        assert answer is not None
        return dataclasses.asdict(answer)["choice"].value

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
            time.sleep(0.3)
