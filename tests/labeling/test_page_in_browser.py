"""The page in Debian's Chromium, before a run that trains: what a person does there, and what becomes of it."""

from __future__ import annotations

import itertools
import json
import pathlib
import random

import pytest
from human_run import HumanRun
from labeller import ANSWER_MS, Labeller
from page_data import ANN
from playwright.sync_api import Browser, Page, expect

from rlhp_ray.telemetry import MetricsLog
from rlhp_ray.types import Choice

KEYS = {"ArrowLeft": "left", "ArrowRight": "right", "ArrowDown": "equal", "?": "cant_tell"}


@pytest.mark.slow
@pytest.mark.parametrize("taught", ["half-cheetah"], indirect=True)
def test_sixty_answers_by_keys_with_undo_and_reloads(taught: HumanRun, page: Page, tmp_path: pathlib.Path) -> None:
    # a link lets in, so a log says how to have it printed instead
    taught.wait_for(lambda: f"`rlhp-ray label {taught.folder.address}` prints the link" in taught.log())
    assert "token=" not in taught.log()
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
    lines = [json.loads(line) for line in (tmp_path / "out" / "answers.jsonl").read_text().splitlines()]
    assert [line["answer_id"] for line in lines] == [one.answer.answer_id for one in exported]
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
