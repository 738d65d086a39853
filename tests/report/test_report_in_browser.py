"""The report, opened from disk in a browser that has no network.

`SCREENSHOTS=docs/images RUNS="RUN..." make test ARGS=tests/report/test_report_in_browser.py` makes the docs' pictures.
"""

from __future__ import annotations

import json
import os
import pathlib
import re
from collections.abc import Iterator

import pytest
from made_runs import make_run, summary
from playwright.sync_api import Browser, Page, expect

from rlhp_ray.cli.main import main
from rlhp_ray.report import page as report_page

DESK = {"width": 1280, "height": 900}
PHONE = {"width": 390, "height": 844}
OVERFLOW = "document.documentElement.scrollWidth - innerWidth"
MARKUP = """</script><img src="https://example.invalid/x" onerror="document.title='broken in'">"""


class Opened:
    """A page of the report, what it said and what it asked for."""

    def __init__(self, browser: Browser, file: pathlib.Path, **context: object) -> None:
        self.said: list[str] = []
        self.asked: list[str] = []
        opened = browser.new_context(**context)  # type: ignore[arg-type]
        opened.set_offline(True)
        self.page: Page = opened.new_page()
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("request", lambda request: self.asked.append(request.url.partition(":")[0]))
        self.page.goto(file.as_uri())


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """Six runs, five with a video, and a result's JSON that holds markup wherever text may stand."""
    folder = tmp_path_factory.mktemp("runs")
    runs = [make_run(folder, f"learned-{s}", seed=s, true_return=900.0 + 50 * s, video=True) for s in range(3)]
    runs += [make_run(folder, f"true-{s}", "reward.source=true", seed=s, video=s < 2) for s in range(3)]
    runs += [make_run(folder, "hacked", "budget.labels=50", correlation=-0.5)]
    nasty = folder / "nasty.json"
    record = {
        **{"run": MARKUP, "task": MARKUP, "condition": MARKUP, "command": [MARKUP]},
        "curve": {"env_steps": [0, 9], "labels": [0, 9], "true_return": [0.0, 1.0]},
        "summary": summary("half-cheetah", 0, 500.0, learned=True),
    }
    nasty.write_text(json.dumps(record), encoding="utf-8")
    assert main(["report", *runs, str(nasty), "-o", str(folder / "report.html")]) == 0
    return folder / "report.html"


@pytest.fixture
def desk(chromium: Browser, report: pathlib.Path) -> Iterator[Opened]:
    opened = Opened(chromium, report, viewport=DESK)
    yield opened
    assert opened.said == []
    assert set(opened.asked) <= {"file", "data"}  # nothing but itself and what it holds
    assert opened.page.title().startswith("8 runs of")
    opened.page.context.close()


def test_it_shows_tables_curves_notes_and_videos(desk: Opened) -> None:
    page = desk.page
    reached = page.locator("table", has_text="What was reached").first
    row = reached.locator("tr", has_text="ppo, 200 labels of oracle")
    expect(row).to_contain_text("950 (900 to 1,000)")
    expect(row).to_contain_text("0.95 (0.91 to 1.00)")
    titles = page.locator("section").first.locator("figcaption strong").all_text_contents()
    assert titles == [
        "True return against env steps",
        "True return against labels",
        "Accuracy on new answers against labels",
        "Predicted and true return against env steps",
    ]
    first = page.locator("svg.chart").first
    assert first.locator(".band").count() == 2  # the conditions with several seeds
    assert first.locator(".mean").count() == 3
    expect(page.get_by_text("return_correlation was -0.5 in the end")).to_be_visible()
    assert page.locator("video").count() == 5
    assert page.evaluate("Promise.all([...document.querySelectorAll('video')].map((v) => v.play().then(() => 1)))")


def test_markup_in_names_is_text(desk: Opened) -> None:
    expect(desk.page.get_by_role("heading", name=MARKUP, exact=True)).to_be_visible()
    assert desk.page.locator("img").count() == 0


