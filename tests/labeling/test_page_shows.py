"""What the page shows, in Debian's Chromium: clips that play, how it stands, what was taught, the study."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from labeller import Labeller
from page_data import ANN, BOB, EVE, Run, make_run
from page_server import PageServer
from PIL import Image
from playwright.sync_api import Page, expect

from rlhp_ray.tasks import write_video
from rlhp_ray.telemetry import MetricsLog

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
CLIP_SECONDS = 1.5  # of the pendulum's and of Pong's
VIDEOS = """() => [...document.querySelectorAll(".clip video")].map((v) => [v.currentTime, v.playbackRate, v.paused])"""
AT_ITS_PLACE = "([x, y]) => document.elementFromPoint(x, y).id"
# The contrast of each text that can be seen with what is behind it, by WCAG 2.1.
CONTRAST = """() => {
  const parse = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const luminance = (rgb) => rgb.slice(0, 3).map((c) => c / 255)
    .map((c) => (c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (element) => {
    for (let e = element; e; e = e.parentElement) {
      const colour = parse(getComputedStyle(e).backgroundColor);
      if ((colour[3] ?? 1) > 0) return colour;
    }
  };
  const texts = [...document.querySelectorAll("body *")].filter((e) => e.checkVisibility() &&
    [...e.childNodes].some((n) => n.nodeType === Node.TEXT_NODE && n.textContent.trim()));
  return texts.map((e) => {
    const [a, b] = [luminance(parse(getComputedStyle(e).color)), luminance(behind(e))];
    return [(Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), e.textContent];
  });
}"""


def both_clips(page: Page) -> list[npt.NDArray[np.int16]]:
    """Left and right, of one moment."""
    with Image.open(io.BytesIO(page.screenshot())) as picture:
        whole = np.asarray(picture.convert("RGB"), dtype=np.int16)
    boxes = [page.locator(f"#{side} canvas").bounding_box() for side in ("left", "right")]
    assert all(box is not None for box in boxes)
    corners = [(round(box["x"]) + 8, round(box["y"]) + 8) for box in boxes if box is not None]
    width, height = (round(boxes[0][side]) - 16 if boxes[0] is not None else 0 for side in ("width", "height"))
    return [whole[y : y + height, x : x + width] for x, y in corners]


def difference(a: npt.NDArray[np.int16], b: npt.NDArray[np.int16]) -> float:
    """Mean, of 255."""
    return float(np.abs(a - b).mean())


def test_a_robot_s_clips_play_in_step_over_and_over_and_at_half_speed(served: PageServer, page: Page) -> None:
    served.run.ask(5)  # all clips are alike
    page.clock.install()
    ann = Labeller(page, served.link(ANN))
    ann.ready()
    page.clock.pause_at(page.evaluate("Date.now()") / 1000 + 60)

    def after(key: str, ms: int) -> npt.NDArray[np.int16]:
        page.keyboard.press(key)
        page.clock.run_for(ms)
        left, right = both_clips(page)
        assert difference(left, right) < 0.5
        return left

    early, late = after("r", 400), after("r", 1_000)
    sky, middle = early[8, 20:-20], early[:, early.shape[1] // 4 : 3 * early.shape[1] // 4]
    assert np.ptp(sky, axis=0).max() < 12  # nothing stands in the sky
    assert np.ptp(middle.reshape(-1, 3), axis=0).max() > 100  # a pole before it
    least = difference(early, late) / 4
    assert least > 0.3  # it moves
    assert difference(early, after("r", 1000 * int(2 * CLIP_SECONDS) + 400 + 40)) < least  # the third time
    assert difference(early, after("s", 800)) < least  # at half speed
    expect(page.locator("#slow")).to_have_attribute("aria-pressed", "true")
    assert difference(early, after("s", 400)) < least  # and at the whole again


def test_a_game_s_clips_play_in_step_over_and_over_and_at_half_speed(tmp_path: Path, page: Page) -> None:
    run = make_run(tmp_path, task="pong")
    run.ask(4)
    with PageServer(run) as server:
        ann = Labeller(page, server.link(ANN))
        ann.ready()
        seen = []
        for _ in range(60):
            seen.append([time for time, _, _ in page.evaluate(VIDEOS)])
            page.wait_for_timeout(50)
        times = np.array(seen)
        assert np.median(np.abs(times[:, 0] - times[:, 1])) < 0.1
        assert (np.diff(times, axis=0) < -0.5).sum(axis=0).tolist() >= [1, 1]  # from the start
        page.keyboard.press("s")
        assert [rate for _, rate, _ in page.evaluate(VIDEOS)] == [0.5, 0.5]
        page.wait_for_timeout(700)
        page.keyboard.press("r")
        assert max(time for time, _, _ in page.evaluate(VIDEOS)) < 0.3
        ann.press("ArrowLeft")
        ann.ready()
        assert [rate for _, rate, _ in page.evaluate(VIDEOS)] == [0.5, 0.5]  # of the next pair too


@pytest.mark.parametrize("page", [{"reduced_motion": "reduce"}], indirect=True)
def test_with_reduced_motion_nothing_moves_but_step_by_step(served: PageServer, page: Page) -> None:
    served.run.ask(5)
    ann = Labeller(page, served.link(ANN))
    ann.ready()
    expect(page.locator("#step")).to_be_visible()
    first, _ = both_clips(page)
    page.wait_for_timeout(700)
    assert difference(first, both_clips(page)[0]) == 0
    for _ in range(10):
        page.keyboard.press(".")
    page.wait_for_timeout(100)
    half, right = both_clips(page)
    assert difference(first, half) > 1 and difference(half, right) < 0.5
    assert page.locator("#step").input_value() == "500"
    page.keyboard.press(",")
    page.wait_for_timeout(100)
    assert difference(half, both_clips(page)[0]) > 0
    page.locator("#step").fill("0")
    page.wait_for_timeout(100)
    assert difference(first, both_clips(page)[0]) == 0
    assert ann.press("ArrowRight")["choice"] == "right"
    expect(page.locator("#step")).to_have_value("0")


def test_without_it_there_is_no_slider(served: PageServer, page: Page) -> None:
    served.run.ask(1)
    Labeller(page, served.link(ANN)).ready()
    expect(page.locator("#step")).to_be_hidden()


@pytest.mark.parametrize("run", ["budget: {labels: 50}"], indirect=True)
def test_the_header_says_how_it_stands(run: Run, served: PageServer, page: Page) -> None:
    run.ask(9)
    MetricsLog(run.folder).write(env_steps=1_000, labels=0, values={"wall_seconds": 1.0})
    for query in run.ask(2):
        pair = {"query_id": query.query_id, "left": query.first, "right": query.second}
        answer = pair | {"answer_id": query.query_id, "choice": "left", "seconds": 30}
        assert run.browser(BOB).post("/api/answers", json=answer).json() == {"new": True}
    ann = Labeller(page, served.link(ANN))
    for _ in range(3):
        ann.press("ArrowLeft")
    for name, text in (("own", "3"), ("labels", "5 of 50"), ("queue", "6")):
        expect(page.locator(f"#{name}")).to_have_text(text, timeout=15_000)
    assert 0.3 <= float(page.inner_text("#pace")) < 20
    steps = 2 * len(run.store.fetch([0]).actions[0]) * 5
    expect(page.locator("#seen")).to_have_text(f"{steps / 10:.1f} %".replace(".0", ""))


def a_run_that_learned(run: Run) -> None:
    """Metrics, and a film of two seconds."""
    log = MetricsLog(run.folder)
    for version, learned in enumerate((2, 3, 9)):
        values = {
            "wall_seconds": 10.0 * version,
            "reward/version": version + 1.0,
            "reward/labels_trained": float(learned),
            "predicted_return": 10.0 * learned,
            "reward/fresh_accuracy": 0.5 + 0.1 * version,
            "labels": float(learned),
            "true_return": -5.0 * version,
            "reward/disagreement": 0.3,
        }
        log.write(env_steps=1_000 * version, labels=learned, values=values)
    film = Path(run.folder.address, "videos", "000001000.mp4")
    film.parent.mkdir()
    frames = np.zeros((60, 64, 96, 3), dtype=np.uint8)
    frames[:, :, :48] = np.linspace(0, 255, 60).astype(np.uint8)[:, None, None, None]
    write_video(frames, film, 30.0)
    told = {"env_steps": 1_000, "rewards": [0.0] * 50 + [1.0] * 50}
    run.folder.write("videos/000001000.json", json.dumps(told).encode())


def test_what_they_taught_is_shown_beside_it(run: Run, served: PageServer, page: Page) -> None:
    run.ask(9)
    a_run_that_learned(run)
    Labeller(page, served.link(ANN)).press("ArrowLeft")
    news = page.locator("#news li")
    expect(news).to_have_text(
        [
            "Version 3 learned from your last 6 answers.",
            "Version 2 learned from your last answer.",
            "Version 1 learned from your last 2 answers.",
        ],
        timeout=15_000,
    )
    captions = page.locator("#curves figcaption")
    expect(captions).to_have_text(
        ["what it thinks an episode is worth: 90", "new answers that it had guessed: 70 %", "answers: 9"]
    )
    expect(page.locator("#curves polyline")).to_have_count(3)
    page.locator("#episode video").evaluate("(video) => { video.pause(); video.currentTime = 1.0; }")
    expect(page.locator("#now")).to_have_css("left", "160px", timeout=5_000)  # half of what is drawn under it
    points = page.locator("#rewards polyline").get_attribute("points") or ""
    heights = [float(point.split(",")[1]) for point in points.split()]
    assert len(heights) == 100 and len(set(heights[:50])) == len(set(heights[50:])) == 1 and heights[0] > heights[-1]
    expect(page.locator("#study")).to_be_hidden()


def test_a_researcher_sees_true_returns_and_everybody_excludes_by_a_click_and_invites(
    run: Run, served: PageServer, page: Page
) -> None:
    run.ask(9)
    a_run_that_learned(run)
    Labeller(page, served.link(ANN)).press("ArrowLeft")
    study = page.context.browser.new_context().new_page()  # type: ignore[union-attr]
    study.goto(served.link(EVE))
    expect(study.locator("#curves figcaption")).to_contain_text(
        ["true return: -10", "how far the predictors differ: 30 %"]
    )
    row = study.locator("#people tbody tr")
    expect(row).to_contain_text(["ann1"])
    row.get_by_role("button", name="exclude").click()
    expect(row.get_by_role("button", name="take in")).to_be_visible(timeout=15_000)
    assert run.collector.excluded() == ["ann"] and run.collector.counts().labels == 0
    study.locator("#invite input").fill("bob")
    study.locator("#invite button").click()
    link = study.locator("#invite output")
    expect(link).to_contain_text("token=bob.annotator.")
    invited = page.context.browser.new_context().new_page()  # type: ignore[union-attr]
    invited.goto(link.inner_text())
    expect(invited.locator("#sentence")).to_contain_text("pole")
    for one in (study, invited):
        one.context.close()


def test_what_is_doubtful_about_the_reward_is_said_until_it_is_over(run: Run, served: PageServer, page: Page) -> None:
    run.ask(5)
    a_run_that_learned(run)
    values = {"novelty/predicted": 4.0, "novelty/disagreement": 1.0, "novelty/unanswered": 0.4, "wall_seconds": 40.0}
    MetricsLog(run.folder).write(env_steps=4_000, labels=9, values=values | {"novelty/distance": 3.0})
    Labeller(page, served.link(ANN)).ready()
    doubt = page.locator("#doubt")
    expect(doubt).to_contain_text("Careful: the newest behaviour is 3.0 times as far", timeout=15_000)
    MetricsLog(run.folder).write(
        env_steps=5_000, labels=9, values=values | {"novelty/distance": 1.0, "novelty/predicted": 1.0}
    )
    expect(doubt).to_be_hidden(timeout=15_000)


@pytest.mark.parametrize("page", [PHONE, {"viewport": {"width": 1280, "height": 500}}], indirect=True)
def test_the_sentence_stays_in_view(run: Run, served: PageServer, page: Page) -> None:
    run.ask(5)
    a_run_that_learned(run)
    Labeller(page, served.link(EVE)).ready()
    expect(page.locator("#news li")).to_have_count(3)
    page.evaluate("scrollTo(0, 400)")
    page.wait_for_timeout(200)
    assert page.evaluate("scrollY") > 100
    box: Any = page.locator("#sentence").bounding_box()
    assert 0 <= box["y"] < 60
    assert page.evaluate(AT_ITS_PLACE, [box["x"] + 5, box["y"] + box["height"] / 2]) == "sentence"  # nothing before it


@pytest.mark.parametrize("page", [{"color_scheme": "light"}, {"color_scheme": "dark"}], indirect=True)
def test_all_text_has_contrast(run: Run, served: PageServer, page: Page) -> None:
    run.ask(5)
    a_run_that_learned(run)
    Labeller(page, served.link(EVE)).press("ArrowLeft")
    expect(page.locator("#people td").first).to_be_visible()
    page.wait_for_timeout(400)
    page.keyboard.press("h")
    found = page.evaluate(CONTRAST)
    assert len(found) > 30 and [(ratio, text) for ratio, text in found if ratio < 4.5] == []
