"""SIGSTOP: who stands still is said, is waited for, and is started again where it doesn't come back."""

from __future__ import annotations

import json
import os
import signal
import time

import pytest
from fault_run import ENV_STEPS, LABELS, Run

SENTENCES = {
    "segments": "The segment store has not answered for",
    "collector": "The collector has not answered for",
    "trainer": "The reward trainer has not answered for",
    "replica": "The replica of the reward predictor has not answered for",
    "runner": "waits for EnvRunner 1",
    "learner": "waits for learner 0",
    "driver": "The driver stood still for",
}
LEARNER = ((), ("agent.num_learners=1",))


def stop_and_go_on(run: Run, what: str, seconds: float, *overrides: str) -> None:
    run.begin(*overrides, *LEARNER[what == "learner"])
    run.until_answers(40)
    stopped = run.signal(what, signal.SIGSTOP)
    time.sleep(seconds)
    os.kill(stopped, signal.SIGCONT)
    assert run.wait() == 0, run.said
    assert SENTENCES[what] in run.said
    run.check_end()


@pytest.mark.slow
def test_a_process_that_stands_still_is_said_and_goes_on(run: Run) -> None:
    stop_and_go_on(run, "segments", 8.0, "ray.silent_seconds=3")


@pytest.mark.slow
@pytest.mark.parametrize("what", SENTENCES)
def test_each_process_stands_still_for_half_a_minute(run: Run, what: str) -> None:
    stop_and_go_on(run, what, 30.0)


def never_comes_back(run: Run, what: str) -> None:
    run.begin("ray.silent_seconds=3", "ray.restart_seconds=8", *LEARNER[what == "learner"])
    run.until_answers(40)
    run.signal(what, signal.SIGSTOP)
    assert run.wait() == 0, run.said
    assert SENTENCES[what] in run.said and "started again" in run.said
    run.check_end()


@pytest.mark.slow
def test_a_process_that_never_comes_back_is_started_again(run: Run) -> None:
    never_comes_back(run, "runner")


@pytest.mark.slow
@pytest.mark.parametrize("what", ["segments", "collector", "trainer", "replica", "learner"])
def test_each_process_that_never_comes_back_is_started_again(run: Run, what: str) -> None:
    never_comes_back(run, what)


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
def test_the_agent_keeps_its_pace_while_nobody_asks(run: Run) -> None:
    """Once all that was open is answered, it waits for the questioner too."""
    run.begin()
    run.until_answers(LABELS // 3)
    run.signal("questioner", signal.SIGSTOP)
    seen: list[tuple[int, int]] = []  # answers and env steps, a second apart

    def nothing_comes_any_more() -> bool:
        time.sleep(1.0)
        line = json.loads((run.path / "metrics.jsonl").read_text().splitlines()[-1])
        seen.append((line["labels"], line["env_steps"]))
        return len(seen) > 5 and len(set(seen[-5:])) == 1

    run.until(nothing_comes_any_more, "pause")
    run.signal("questioner", signal.SIGCONT)
    assert run.wait() == 0, run.said
    labels, env_steps = seen[-1]
    assert labels < LABELS and env_steps < ENV_STEPS, seen
    run.check_end()
