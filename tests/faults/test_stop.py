"""SIGSTOP: who stands still is said, is waited for, and is started again where it doesn't come back."""

from __future__ import annotations

import json
import os
import re
import signal
import time
from typing import Any

import pytest
from fault_run import ENV_STEPS, ENV_STEPS_PER_LABEL, LABELS, Run

SENTENCES = {
    "segments": "The segment store has not answered for",
    "collector": "The collector has not answered for",
    "trainer": "The reward trainer has not answered for",
    "replica": "The replica of the reward predictor has not answered for",
    "runner": "waits for EnvRunner 1",
    "learner": "waits for learner 0",
    "driver": "The driver stood still for",
}
WATCHED = ("segments", "collector", "trainer", "replica")
LOOP = ("runner", "learner", "driver")  # looked after by the driver's loop, which stands still with them
# Answers so slow that the run outlasts all that stands still in it; and an agent that waits for none.
SLOW = ("teacher.answers_per_minute=100", "queries.initial_fraction=0.05")
UNHELD = ("agent.num_learners=1", "budget.max_env_steps_per_label=1e6", f"budget.env_steps={2 * ENV_STEPS}")


def newest(run: Run) -> dict[str, Any]:
    """The newest line of its metrics."""
    line: dict[str, Any] = json.loads((run.path / "metrics.jsonl").read_text().splitlines()[-1])
    return line


def until_it_goes_on(run: Run, what: str) -> None:
    """Wait for answers, or, where it is the loop that is looked at, for env steps."""
    if what in WATCHED:
        run.until_answers(len(run.note_answers()) + 3)
    else:
        before = newest(run)["env_steps"]
        run.until(lambda: newest(run)["env_steps"] > before + 5_000, "env steps")


@pytest.mark.slow
@pytest.mark.parametrize(("processes", "overrides"), [(WATCHED, SLOW), (LOOP, UNHELD)], ids=["watched", "loop"])
def test_each_process_stands_still_for_a_while_and_then_for_good(
    run: Run, processes: tuple[str, ...], overrides: tuple[str, ...]
) -> None:
    """One after the other, in one run: who comes back goes on, who doesn't is started again."""
    run.begin("ray.silent_seconds=3", "ray.restart_seconds=8", *overrides)
    run.until_said("training")
    for what in processes:
        until_it_goes_on(run, what)
        stopped = run.signal(what, signal.SIGSTOP)
        if what == "driver":
            time.sleep(6.0)  # it says so once it is awake
        else:
            run.until_said(SENTENCES[what])
        os.kill(stopped, signal.SIGCONT)
    run.until_said(SENTENCES[processes[-1]])
    until_it_goes_on(run, processes[-1])
    assert "started again" not in run.said.replace("is started again after", ""), run.said
    for_good = [what for what in processes if what != "driver"]
    for what in for_good:
        until_it_goes_on(run, what)
        run.until_again(what, run.signal(what, signal.SIGSTOP))
    assert run.wait() == 0, run.said
    assert len(re.findall(r"\d s(?: and is|:) started again\.", run.said)) >= len(for_good), run.said
    run.check_end()


@pytest.mark.slow
def test_a_driver_that_wakes_up_late_finds_the_run_taken_over(run: Run) -> None:
    run.begin()
    run.until_answers(32)
    stopped = run.signal("driver", signal.SIGSTOP)
    heir = Run(run.cluster, run.scratch)
    heir.note_answers()
    heir.resume()
    heir.until_answers(len(heir.acknowledged) + 8)
    os.kill(stopped, signal.SIGCONT)
    assert run.wait() == 1
    assert "Another driver has taken over" in run.said and "Traceback" not in run.said, run.said
    assert heir.wait() == 0, heir.said
    heir.check_end()


@pytest.mark.slow
def test_the_agent_keeps_its_pace_while_nobody_asks_or_learns(run: Run) -> None:
    """Once all that was open is answered, it waits for the questioner too; and once all are, for the trainer."""
    run.begin()
    for what in ("questioner", "trainer"):
        run.until_answers(LABELS // (3 if what == "questioner" else 2))
        run.signal(what, signal.SIGSTOP)
        seen: list[tuple[int, int]] = []  # answers and env steps, a second apart

        def nothing_comes_any_more(seen: list[tuple[int, int]] = seen) -> bool:
            time.sleep(1.0)
            line = newest(run)
            seen.append((line["labels"], line["env_steps"]))
            return len(seen) > 5 and len(set(seen[-5:])) == 1

        run.until(nothing_comes_any_more, "pause")
        run.signal(what, signal.SIGCONT)
        labels, env_steps = seen[-1]
        assert env_steps < LABELS * ENV_STEPS_PER_LABEL and (labels < LABELS or what == "trainer"), seen
    assert run.wait() == 0, run.said
    run.check_end()
