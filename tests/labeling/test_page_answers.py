"""Answering, in Debian's Chromium: keys, mouse, what counts and what doesn't, and what is said meanwhile."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

import pytest
from labeller import Labeller
from page_data import ANN, BOB, Run
from page_server import PageServer
from playwright.sync_api import Page, Route, expect

LIGHTS = """() => {
  window.lit = [];
  const seen = new MutationObserver((changes) => changes.forEach(({ target }) => {
    if (target.classList.contains("lit") && lit.at(-1) !== target.id) lit.push(target.id);
  }));
  seen.observe(document.body, { attributeFilter: ["class"], subtree: true });
}"""
# Presses a key again and again from the moment on when both clips can be seen; how many ms later it was taken, and
# how often it wasn't.
IMPATIENT = """() => new Promise((resolve) => {
  const left = document.getElementById("left");
  let since = null, tries = 0;
  new MutationObserver((_, seen) => {  // told as soon as the page has counted both clips as decodable
    if (left.classList.contains("waiting")) return;
    since = performance.now();
    seen.disconnect();
  }).observe(left, { attributes: true });
  const press = setInterval(() => {
    if (since === null) return;
    document.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowLeft", bubbles: true }));
    if (left.classList.contains("lit")) { clearInterval(press); resolve([performance.now() - since, tries]); }
    tries += 1;
  }, 10);
})"""


def soon(condition: Callable[[], object], page: Page) -> None:
    """Wait for what the server is told."""
    begun = time.monotonic()
    while not condition():
        assert time.monotonic() - begun < 10, page.inner_text("main")
        page.wait_for_timeout(50)


def test_mouse_and_buttons_answer_and_what_was_chosen_lights_up(served: PageServer, page: Page) -> None:
    served.run.ask(10)
    ann = Labeller(page, served.link(ANN))
    page.evaluate(LIGHTS)
    for button in ("left", "right", "equal", "cant_tell"):
        ann.ready()
        page.locator(f"#{button}").click()
    soon(lambda: len(served.run.collector.answers()) == 4, page)
    assert [answer.choice for answer in served.run.collector.answers()] == ["left", "right", "equal", "cant_tell"]
    assert page.evaluate("lit") == ["left", "right", "equal", "cant_tell"]
    expect(page.locator(".lit")).to_have_count(0)


def test_without_a_mouse_all_of_it_can_be_reached_and_seen(served: PageServer, page: Page) -> None:
    served.run.ask(5)
    ann = Labeller(page, served.link(ANN))
    ann.ready()
    reached = []
    for _ in range(8):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.id"))
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    assert reached == ["left", "right", "equal", "cant_tell", "undo", "restart", "slow", "help"]
    for side in ("left", "right"):  # what a screen reader tells
        button = page.get_by_role("button", name=f"{side} is better")
        expect(button.get_by_role("img", name=f"{side} clip")).to_be_visible()
    page.locator("#equal").focus()
    page.keyboard.press("Enter")
    soon(lambda: [answer.choice for answer in served.run.collector.answers()] == ["equal"], page)
    page.keyboard.press("h")
    expect(page.locator("#helping")).to_be_visible()
    page.keyboard.press("ArrowLeft")  # answers nothing while help is open
    page.keyboard.press("Escape")
    expect(page.locator("#helping")).to_be_hidden()
    assert len(ann.sent) == 1


def test_ten_answers_can_be_taken_back_and_no_more(served: PageServer, page: Page) -> None:
    served.run.ask(20)
    ann = Labeller(page, served.link(ANN))
    for _ in range(11):
        ann.press("ArrowLeft")
    for _ in range(10):
        page.keyboard.press("Backspace")
    expect(page.locator("#message")).to_contain_text("taken back")
    page.keyboard.press("Backspace")
    expect(page.locator("#message")).to_contain_text("nothing to take back")
    soon(lambda: served.run.collector.counts().undone == 10, page)
    (kept,) = served.run.collector.answers()
    assert kept.answer_id == f"ann:{ann.sent[0]['answer_id']}"
    again = ann.press("ArrowRight")
    assert again["query_id"] == ann.sent[1]["query_id"]  # the one that was taken back last is shown


def test_three_pairs_are_fetched_ahead(served: PageServer, page: Page) -> None:
    served.run.ask(10)
    clips: list[str] = []
    page.on("request", lambda request: clips.append(request.url) if "/api/clips/" in request.url else None)
    ann = Labeller(page, served.link(ANN))
    ann.ready()
    soon(lambda: len(clips) == 8, page)
    page.wait_for_timeout(300)
    page.route("**/api/clips/*", lambda route: None)  # no other clip comes any more
    for _ in range(3):
        ann.press("ArrowLeft")
    ann.ready()
    assert len({answer["query_id"] for answer in ann.sent}) == 3


def test_a_clip_that_can_t_be_seen_yet_can_t_be_answered(served: PageServer, page: Page) -> None:
    served.run.ask(5)
    held: list[Route] = []
    page.route("**/api/clips/*", lambda route: route.continue_() if held else held.append(route))
    ann = Labeller(page, served.link(ANN))
    ann.until(lambda: held)
    page.wait_for_timeout(700)
    for key in ("ArrowLeft", "ArrowRight", "ArrowDown", "?"):
        page.keyboard.press(key)
    assert ann.sent == []
    page.evaluate(f"window.taken = ({IMPATIENT})(); 0")
    held[0].continue_()
    waited, refused = page.evaluate("window.taken")
    assert waited > 295 and refused >= 1  # 300 ms, counted from a moment that is at most a task later than the page's


@pytest.mark.parametrize("failure", ["garbage", "nothing"])
def test_a_clip_that_fails_is_reported_and_its_pair_is_asked_again_later(
    served: PageServer, page: Page, failure: str
) -> None:
    (first, *_) = served.run.ask(6)

    def fail(route: Route) -> None:
        if failure == "garbage":
            route.fulfill(body=b"no clip", content_type="application/octet-stream")
        else:
            route.fulfill(status=409, json={"detail": "There is no such segment."})

    page.route(f"**/api/clips/{first.first}", fail)
    ann = Labeller(page, served.link(ANN))
    expect(page.locator("#message")).to_contain_text("could not be played; here is another pair")
    troubles: list[str] = []
    soon(lambda: troubles.extend(served.run.clips.step().troubles) or troubles, page)
    (told,) = troubles
    assert told.startswith("ann's browser can't play the clip") and first.query_id in told
    for _ in range(3):
        assert ann.press("ArrowLeft")["query_id"] != first.query_id
    soon(lambda: len(served.run.collector.answers()) == 3, page)
    assert first in served.run.collector.waiting(9)


@pytest.mark.parametrize("run", ["budget: {labels: 3}"], indirect=True)
def test_it_says_why_there_is_nothing_and_goes_on_by_itself(run: Run, served: PageServer, page: Page) -> None:
    ann = Labeller(page, served.link(ANN))
    nothing = page.locator("#nothing")
    expect(nothing).to_contain_text("trying things out")
    run.ask(1)
    ann.press("ArrowLeft")  # came by itself
    page.route("**/api/pairs", lambda route: route.abort())
    soon(lambda: len(run.collector.answers()) == 1, page)
    queries = run.ask(2)
    with run.turn:
        run.collector.hold("bob", "bob/x", [], 9)
    page.unroute("**/api/pairs")
    clock = time.strftime("%I:%M", time.localtime(run.collector.held_until()[-1]))
    expect(nothing).to_have_text(re.compile(rf"2 pairs are held by others, until {clock}.*goes on by itself"))
    with run.turn:
        run.collector.release("bob/x", [queries[0].query_id])
    ann.press("ArrowLeft")
    expect(nothing).to_contain_text("One pair is held by others")
    with run.turn:
        run.collector.release("bob/x")
    ann.press("ArrowLeft")
    expect(nothing).to_contain_text("All answers that were wanted are given")
    with run.turn:
        run.collector.exclude("ann", True, by="eve")
    expect(nothing).to_contain_text("used at the moment; ask whoever runs the study", timeout=30_000)


@pytest.mark.parametrize("run", ["labeling: {pause_minutes: 15}"], indirect=True)
def test_a_pause_is_suggested_after_a_while(run: Run, served: PageServer, page: Page) -> None:
    run.ask(9)
    page.clock.install()
    ann = Labeller(page, served.link(ANN))
    ann.press("ArrowLeft")
    page.clock.fast_forward(14 * 60_000)
    ann.press("ArrowLeft")
    expect(page.locator("#message")).not_to_contain_text("pause")
    page.clock.fast_forward(70_000)
    ann.press("ArrowLeft")
    expect(page.locator("#message")).to_contain_text("at it for 15 minutes: a pause")
    page.clock.fast_forward(60_000)
    ann.press("ArrowLeft")
    expect(page.locator("#message")).not_to_contain_text("pause")  # not again at once


def test_while_the_run_doesn_t_answer_the_page_says_so_and_keeps_what_is_said(served: PageServer, page: Page) -> None:
    served.run.ask(9)
    ann = Labeller(page, served.link(ANN))
    ann.ready()
    page.route("**/api/answers", lambda route: None)
    page.keyboard.press("ArrowLeft")
    expect(page.locator("#message")).to_contain_text("kept here and sent as soon as it is back", timeout=10_000)
    page.unroute("**/api/answers")
    page.reload()  # what was said outlives it
    soon(lambda: len(served.run.collector.answers()) == 1, page)
    page.route("**/api/standing", lambda route: route.fulfill(status=503, json={"detail": "away"}))
    expect(page.locator("#message")).to_contain_text("t answer at the moment", timeout=10_000)
    page.unroute("**/api/standing")
    expect(page.locator("#message")).to_contain_text("The run is back", timeout=10_000)


def test_a_stranger_sees_nothing(served: PageServer, page: Page) -> None:
    served.run.ask(1)
    address = served.link(BOB).partition("?")[0]
    for link in (address, f"{address}?token=ann.researcher.forged"):
        page.goto(link)
        expect(page.locator("body")).to_contain_text("by the link that you were sent")
        assert "better" not in page.content()
