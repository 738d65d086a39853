"""The labelling page: what it costs the training, how many people it holds, how soon a robot runs.

All through its requests, by programs in the place of people, every clip fetched.
"""

from __future__ import annotations

import contextlib
import json
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator

from playwright.sync_api import sync_playwright

from benchmarks.ours import ROOT, run, train_command
from benchmarks.pairs import Side, run_pairs
from benchmarks.person import HttpPerson
from rlhp_ray.config.teacher import OneTeacherPart
from rlhp_ray.labeling.page import ADDRESS_FILE, page_link
from rlhp_ray.preferences.answer_log import read_records
from rlhp_ray.storage import RunFolder
from rlhp_ray.telemetry import MetricsLog
from rlhp_ray.types import Answer

ERRANT = OneTeacherPart(mistake_probability=0.05, equal_share=0.05, cant_tell_share=0.05)
PACE = 20.0  # answers a minute
READY = "!document.querySelector('.clip.waiting') && !document.querySelector('#pair').hidden"
TIMES = """() => {
  window.times = [];
  let at = null;
  addEventListener("keydown", () => { at = performance.now(); }, true);
  const seen = new MutationObserver(() => {
    if (at !== null && !document.querySelector(".clip.waiting")) { times.push(performance.now() - at); at = null; }
  });
  for (const clip of document.querySelectorAll(".clip")) seen.observe(clip, { attributeFilter: ["class"] });
}"""


def pace(pairs: int, steps: int | None) -> None:
    """env steps/s with 20 answers a minute through the page, and with an oracle of that pace in the run."""
    budget = ("budget.labels=60", f"budget.env_steps={steps or 1_000_000}", "queries.initial_fraction=0.05")
    shared = (*budget, "queries.schedule=constant", "labeling.repeat_share=0", "labeling.second_share=0")

    def by_page() -> dict[str, float]:
        with _human_run("half-cheetah", *shared) as (folder, driver):
            person = HttpPerson(folder, "ann", OneTeacherPart())
            person.answer_for(3_600.0, each=60.0 / PACE, until=60)
            driver.wait()
            person.close()
            summary = json.loads(folder.read("summary.json"))
            return {"env_steps_per_second": summary["env_steps_per_second"], **person.figures()}

    def by_oracle() -> dict[str, float]:
        done = run("half-cheetah", *shared, f"teacher.answers_per_minute={PACE}")
        return {"env_steps_per_second": done["env_steps_per_second"]}

    run_pairs("labeling-pace", [Side("page", by_page), Side("oracle in the run", by_oracle)], pairs)


def keys(pairs: int, steps: int | None) -> None:
    """From a key to the next pair playing, in Chromium beside a run that trains, at 20 answers a minute."""
    del steps

    def once() -> dict[str, float]:
        overrides = (
            "budget.labels=200",
            "budget.env_steps=100000000",
            "queries.schedule=constant",
            "queries.initial_fraction=0.05",
        )
        with _human_run("half-cheetah", *overrides) as (folder, _), sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
            page = browser.new_page(viewport={"width": 1280, "height": 800})
            page.goto(page_link(folder))
            while not page.evaluate(READY):
                page.wait_for_timeout(50)
            page.evaluate(TIMES)
            for _ in range(60):
                page.wait_for_timeout(60_000 / PACE)
                page.keyboard.press("ArrowRight")
            page.wait_for_timeout(5_000)
            taken = sorted(page.evaluate("times"))
            browser.close()
        return {
            "p95_seconds": taken[int(0.95 * len(taken))] / 1000,
            "p50_seconds": taken[len(taken) // 2] / 1000,
            "answers": len(taken),
            "ready_share": sum(one < 500 for one in taken) / len(taken),
        }

    run_pairs("labeling-keys", [Side("key to next pair", once)], pairs)


def people(pairs: int, steps: int | None) -> None:
    """15 people, 30 answers a minute each, for 5 minutes: what is lost, doubled or stuck."""

    def fifteen() -> dict[str, float]:
        overrides = (
            "budget.labels=3000",
            "budget.env_steps=100000000",
            "budget.max_env_steps_per_label=300",
            "queries.open_queries=300",
            "queries.initial_fraction=0.1",
            "labeling.repeat_share=0",
        )
        with _human_run("half-cheetah", *overrides) as (folder, _):
            everybody = [HttpPerson(folder, f"p{number}", OneTeacherPart(), seed=number) for number in range(15)]
            threads = [
                threading.Thread(target=one.answer_for, args=(300.0,), kwargs={"each": 2.0}) for one in everybody
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            logged = [record for record in read_records(folder) if isinstance(record, Answer)]
            given = [(one.name, query) for one in everybody for query in one.acknowledged]
            kept = [(answer.teacher, answer.query_id) for answer in logged]
            figures = [one.figures() for one in everybody]
            for one in everybody:
                one.close()
            return {
                "answers": len(kept),
                "lost": len(set(given) - set(kept)),
                "doubled": len(kept) - len(set(kept)),
                "refused": sum(figure["refused"] for figure in figures),
                "late": sum(figure["late"] for figure in figures),
                "clip_seconds": max(figure["clip_seconds"] for figure in figures),
                "answer_seconds": max(figure["answer_seconds"] for figure in figures),
            }

    run_pairs("labeling-people", [Side("fifteen people", fifteen)], pairs)


def taught(pairs: int, steps: int | None) -> None:
    """12 answers a minute with a pause, 5 % mistakes, 10 % equal or can't tell: minutes to a true return of 1,000."""

    def once() -> dict[str, float]:
        with _human_run("half-cheetah-by-hand") as (folder, _):
            begun = time.monotonic()
            person = HttpPerson(folder, "ann", ERRANT)
            reached: float | None = None
            best = 0.0
            while time.monotonic() - begun < 1_500 and reached is None and len(person.acknowledged) < 260:
                person.answer_for(60.0, each=5.0)
                if len(person.acknowledged) % 50 < 12:
                    time.sleep(10.0)  # a pause
                newest = MetricsLog(folder).newest()
                true_return = newest.metrics.get("true_return") if newest else None
                best = max(best, true_return or 0.0)
                if best >= 1_000:
                    reached = time.monotonic() - begun
            newest = MetricsLog(folder).newest()
            held = newest.metrics["held_seconds"] if newest else None
            env_steps = newest.env_steps if newest else 0
            person.close()
            return {
                "minutes": (reached or float("nan")) / 60,
                "best_true_return": best,
                "answers": len(person.acknowledged),
                "env_steps": env_steps,
                "held_seconds": held or 0.0,
            }

    run_pairs("labeling-taught", [Side("a person by a program", once)], pairs)


@contextlib.contextmanager
def _human_run(config: str, *overrides: str) -> Iterator[tuple[RunFolder, subprocess.Popen[bytes]]]:
    """A run that people teach, whose page is open; stopped in the end if it still goes on."""
    with tempfile.TemporaryDirectory() as scratch:
        command = train_command(config, scratch, "teacher.kind=human", *overrides)
        with pathlib.Path(scratch, "log").open("wb") as log:
            driver = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, cwd=ROOT)
        folder = RunFolder(f"{scratch}/benchmark")
        try:
            while not folder.exists(ADDRESS_FILE) or MetricsLog(folder).newest() is None:
                if driver.poll() is not None:
                    sys.exit(pathlib.Path(scratch, "log").read_text())
                time.sleep(0.2)
            yield folder, driver
        finally:
            if driver.poll() is None:
                driver.send_signal(signal.SIGTERM)
            driver.wait()
