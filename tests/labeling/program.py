"""People by programs, who answer through the page's requests."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import httpx2
from human_run import HumanRun

from rlhp_ray.labeling.access import Person, Role
from rlhp_ray.preferences.answer_log import read_records
from rlhp_ray.types import Query


class Program:
    """A person by a program: takes pairs, fetches both clips, answers; an answer is sent until it is taken."""

    def __init__(self, run: HumanRun, name: str, choose: Callable[[int, int], str]) -> None:
        self.name, self._choose = name, choose
        address, _, token = run.link(Person(name, Role.ANNOTATOR)).partition("?token=")
        self._http = httpx2.Client(base_url=address, headers={"authorization": f"Bearer {token}"}, timeout=30.0)
        self._held: list[dict[str, object]] = []
        self.acknowledged: list[str] = []  # query ids
        self.refused: list[str] = []
        self.waited = 0  # times that nothing was to be had

    def close(self) -> None:
        """Leave."""
        self._http.close()

    def see(self, query: Query) -> None:
        """Fetch both clips of a query."""
        for segment in (query.first, query.second):
            self._http.get(f"api/clips/{segment}").raise_for_status()

    def report(self, query: Query) -> None:
        """Say that its first clip can't be played."""
        body = {"page": "p", "query_id": query.query_id, "segment_id": query.first}
        self._http.post("api/failures", json=body).raise_for_status()

    def answer_for(self, seconds: float, *, each: float) -> None:
        """Give an answer every `each` seconds."""
        begun, count = time.monotonic(), 0
        while (now := time.monotonic()) - begun < seconds:
            if now - begun < count * each:
                time.sleep(0.02)
                continue
            count += self.answer(f"{self.name}-{len(self.acknowledged)}", each)

    def answer(self, answer_id: str, took: float) -> bool:
        """Answer the next pair; False where there is none."""
        if len(self._held) < 2:
            holding = [pair["query_id"] for pair in self._held]
            given = self._post("api/pairs", {"page": "p", "holding": holding})
            self._held = [pair for pair in self._held if pair["query_id"] in given["kept"]] + given["pairs"]
            for pair in given["pairs"]:
                for side in ("left", "right"):
                    clip = self._http.get(f"api/clips/{pair[side]}").raise_for_status()
                    assert clip.content
        if not self._held:
            self.waited += 1
            time.sleep(0.1)
            return False
        pair = self._held.pop(0)
        choice = self._choose(int(str(pair["left"])), int(str(pair["right"])))
        body = {"answer_id": answer_id, **pair, "choice": choice, "seconds": took}
        if self._post("api/answers", body)["new"]:
            self.acknowledged.append(str(pair["query_id"]))
        return True

    def _post(self, path: str, body: dict[str, object]) -> dict[str, list[dict[str, object]]]:
        while True:
            try:
                said = self._http.post(path, json=body)
            except httpx2.TransportError:
                time.sleep(0.2)
                continue
            if said.status_code in (429, 503) or (
                said.status_code == 500 and "json" not in said.headers["content-type"]
            ):
                time.sleep(0.2)
                continue
            if said.status_code == 409:
                self.refused.append(said.text)
                return {"new": []}
            said.raise_for_status()
            found: dict[str, list[dict[str, object]]] = said.json()
            return found


def queries_of(run: HumanRun) -> list[Query]:
    """All that were asked so far."""
    return [record for record in read_records(run.folder) if isinstance(record, Query)]


def in_parallel(people: list[Program], seconds: float, *, each: float) -> None:
    """Have everybody answer."""
    threads = [threading.Thread(target=one.answer_for, args=(seconds,), kwargs={"each": each}) for one in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