def test_the_keyboard_hides_conditions_and_reads_values_off(desk: Opened) -> None:
    page = desk.page
    button = page.get_by_role("button", name="ppo, true reward")
    button.focus()
    page.keyboard.press("Space")
    expect(button).to_have_attribute("aria-pressed", "false")
    chart = page.locator("svg.chart").first
    assert chart.locator("g.off").count() == 1
    chart.focus()
    page.keyboard.press("End")
    output = page.locator("figure output").first
    expect(output).to_contain_text("100,000 env steps")
    expect(output).to_contain_text("ppo, 200 labels of oracle: 950 (900 to 1,000)")
    expect(output).not_to_contain_text("true reward")
    page.keyboard.press("Home")
    expect(output).to_contain_text("0 env steps")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_is_legible_on_a_phone(chromium: Browser, report: pathlib.Path, scheme: str) -> None:
    opened = Opened(chromium, report, viewport=PHONE, is_mobile=True, has_touch=True, color_scheme=scheme)
    page = opened.page
    for summary_ in page.locator("summary").all():
        summary_.click()
    assert page.evaluate(OVERFLOW) <= 0
    heights = page.locator("svg.chart text").evaluate_all("(all) => all.map((t) => t.getBoundingClientRect().height)")
    assert min(heights) >= 10  # CSS pixels
    back, ink = page.evaluate("(({backgroundColor: b, color: c}) => [b, c])(getComputedStyle(document.body))")
    assert (back == "rgb(255, 255, 255)") == (scheme == "light") and back != ink
    expect(page.locator("td[data-name='normalised score']").first).to_be_visible()
    assert opened.said == []
    page.context.close()


def test_videos_that_would_make_it_too_large_are_named(
    report: pathlib.Path, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = [str(report.parent / f"learned-{seed}") for seed in range(3)]
    size = (report.parent / "learned-0" / "videos" / "evaluation.mp4").stat().st_size
    monkeypatch.setattr(report_page, "VIDEO_BYTES", round(1.5 * size))
    assert main(["report", *runs, "-o", str(tmp_path / "small.html")]) == 0
    text = (tmp_path / "small.html").read_text(encoding="utf-8")
    assert text.count("<video") == 1 and "too large: learned-1, learned-2 (videos/ in their folders)" in text


def test_a_run_that_is_not_there_and_a_place_that_cannot_be_written_are_said(
    report: pathlib.Path, tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for arguments, words in (
        ([str(tmp_path / "none"), "-o", str(tmp_path / "r.html")], "none"),
        ([str(report.parent / "true-0"), "-o", str(tmp_path / "no" / "r.html")], "can't be written to"),
        ([str(report.parent / "true-0"), "-o", str(tmp_path / "r.pdf")], "A report is FILE.html or FILE.md"),
    ):
        assert main(["report", *arguments]) == 2
        said = capsys.readouterr().err
        assert words in said and len(said.splitlines()) == 1


def test_markdown_has_the_same_tables_and_charts_as_files(
    chromium: Browser, report: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    runs = [str(report.parent / name) for name in ("learned-0", "learned-1", "true-0", "nasty.json")]
    assert main(["report", *runs, "-o", str(tmp_path / "results.md")]) == 0
    text = (tmp_path / "results.md").read_text(encoding="utf-8")
    assert "| ppo, 200 labels of oracle | 0, 1 | 925 (900 to 950) | 0.93 (0.91 to 0.95) |" in text
    assert "<img" not in text
    pictures = re.findall(r"!\[.*\]\((results-charts/.*\.svg)\)", text)
    assert len(pictures) == len(set(pictures)) == 6
    for picture in pictures:
        opened = Opened(chromium, tmp_path / picture, viewport=DESK)
        legend = opened.page.locator("svg > g > g > text").all_text_contents()
        assert "ppo, 200 labels of oracle" in legend or MARKUP in legend
        assert opened.page.locator("path.mean").count() == len(legend) and opened.said == []
        opened.page.context.close()


def test_pictures_for_the_docs(chromium: Browser, report: pathlib.Path, tmp_path: pathlib.Path) -> None:
    pictures = pathlib.Path(os.environ.get("SCREENSHOTS", tmp_path))
    runs = os.environ["RUNS"].split() if "RUNS" in os.environ else [str(report.parent / "true-0")]
    file = tmp_path / "report.html"
    assert main(["report", *runs, "-o", str(file)]) == 0
    desk = Opened(chromium, file, viewport=DESK).page
    phone = Opened(chromium, file, viewport=PHONE, is_mobile=True, device_scale_factor=2, color_scheme="dark").page
    for page in (desk, phone):
        for video in page.locator("video").all():  # a frame in the middle, not the first one
            video.evaluate("(v) => new Promise((seen) => { v.onseeked = seen; v.currentTime = v.duration / 2; })")
        page.screenshot(path=pictures / ("report.png" if page is desk else "report-phone.png"), full_page=page is desk)
    assert (pictures / "report.png").stat().st_size > 10_000 < (pictures / "report-phone.png").stat().st_size
