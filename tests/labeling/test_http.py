"""The page over HTTP: who is let in, what they may do, what becomes of their requests."""

from __future__ import annotations

import dataclasses
import io
import re
from pathlib import Path

import av
import numpy as np
import pytest
from page_data import ANN, BOB, EVE, Run, make_run
from starlette.routing import Route

from rlhp_ray.labeling.guard import RateBound
from rlhp_ray.telemetry import MetricsLog
from rlhp_ray.types import Choice


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return make_run(tmp_path)


def answer_of(pair: dict[str, object], *, answer_id: str = "1", **changes: object) -> dict[str, object]:
    return {"answer_id": answer_id, **pair, "choice": "left", "seconds": 1.5} | changes


def test_the_link_lets_somebody_in_and_leaves_the_address_bar(run: Run) -> None:
    browser = run.browser(None)
    assert browser.get("/").status_code == 401
    entered = browser.get("/", params={"token": run.invitations.token(ANN)}, follow_redirects=False)
    assert entered.status_code == 303 and entered.headers["location"] == "/"
    cookie = entered.headers["set-cookie"]
    assert "HttpOnly" in cookie and "SameSite=strict" in cookie and "Path=/" in cookie
    assert "better" in browser.get("/").text
    assert browser.get("/api/session").json()["name"] == "ann"


def test_nobody_comes_in_without_a_token_and_an_annotator_sees_nothing_of_a_researchers(run: Run) -> None:
    paths = [
        (method, re.sub(r"{\w+}", "1", route.path))
        for route in run.app.routes
        if isinstance(route, Route) and route.path.startswith("/api/")
        for method in sorted(route.methods or ())
    ]
    assert len(paths) > 10
    forged = run.invitations.token(ANN).replace("annotator", "researcher")
    for method, path in paths:
        if path == "/api/openapi.json":
            continue
        for token in ("", "x", "ann.annotator.", forged):
            answer = run.browser(None).request(method, path, headers={"authorization": f"Bearer {token}"}, json={})
            assert answer.status_code == 401, (method, path, token)
    for method, path in (("GET", "/api/people"), ("POST", "/api/people/excluded"), ("POST", "/api/invitations")):
        assert run.browser(ANN).request(method, path, json={}).status_code == 403
    MetricsLog(run.folder).write(env_steps=5, labels=0, values={"true_return": 3.0, "wall_seconds": 1.0})
    assert "true_return" not in run.browser(ANN).get("/api/standing").text
    assert run.browser(EVE).get("/api/standing").json()["curves"]["true_return"] == [[1.0, 3.0]]


def test_an_answer_is_taken_once_however_often_it_is_sent_and_can_be_undone(run: Run) -> None:
    queries = run.ask(2)
    ann = run.browser(ANN)
    pair, other = ann.post("/api/pairs", json={"page": "p", "holding": []}).json()["pairs"]
    answer = answer_of(pair)
    assert [ann.post("/api/answers", json=answer).json()["new"] for _ in range(3)] == [True, False, False]
    (taken,) = run.collector.answers()
    assert (taken.teacher, taken.choice, taken.seconds) == ("ann", Choice.LEFT, 1.5)
    assert (taken.left, taken.right) == (pair["left"], pair["right"])
    assert {taken.left, taken.right} == {queries[0].first, queries[0].second}
    refused = ann.post("/api/answers", json=answer | {"answer_id": "2"})
    assert refused.status_code == 409 and "answered already" in refused.json()["detail"]
    assert run.browser(BOB).post("/api/undo", json={"page": "p", "answer_id": "1"}).status_code == 409
    assert [ann.post("/api/undo", json={"page": "p", "answer_id": "1"}).json()["new"] for _ in range(2)] == [
        True,
        False,
    ]
    assert run.collector.counts().labels == 0
    assert ann.post("/api/leave", json={"page": "p", "holding": [pair["query_id"], other["query_id"]]}).json() == {
        "released": 2
    }


