"""kill -9 of any process at a random moment: the run ends by itself or by `resume`, and nothing is lost or left."""

from __future__ import annotations

import re
import signal
import time

import numpy as np
import pytest
from fault_run import LABELS, Run

from rlhp_ray.experiment.status import status

PROCESSES = (
    *("driver", "runner", "learner", "replica", "controller"),
    *("trainer", "segments", "collector", "teacher", "questioner"),
)
ROUNDS = 3
SAID = dict.fromkeys(("trainer", "segments", "collector", "teacher", "questioner"), "died and is started again") | {
    "driver": "going on from",
    "runner": "EnvRunner 1 died and was started again",
    "learner": "a learner or its EnvRunners died) and goes on from",
    "replica": "The replica of the reward predictor is gone",
    "controller": "The Serve controller died and is started again",
}


def kill_at_a_random_moment(run: Run, what: str, seed: int, *overrides: str) -> None:
    rng = np.random.default_rng([seed, *what.encode()])
    run.begin(*(["agent.num_learners=1"] if what == "learner" else []), *overrides)
    run.until_answers(int(rng.integers(LABELS // 5, LABELS * 4 // 5)))
    time.sleep(float(rng.uniform(0.0, 0.5)))
    run.signal(what, signal.SIGKILL)
    if what == "driver":
        assert run.wait() == -signal.SIGKILL
        run.note_answers()
        run.resume()
    status = run.wait()
    assert status == 0, run.said
    assert SAID[what] in run.said
    check_status(run, what)
    run.check_end()


def check_status(run: Run, what: str) -> None:
    """What was started again is named there with its node and what it cost, or, where it is Serve's, what was said."""
    found = status(run.address)
    for process in found.processes:
        assert re.fullmatch(r"[0-9.]+ \([0-9a-f]{8}\)", process.node), process
    roles = {process.role: process for process in found.processes}
    assert roles.keys() >= {
        "driver",
        "EnvRunner",
        "collector",
        "questioner",
        "replica",
        "segments",
        "teacher",
        "trainer",
    }
    named = roles.get({"runner": "EnvRunner"}.get(what, what))
    if what in ("replica", "controller", "learner"):  # another one in its place, or the cluster's own
        assert any(SAID[what] in incident.said for incident in found.incidents)
    else:
        assert named is not None and named.restarts == 1 and named.lost
        others = [process for process in found.processes if process != named]
        assert not any(process.restarts for process in others), others


@pytest.mark.slow
@pytest.mark.parametrize("what", ["driver", "collector"])
def test_a_killed_process_costs_no_answer(run: Run, what: str) -> None:
    kill_at_a_random_moment(run, what, seed=0)


@pytest.mark.slow
def test_a_driver_that_is_killed_before_its_first_checkpoint_keeps_the_answers(run: Run) -> None:
    kill_at_a_random_moment(run, "driver", 0, "run.checkpoint_seconds=1000")
    assert "going on from 0 env steps: no checkpoint was written before" in run.said


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1, 1 + ROUNDS))
@pytest.mark.parametrize("what", PROCESSES)
def test_each_process_is_killed_three_times(run: Run, what: str, seed: int) -> None:
    kill_at_a_random_moment(run, what, seed)


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
