"""The labelling page: what it costs the training, how many people it holds, how soon a robot runs.

All through its requests, by programs in the place of people, every clip fetched.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import math
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from typing import Any

from playwright.sync_api import sync_playwright

from benchmarks.ours import ROOT, run, train_command
from benchmarks.pairs import Side, run_pairs
from benchmarks.person import Hold, HttpPerson, RunClips
from rlhp_ray.config.teacher import OneTeacherPart
from rlhp_ray.labeling.page import ADDRESS_FILE, page_link
from rlhp_ray.preferences.answer_log import read_records
from rlhp_ray.storage import RunFolder
from rlhp_ray.telemetry import MetricsLog
from rlhp_ray.types import Answer, Query, Withdrawal

ERRANT = OneTeacherPart(mistake_probability=0.05, equal_share=0.05, cant_tell_share=0.05)
PACE = 20.0  # answers a minute
PACED_LABELS = 40  # two minutes of answers; the agent takes about as long for its env steps
POOL_PAIRS = 300
ABSENT_PEOPLE = 3
STUCK_SECONDS = 2.0  # after its end; the next of 15 people comes within a fraction of a second
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
    env_steps = steps or 1_600_000
    budget = (f"budget.labels={PACED_LABELS}", f"budget.env_steps={env_steps}", "queries.initial_fraction=0.05")
    shared = (*budget, "queries.schedule=constant", "labeling.repeat_share=0", "labeling.second_share=0")

    def by_page() -> dict[str, float]:
        with _human_run("half-cheetah", *shared) as (folder, driver):
            with HttpPerson(folder, "ann", OneTeacherPart()) as person:
                person.answer_for(3_600.0, each=60.0 / PACE, until=PACED_LABELS)
            driver.wait()
            return _pace_of(json.loads(folder.read("summary.json"))) | person.figures()

    def by_oracle() -> dict[str, float]:
        return _pace_of(run("half-cheetah", *shared, f"teacher.answers_per_minute={PACE}"))

    run_pairs("labeling-pace", [Side("page", by_page), Side("oracle in the run", by_oracle)], pairs)


def _pace_of(summary: dict[str, Any]) -> dict[str, float]:
    """env steps/s while the agent steps: where it is the quicker one, it waits for the last answers with all taken."""
    held = summary["held_seconds"]
    train = summary["env_steps"] / summary["env_steps_per_second"]
    return {"env_steps_per_second_not_held": summary["env_steps"] / (train - held), "held_seconds": held}


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
    """15 people, 30 answers a minute each, for 5 minutes: what is lost, doubled, in conflict or stuck."""
    del steps
    run_pairs("labeling-people", [Side("fifteen people", lambda: crowd(15, seconds=300.0, lease_seconds=30.0))], pairs)


def crowd(count: int, *, seconds: float, lease_seconds: float) -> dict[str, float]:
    """So many people at once, from 300 pairs whose clips are drawn before; three others take pairs and are gone."""
    overrides = (
        "budget.labels=3000",
        "budget.env_steps=100000000",
        "budget.max_env_steps_per_label=300",
        "queries.schedule=constant",  # as fast as they answer
        f"queries.open_queries={POOL_PAIRS}",
        "queries.initial_fraction=0.1",
        f"queries.lease_seconds={lease_seconds}",
        "labeling.repeat_share=0",  # each query has one answer, so a second one is one too many
        "labeling.second_share=0",
    )
    with _human_run("half-cheetah", *overrides) as (folder, _), contextlib.ExitStack() as stack:
        clips = RunClips(folder)

        def person(name: str, number: int) -> HttpPerson:
            return stack.enter_context(HttpPerson(folder, name, OneTeacherPart(), clips=clips, seed=number))

        everybody = [person(f"p{number}", number) for number in range(count)]
        absent = [person(f"absent{number}", number) for number in range(ABSENT_PEOPLE)]
        while len(asked := _asked(folder)) < POOL_PAIRS:
            time.sleep(0.5)
        for query in asked:
            everybody[0].fetch_clips(query.first, query.second)
        for one in (*everybody, *absent):
            one.forget_times()
        for one in absent:
            one.take_pairs()
        threads = [threading.Thread(target=one.answer_for, args=(seconds,), kwargs={"each": 2.0}) for one in everybody]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        records = read_records(folder)
        logged = [(record.teacher, record.query_id) for record in records if isinstance(record, Answer)]
        given = [(one.name, query) for one in everybody for query in one.acknowledged]
        withdrawn = {record.query_id for record in records if isinstance(record, Withdrawal)}
        waits = handed_on_seconds(everybody, absent, lease_seconds, withdrawn)
        clip_seconds = sorted(itertools.chain.from_iterable(one.clip_seconds for one in everybody))
        answer_seconds = sorted(itertools.chain.from_iterable(one.answer_seconds for one in everybody))
        return {
            "answers": len(logged),
            "answers_a_minute_each": 60 * len(logged) / count / seconds,
            "pairs_drawn_before": len(asked),
            "lost": len(set(given) - set(logged)),
            "not_acknowledged": len(set(logged) - set(given)),
            "doubled": len(logged) - len({query for _, query in logged}),
            "conflicts": held_twice([*everybody, *absent], lease_seconds),
            "refused": sum(len(one.refused) for one in everybody),
            "sent_again": sum(one.sent_again for one in everybody),
            "without_a_pair": sum(one.late for one in everybody),
            "left_behind": len(waits),
            "stuck": sum(wait > STUCK_SECONDS for wait in waits),
            "handed_on_seconds_max": max(filter(math.isfinite, waits), default=0.0),
            "clip_seconds_p99": clip_seconds[int(0.99 * len(clip_seconds))],
            "answer_seconds_p99": answer_seconds[int(0.99 * len(answer_seconds))],
            "behind_seconds_max": max(one.behind_seconds for one in everybody),
        }


def held_twice(people: list[HttpPerson], lease_seconds: float) -> int:
    """How often a pair was given to somebody while somebody else held it."""
    holds = [(hold, one.name) for one in people for hold in one.holds.values()]
    by_query: dict[str, list[tuple[Hold, str]]] = {}
    for hold, name in holds:
        by_query.setdefault(hold.query_id, []).append((hold, name))
    return sum(
        name != other and hold.given_at < begun.given_at < hold.end(lease_seconds)
        for those in by_query.values()
        for hold, name in those
        for begun, other in those
    )


def handed_on_seconds(
    people: list[HttpPerson], absent: list[HttpPerson], lease_seconds: float, withdrawn: set[str]
) -> list[float]:
    """Of each pair that the absent hold: how long after its lease's end somebody was given it; infinite: nobody."""
    waits = []
    for hold in (hold for one in absent for hold in one.holds.values() if hold.query_id not in withdrawn):
        given = [one.holds[hold.query_id].given_at for one in people if hold.query_id in one.holds]
        waits.append(min(given, default=math.inf) - hold.end(lease_seconds))
    return waits


def _asked(folder: RunFolder) -> list[Query]:
    return [record for record in read_records(folder) if isinstance(record, Query)]


def taught(pairs: int, steps: int | None) -> None:
    """12 answers a minute with a pause, 5 % mistakes, 10 % equal or can't tell: minutes to a true return of 1,000."""
    del steps
    seeds = itertools.count()

    def once() -> dict[str, float]:
        run_of_seed = _human_run("half-cheetah-by-hand", f"seed={next(seeds)}")
        with run_of_seed as (folder, _), HttpPerson(folder, "ann", ERRANT) as person:
            begun = time.monotonic()
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
