"""kill -9 of any process at a random moment: the run ends by itself or by `resume`, and nothing is lost or left."""

from __future__ import annotations

import itertools
import re
import signal
import time

import numpy as np
import pytest
from fault_run import ANSWERS_PER_MINUTE, LABELS, Run

from rlhp_ray.experiment.status import status

ACTORS = ("trainer", "segments", "collector", "teacher", "questioner")
IN_ONE_RUN = (("driver",), ("runner",), ("learner",), ("replica", "controller"), ACTORS)
PROCESSES = tuple(itertools.chain(*IN_ONE_RUN))
ROUNDS = 2
SAID = {
    "trainer": "The reward trainer died and is started again",
    "segments": "The segment store died and is started again",
    "collector": "The collector died and is started again",
    "teacher": "The teacher died and is started again",
    "questioner": "The questioner died and is started again",
    "driver": "going on from",
    "runner": "EnvRunner 1 died and was started again",
    "learner": "a learner or its EnvRunners died) and goes on from",
    "replica": "The replica of the reward predictor is gone",
    "controller": "The Serve controller died and is started again",
}


def kill(run: Run, what: str) -> int:
    """Kill it; the driver is told to resume."""
    killed = run.signal(what, signal.SIGKILL)
    if what == "driver":
        assert run.wait() == -signal.SIGKILL
        run.note_answers()
        run.resume()
    return killed


def check_end(run: Run, killed: tuple[str, ...], times: int) -> None:
    """The run ends by itself, says what happened, and nothing is lost or left."""
    assert run.wait() == 0, run.said
    for what in killed:
        assert SAID[what] in run.said
    check_status(run, killed, times)
    run.check_end()


def check_status(run: Run, killed: tuple[str, ...], times: int) -> None:
    """What was started again is named there with its node and what it cost, or, where it is Serve's, what was said."""
    found = status(run.address)
    for process in found.processes:
        assert re.fullmatch(r"[0-9.]+ \([0-9a-f]{8}\)", process.node), process
    roles = {process.role: process for process in found.processes}
    assert roles.keys() >= {"driver", "EnvRunner", "replica", *ACTORS}
    again = []
    for what in killed:
        if what in ("replica", "controller", "learner"):  # another one in its place, or the cluster's own
            assert any(SAID[what] in incident.said for incident in found.incidents)
        else:
            again.append(roles[{"runner": "EnvRunner"}.get(what, what)])
            assert again[-1].restarts == times and again[-1].lost, again[-1]
    others = [process for process in found.processes if process not in again]
    assert {*killed} & {"replica", "controller", "learner"} or not any(process.restarts for process in others), others


@pytest.mark.slow
@pytest.mark.parametrize("processes", IN_ONE_RUN, ids="-".join)
def test_each_process_is_killed_twice(run: Run, processes: tuple[str, ...]) -> None:
    """In one run, in turn, so that what was started again is killed too."""
    rng = np.random.default_rng([*"".join(processes).encode()])
    slower = f"teacher.answers_per_minute={ANSWERS_PER_MINUTE * 1.5 / max(1.5, len(processes))}"
    own = {"driver": ["run.checkpoint_seconds=1000"], "learner": ["agent.num_learners=1"]}
    run.begin(slower, *own.get(processes[0], []))
    killed: dict[str, int] = {}
    kills = ROUNDS * len(processes)
    for number, what in enumerate(processes * ROUNDS):
        between = LABELS // 5 + LABELS * 3 // 5 * np.array([number, number + 1]) // kills
        run.until_answers(int(rng.integers(*between)))
        time.sleep(float(rng.uniform(0.0, 0.5)))
        run.until_again(what, killed.get(what))
        killed[what] = kill(run, what)
    check_end(run, processes, ROUNDS)
    if processes == ("driver",):  # whose answers alone are left
        assert "going on from 0 env steps: no checkpoint was written before" in run.said


@pytest.mark.slow
@pytest.mark.parametrize(
    ("moment", "overrides"),
    [
        ("asking for the first labels", ("queries.initial_fraction=0.9",)),
        ("The agent has taken all of its env steps", ("budget.env_steps=2048", "budget.max_env_steps_per_label=1e6")),
    ],
)
def test_the_segment_store_is_killed_while_the_agent_brings_no_candidates(
    run: Run, moment: str, overrides: tuple[str, ...]
) -> None:
    """All that could be asked about is lost with it."""
    run.begin(*overrides)
    run.until_said(moment)
    run.signal("segments", signal.SIGKILL)
    assert run.wait() == 0, run.said
    assert run.said.count("collecting behaviour to ask about") > (moment == "asking for the first labels")
    run.check_end()