def test_a_clip_of_a_robot_is_its_poses_and_one_that_fails_is_made_anew(run: Run) -> None:
    (query,) = run.ask(1)
    ann = run.browser(ANN)
    session = ann.get("/api/session").json()
    got = ann.get(f"/api/clips/{query.first}")
    assert "immutable" in got.headers["cache-control"]
    poses = np.frombuffer(got.content, dtype="<f4").reshape(-1, 3 + 12 * len(session["scene"]["shapes"]))
    assert len(poses) / session["frames_per_second"] == pytest.approx(1.5, abs=0.1)
    (pair,) = ann.post("/api/pairs", json={"page": "p", "holding": []}).json()["pairs"]
    failure = {"page": "p", "query_id": pair["query_id"], "segment_id": query.first}
    assert ann.post("/api/failures", json=failure).json() == {"noted": True}
    assert ann.post("/api/pairs", json={"page": "p", "holding": []}).json()["pairs"] == []  # not at once again
    assert run.collector.counts().open == 1
    assert "ann's browser can't play" in run.clips.step().troubles[0]
    assert ann.get("/api/clips/999").status_code == 409


def test_a_clip_of_a_game_is_a_video_that_a_browser_plays(tmp_path: Path) -> None:
    run = make_run(tmp_path, task="pong")
    (query,) = run.ask(1)
    ann = run.browser(ANN)
    session = ann.get("/api/session").json()
    assert session["scene"] is None
    with av.open(io.BytesIO(ann.get(f"/api/clips/{query.first}").content)) as video:
        frames, rate = list(video.decode(video=0)), float(video.streams.video[0].average_rate or 1)
    part = run.config.labeling
    assert (frames[0].width, frames[0].height) == (part.width, part.height)
    assert len(frames) / rate == pytest.approx(session["clip_seconds"], abs=0.1)
    assert frames[0].to_ndarray(format="rgb24").max() < 40 < frames[-1].to_ndarray(format="rgb24").std()


def test_clips_of_open_queries_are_drawn_ahead_within_the_bound(tmp_path: Path) -> None:
    run = make_run(tmp_path, "labeling: {cache_bytes: 20000}")
    queries = run.ask(20)
    reports = [run.clips.step() for _ in range(20)]
    assert reports[0].drawn and not reports[-1].drawn
    kept = [query for query in queries if query.first in run.clips._clips]
    assert 0 < len(kept) < 20 and kept == queries[: len(kept)]
    assert sum(map(len, run.clips._clips.values())) <= 20_000
    for query in queries:
        run.clips.clip(query.second)
    assert sum(map(len, run.clips._clips.values())) <= 20_000


def test_what_the_run_can_not_do_now_is_tried_again_and_what_it_never_can_is_not(run: Run) -> None:
    (query,) = run.ask(1)
    ann = run.browser(ANN)
    (pair,) = ann.post("/api/pairs", json={"page": "p", "holding": []}).json()["pairs"]
    later = run.folder.take_over(above=0)
    old = run.folder.take_over(above=0)
    assert later.epoch and old.epoch and old.epoch > later.epoch
    gone = make_run(tmp_path_of(run))
    gone.collector._log._folder = later  # another driver has taken the folder over
    answer = gone.browser(ANN).post("/api/answers", json=answer_of(pair))
    assert answer.status_code == 503
    unknown = ann.post("/api/answers", json=answer_of(pair, query_id=f"{query.first}-9999"))
    assert unknown.status_code == 409


def tmp_path_of(run: Run) -> Path:
    return Path(run.folder.address)


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"choice": "both"}, 422),
        ({"seconds": -1}, 422),
        ({"seconds": 1e9}, 422),
        ({"left": "../secret"}, 422),
        ({"query_id": "1"}, 422),
        ({"answer_id": "a b"}, 422),
        ({"extra": 1}, 422),
    ],
)
def test_what_is_malformed_is_refused(run: Run, changes: dict[str, object], status: int) -> None:
    run.ask(1)
    ann = run.browser(ANN)
    (pair,) = ann.post("/api/pairs", json={"page": "p", "holding": []}).json()["pairs"]
    assert ann.post("/api/answers", json=answer_of(pair, **changes)).status_code == status
    assert run.collector.answers() == []


