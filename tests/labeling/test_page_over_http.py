"""The page's requests before a run that trains: many people at once, and processes that die under them."""

from __future__ import annotations

import collections
import pathlib
import threading
import time
from collections.abc import Callable

import httpx2
import pytest
from human_run import PORT, Cluster, HumanRun

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

    def answer_for(self, seconds: float, *, each: float) -> None:
        """Give an answer every `each` seconds."""
        begun, count = time.monotonic(), 0
        while (now := time.monotonic()) - begun < seconds:
            if now - begun < count * each:
                time.sleep(0.02)
                continue
            count += self.answer(f"{self.name}-{count}", each)

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


@pytest.mark.slow
def test_fifteen_people_at_once(page_cluster: Cluster, tmp_path: pathlib.Path) -> None:
    run = HumanRun(
        page_cluster,
        tmp_path,
        f"labeling.port={PORT}",
        "labeling.second_share=0.1",
        "labeling.repeat_share=0",
        "budget.labels=3000",
        "budget.env_steps=1000000",
        "budget.max_env_steps_per_label=20",
        "queries.open_queries=120",
        "queries.initial_fraction=0.1",
    )
    people = []
    try:
        run.wait_until_open()
        people = [Program(run, f"p{number}", lambda left, right: "left") for number in range(15)]
        run.wait_for(lambda: len(queries_of(run)) >= 120)
        for query in queries_of(run):  # drawn before anybody comes
            people[0].see(query)
        in_parallel(people, 20.0, each=2.0)
        assert [one.refused for one in people if one.refused] == []
        answers = run.answers()
        assert len(answers) == sum(len(one.acknowledged) for one in people) > 15 * 7
        for one in people:
            mine = [answer.query_id for answer in answers if answer.teacher == one.name]
            assert sorted(mine) == sorted(one.acknowledged) and len(set(mine)) == len(mine)
        assert max(collections.Counter(answer.query_id for answer in answers).values()) <= 2
    finally:
        for one in people:
            one.close()
        run.stop()


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


def test_what_draws_clips_is_killed(taught: HumanRun, request: pytest.FixtureRequest) -> None:
    ann = Program(taught, "ann", lambda left, right: "equal")
    request.addfinalizer(ann.close)
    for number in range(6):
        if number == 3:
            taught.kill_actor("-clips-0")
        while not ann.answer(f"a{number}", 1.0):
            pass
    assert len(taught.answers()) == 6 and ann.refused == []


@pytest.mark.slow
def test_somebody_who_answers_at_random_is_found_and_excluded(page_cluster: Cluster, tmp_path: pathlib.Path) -> None:
    run = HumanRun(
        page_cluster,
        tmp_path,
        f"labeling.port={PORT}",
        "labeling.second_share=1",
        "labeling.repeat_share=0",
        "budget.labels=2000",
        "budget.env_steps=1000000",
        "budget.max_env_steps_per_label=300",
        "queries.open_queries=40",
        "queries.initial_fraction=0.01",
    )
    everybody: list[Program | httpx2.Client] = []
    try:
        run.wait_until_open()
        good = [
            Program(run, f"good{number}", lambda left, right: "left" if left < right else "right")
            for number in range(3)
        ]
        coin = iter("lrrlrllrlrrllrrllrlrlrrl" * 100)
        bad = Program(run, "bad", lambda left, right: "left" if next(coin) == "l" else "right")
        everybody += [*good, bad]
        in_parallel([*good, bad], 40.0, each=0.7)
        address, _, token = run.link().partition("?token=")
        owner = httpx2.Client(base_url=address, headers={"authorization": f"Bearer {token}"}, timeout=30.0)
        everybody.append(owner)
        figures = {one["teacher"]: one for one in owner.get("api/people").json()["people"]}
        assert figures["bad"]["kappa"] < 0.3 < 0.5 < min(figures[one.name]["agreement"] for one in good)
        before = owner.get("api/standing").json()["labels"]
        assert owner.post("api/people/excluded", json={"name": "bad", "excluded": True}).json() == {"new": True}
        run.wait_for(lambda: owner.get("api/standing").json()["labels"] < before)
    finally:
        for one in everybody:
            one.close()
        run.stop()
