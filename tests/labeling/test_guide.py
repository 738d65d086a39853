"""What a person sees, on a desk and on a phone: the guide's pictures, and that all fits.

`SCREENSHOTS=docs/labeling make test-all ARGS=tests/labeling/test_guide.py` makes the pictures anew.
"""

from __future__ import annotations

import os
import pathlib

import pytest
from human_run import PORT, Cluster, HumanRun
from labeller import Labeller
from page_data import ANN
from playwright.sync_api import Browser, expect

DESK = {"width": 1280, "height": 800}
PHONE = {"width": 390, "height": 844}
OVERFLOW = "document.documentElement.scrollWidth - innerWidth"
IN_VIEW = "(id) => document.getElementById(id).getBoundingClientRect().bottom <= innerHeight"


@pytest.mark.slow
def test_all_fits_on_a_desk_and_on_a_phone(page_cluster: Cluster, chromium: Browser, tmp_path: pathlib.Path) -> None:
    pictures = pathlib.Path(os.environ.get("SCREENSHOTS", tmp_path))
    overrides = (
        f"labeling.port={PORT}",
        "labeling.film_seconds=5",
        "budget.labels=100",
        "budget.max_env_steps_per_label=3000",
        "queries.initial_fraction=0.05",
        "reward.hidden_sizes=[64,64]",
        "agent.hidden_sizes=[64,64]",
    )
    run = HumanRun(page_cluster, tmp_path, *overrides, task="half-cheetah")
    try:
        run.wait_until_open()
        desk = chromium.new_context(viewport=DESK).new_page()
        ann = Labeller(desk, run.link(ANN))
        for _ in range(8):
            ann.press("ArrowRight")
        expect(desk.locator("#episode")).to_be_visible(timeout=120_000)
        expect(desk.locator("#study")).to_be_hidden()
        assert desk.evaluate(OVERFLOW) <= 0
        for choice in ("left", "right", "equal", "cant_tell", "undo", "help"):
            assert desk.evaluate(IN_VIEW, choice), choice
        desk.wait_for_timeout(3_000)
        desk.screenshot(path=pictures / "desk.png")
        desk.keyboard.press("h")
        expect(desk.locator("#helping")).to_be_visible()
        desk.screenshot(path=pictures / "help.png")
        study = chromium.new_context(viewport=DESK, color_scheme="dark").new_page()
        study.goto(run.link())
        expect(study.locator("#people")).to_contain_text("ann", timeout=30_000)
        study.wait_for_timeout(3_000)
        study.screenshot(path=pictures / "study.png", full_page=True)
        phone = chromium.new_context(viewport=PHONE, has_touch=True, is_mobile=True, device_scale_factor=2).new_page()
        bob = Labeller(phone, run.link(ANN))
        bob.ready()
        phone.locator("#left").tap()
        bob.until(lambda: bob.sent)
        assert bob.sent[-1]["choice"] == "left" and phone.evaluate(OVERFLOW) <= 0
        for choice in ("left", "right", "equal", "cant_tell"):
            assert phone.evaluate(IN_VIEW, choice), choice
        bob.ready()
        phone.screenshot(path=pictures / "phone.png")
    finally:
        run.stop()