def test_other_pages_and_floods_are_kept_out(run: Run) -> None:
    ann = run.browser(ANN)
    assert (
        ann.post("/api/pairs", json={"page": "p", "holding": []}, headers={"origin": "http://page"}).status_code == 200
    )
    assert (
        ann.post("/api/pairs", json={"page": "p", "holding": []}, headers={"origin": "http://evil"}).status_code == 403
    )
    assert ann.post("/api/pairs", content=b" " * 20_000).status_code == 413
    headers = ann.get("/").headers
    assert (
        "default-src 'none'" in headers["content-security-policy"] and "http" not in headers["content-security-policy"]
    )
    assert ann.get("/static/app.js").status_code == 200 and ann.get("/static/nothing.js").status_code == 404
    assert ann.get("/static/../http.py").status_code == 404 and ann.get("/static/..%2fhttp.py").status_code == 404
    flooded = make_run(tmp_path_of(run), rate=RateBound(1e-6, 5.0)).browser(ANN)
    assert [flooded.get("/api/session").status_code for _ in range(7)] == [200] * 5 + [429] * 2
    now = [0.0]
    rate = RateBound(2.0, 3.0, clock=lambda: now[0])
    assert [rate.allows("a") for _ in range(4)] == [True, True, True, False]
    now[0] += 0.5
    assert rate.allows("a") and not rate.allows("a") and rate.allows("b")


def test_one_click_excludes_somebody_and_takes_them_in_again(run: Run) -> None:
    run.ask(2)
    ann, eve = run.browser(ANN), run.browser(EVE)
    (pair, _) = ann.post("/api/pairs", json={"page": "p", "holding": []}).json()["pairs"]
    ann.post("/api/answers", json=answer_of(pair))
    (figures,) = eve.get("/api/people").json()["people"]
    assert (figures["teacher"], figures["answers"], figures["excluded"]) == ("ann", 1, False)
    for excluded, labels in ((True, 0), (False, 1)):
        assert eve.post("/api/people/excluded", json={"name": "ann", "excluded": excluded}).json() == {"new": True}
        assert run.collector.counts().labels == labels
    token = eve.post("/api/invitations", json={"name": "bob", "role": "annotator"}).json()["token"]
    assert run.invitations.person(token) == BOB


def test_how_it_stands(run: Run) -> None:
    run.ask(3)
    ann = run.browser(ANN)
    log = MetricsLog(run.folder)
    log.write(env_steps=0, labels=0, values={"reward/labels_trained": 0, "reward/version": 0, "wall_seconds": 1.0})
    log.write(env_steps=90, labels=2, values={"reward/labels_trained": 2, "reward/version": 1, "wall_seconds": 2.0})
    pair = ann.post("/api/pairs", json={"page": "p", "holding": []}).json()["pairs"][0]
    ann.post("/api/answers", json=answer_of(pair))
    standing = ann.get("/api/standing").json()
    assert (standing["own_answers"], standing["own_seconds"], standing["labels"], standing["open"]) == (1, 1.5, 1, 2)
    assert standing["news"] == ["Version 1 learned from your last 2 answers."]
    assert standing["seen_fraction"] == pytest.approx(min(1.0, 2 * 38 / 90), abs=0.05)
    run.collector.answer(dataclasses.replace(run.collector.answers()[0], teacher="bob", answer_id="bob:1"))
    later = make_run(tmp_path_of(run)).browser(ANN).get("/api/standing").json()
    assert later["news"] == ["Version 1 learned from the last 2 answers."]
    assert standing["episode"] is None and ann.get("/api/episode.mp4").status_code == 404
