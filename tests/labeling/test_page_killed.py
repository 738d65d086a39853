"""kill -9 of what stands behind the page while somebody labels: the page says so, goes on, and no answer is lost."""

from __future__ import annotations

import time

import pytest
from human_run import HumanRun
from labeller import Labeller
from page_data import ANN
from playwright.sync_api import Page, expect

KEPT = "kept here and sent as soon as it is back"
NOTICED_SECONDS = 4.0  # what is made good faster isn't worth a word


def assert_all_there(run: HumanRun, ann: Labeller, count: int) -> None:
    """So many answers are acknowledged, and each is in the run's log once."""
    ann.until(lambda: len(set(ann.acknowledged)) == count)
    answers = run.answers()
    assert sorted(answer.answer_id for answer in answers) == sorted({f"ann:{one}" for one in ann.acknowledged})
    assert len({answer.query_id for answer in answers}) == count


@pytest.mark.slow
@pytest.mark.parametrize("killed", ["-page#Page#", "-collector"])
def test_the_replica_or_the_collector(taught: HumanRun, page: Page, killed: str) -> None:
    ann = Labeller(page, taught.link(ANN))
    for _ in range(4):
        ann.press("ArrowLeft")
    assert_all_there(taught, ann, 4)
    page.wait_for_timeout(2_000)  # until three pairs are fetched ahead
    taught.kill_actor(killed)
    begun = time.monotonic()
    for _ in range(3):
        ann.ready()
        page.keyboard.press("ArrowRight")
    ann.until(lambda: len(set(ann.acknowledged)) == 7)
    seconds = time.monotonic() - begun
    assert seconds < NOTICED_SECONDS or any(KEPT in sentence for sentence in ann.said), seconds
    assert_all_there(taught, ann, 7)
    expect(page.locator("#message")).not_to_contain_text(KEPT, timeout=30_000)
    for _ in range(3):
        ann.press("ArrowLeft")
    assert_all_there(taught, ann, 10)


@pytest.mark.slow
def test_the_driver(taught: HumanRun, page: Page) -> None:
    ann = Labeller(page, taught.link(ANN))
    for _ in range(5):
        ann.press("ArrowLeft")
    assert_all_there(taught, ann, 5)
    page.wait_for_timeout(3_000)  # until three pairs are fetched ahead
    taught.kill()
    for _ in range(2):
        ann.ready()
        page.keyboard.press("ArrowRight")
    expect(page.locator("#message")).to_contain_text(KEPT, timeout=60_000)
    assert len(taught.answers()) == 5
    taught.resume()
    taught.wait_for(lambda: len(taught.answers()) == 7, seconds=180)
    ann.press("ArrowLeft")
    assert_all_there(taught, ann, 8)
    expect(page.locator("#message")).not_to_contain_text(KEPT, timeout=30_000)
