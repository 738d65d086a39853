"""The page in Debian's Chromium, before a run that trains: what a person does there, and what becomes of it."""

from __future__ import annotations

import io
import itertools
import json
import pathlib
import random
import time
from typing import Any

import numpy as np
import pytest
from human_run import HumanRun
from PIL import Image
from playwright.sync_api import Browser, Page, Request, expect

from rlhp_ray.labeling.access import Person, Role
from rlhp_ray.telemetry import MetricsLog
from rlhp_ray.types import Choice

ANN = Person("ann", Role.ANNOTATOR)
KEYS = {"ArrowLeft": "left", "ArrowRight": "right", "ArrowDown": "equal", "?": "cant_tell"}
READY = "!document.querySelector('.clip.waiting') && !document.querySelector('#pair').hidden"
ANSWER_MS = 20_000  # of the tests, on a machine that is busy


class Labeller:
    """Somebody at a page: presses keys, and knows by the browser's requests what was sent, be it by another tab."""

    def __init__(self, page: Page, link: str) -> None:
        self.page = page
        self.sent: list[dict[str, Any]] = []  # answers, by the first request that carried them
        self.longest: dict[str, float] = {}  # of an answer: seconds from whatever brought its pair up to the key
        self._last = time.monotonic()  # when that was
        page.context.on("request", self._note)
        page.goto(link)

    def press(self, key: str) -> dict[str, Any]:
        """Answer the pair on the screen once it can be; what was sent."""
        before, shown_after = len(self.sent), self._last
        self.ready()
        self._last = time.monotonic()
        self.page.keyboard.press(key)
        longest = time.monotonic() - shown_after
        self.until(lambda: len(self.sent) > before)
        self.longest[self.sent[-1]["answer_id"]] = longest
        return self.sent[-1]

    def undo(self) -> None:
        """Take the last answer back; its pair comes up again."""
        self.ready()
        self._last = time.monotonic()
        self.page.keyboard.press("Backspace")
        self.ready()

    def reload(self) -> None:
        """As the browser does."""
        self._last = time.monotonic()
        self.page.reload()

    def ready(self) -> None:
        """Return once both clips have been decodable for 300 ms."""
        self.until(lambda: self.page.evaluate(READY))
        self.page.wait_for_timeout(320)

    def until(self, condition: Any) -> None:
        """Wait, and let the page's events come in."""
        for _ in range(ANSWER_MS // 50):
            if condition():
                return
            self.page.wait_for_timeout(50)
        raise AssertionError(f"not within {ANSWER_MS} ms; the page says {self.page.inner_text('main')!r}")

    def _note(self, request: Request) -> None:
        if request.url.endswith("/api/answers"):
            answer = json.loads(request.post_data or "{}")
            if answer["answer_id"] not in {one["answer_id"] for one in self.sent}:
                self.sent.append(answer)


@pytest.fixture
def page(chromium: Browser) -> Any:
    context = chromium.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    context.close()
    assert errors == []


@pytest.mark.parametrize("taught", ["half-cheetah"], indirect=True)
def test_sixty_answers_by_keys_with_undo_and_reloads(taught: HumanRun, page: Page) -> None:
    labeller = Labeller(page, taught.link(ANN))
    expect(page.locator("#sentence")).to_contain_text("run to the right")
    page.keyboard.press("ArrowLeft")  # before any clip can be seen
    assert labeller.sent == []
    rng = random.Random(0)
    undone: list[str] = []
    pressed: dict[str, str] = {}  # answer id -> key
    while True:
        key = rng.choices(list(KEYS), [10, 10, 2, 1])[0]
        sent = labeller.press(key)
        pressed[sent["answer_id"]] = key
        if len(pressed) % 10 == 3:
            labeller.undo()
            undone.append(sent["answer_id"])
        if len(pressed) in (12, 30):
            labeller.reload()
        if len(pressed) == 30:  # what was said before a reload can still be taken back
            for answer in [answer for answer in pressed if answer not in undone][:-4:-1]:
                labeller.undo()
                undone.append(answer)
        given = [answer for answer in pressed if answer not in undone]
        if sum(KEYS[pressed[answer]] != "cant_tell" for answer in given) >= 60:
            break
    expect(page.locator("#nothing")).to_contain_text("The run has ended", timeout=4 * ANSWER_MS)
    assert taught.driver.wait(timeout=60) == 0
    exported = taught.exported()
    assert len(exported) == len(pressed)  # each once, those that were taken back among them
    assert {one.answer.answer_id.removeprefix("ann:") for one in exported if one.undone_at is not None} == set(undone)
    answers = {one.answer.answer_id.removeprefix("ann:"): one.answer for one in exported if one.undone_at is None}
    assert answers.keys() == set(given)
    by_id = {sent["answer_id"]: sent for sent in labeller.sent}
    for answer_id, answer in answers.items():
        sent = by_id[answer_id]
        assert answer.choice == Choice(KEYS[pressed[answer_id]]) and answer.teacher == "ann"
        assert (answer.left, answer.right, answer.query_id) == (sent["left"], sent["right"], sent["query_id"])
        assert 0.3 <= answer.seconds <= labeller.longest[answer_id] + 0.05  # another clock
    assert len({answer.query_id for answer in answers.values()}) == len(answers)
    assert len({answer.left < answer.right for answer in answers.values()}) == 2  # the sides are by chance
    last = MetricsLog(taught.folder).lines()[-1].metrics
    assert last["people/count"] == 1 and last["people/seconds"] >= 0.3 and last["people/fleiss_kappa"] is None


@pytest.mark.slow
def test_two_tabs_a_slow_network_and_a_server_that_goes_away(
    taught: HumanRun, chromium: Browser, tmp_path: pathlib.Path
) -> None:
    context = chromium.new_context()
    one, other = (Labeller(context.new_page(), taught.link(ANN)) for _ in range(2))
    for _ in range(3):
        one.press("ArrowLeft")
        other.press("ArrowRight")
    slow = context.new_cdp_session(one.page)
    slow.send(
        "Network.emulateNetworkConditions",
        {"offline": False, "latency": 700, "downloadThroughput": 40_000, "uploadThroughput": 10_000},
    )
    for _ in range(3):
        one.press("ArrowLeft")
    taught.kill_actor("-page#Page#")
    for _ in range(2):
        other.press("ArrowRight")  # of the pairs that are fetched already
    one.press("ArrowLeft")
    sent = {answer["answer_id"]: answer for answer in itertools.chain(one.sent, other.sent)}
    taught.wait_for(lambda: len(taught.answers()) == len(sent))
    answers = {answer.answer_id.removeprefix("ann:"): answer for answer in taught.answers()}
    assert answers.keys() == sent.keys() and len({answer.query_id for answer in answers.values()}) == len(answers)
    context.close()


@pytest.mark.slow
def test_the_driver_killed_in_mid_labelling(taught: HumanRun, page: Page) -> None:
    labeller = Labeller(page, taught.link(ANN))
    for _ in range(5):
        labeller.press("ArrowLeft")
    taught.wait_for(lambda: len(taught.answers()) == 5)
    page.wait_for_timeout(3_000)  # until three pairs are fetched ahead
    taught.kill()
    for _ in range(2):
        labeller.ready()
        page.keyboard.press("ArrowRight")
    expect(page.locator("#message")).to_contain_text("kept here and sent as soon as it is back", timeout=60_000)
    assert len(taught.answers()) == 5
    taught.resume()
    taught.wait_for(lambda: len(taught.answers()) == 7, seconds=180)
    labeller.press("ArrowLeft")
    taught.wait_for(lambda: len(taught.answers()) == 8)
    assert len({answer.query_id for answer in taught.answers()}) == 8


@pytest.mark.slow
def test_the_collector_killed_in_mid_labelling(taught: HumanRun, page: Page) -> None:
    labeller = Labeller(page, taught.link(ANN))
    for count in range(1, 9):
        labeller.press("ArrowLeft")
        if count == 4:
            taught.kill_actor("-collector")
    taught.wait_for(lambda: len(taught.answers()) == 8)


def test_a_clip_is_drawn_and_moves(taught: HumanRun, page: Page) -> None:
    labeller = Labeller(page, taught.link(ANN))
    labeller.ready()
    seen = []
    for _ in range(4):
        with Image.open(io.BytesIO(page.locator("#left canvas").screenshot())) as picture:
            seen.append(np.asarray(picture.convert("RGB"), dtype=np.int16))
        page.wait_for_timeout(230)
    height, width, _ = seen[0].shape
    assert min(height, width) > 150
    for picture in seen:
        sky, middle = picture[8, 20:-20], picture[:, width // 4 : 3 * width // 4]
        assert np.ptp(sky, axis=0).max() < 12  # nothing stands in the sky
        assert np.ptp(middle.reshape(-1, 3), axis=0).max() > 100  # a pole before the sky
    assert max(np.abs(a - b).max() for a, b in itertools.pairwise(seen)) > 60


def test_a_stranger_sees_nothing(taught: HumanRun, page: Page) -> None:
    address = taught.link().partition("?")[0]
    page.goto(address)
    expect(page.locator("body")).to_contain_text("by the link that you were sent")
    page.goto(f"{address}?token=ann.researcher.forged")
    expect(page.locator("body")).to_contain_text("by the link that you were sent")
