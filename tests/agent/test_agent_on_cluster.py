"""The whole agent on Ray: runners and learners as actors, one or several, alive or killed."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from agent_data import ENVS, STEPS, agent_part, make_learner, training_data

from rlhp_ray.errors import AgentLostError, PredictorUnavailableError
from rlhp_ray.rollouts.fragment import Fragment

# Ray's own, when it starts remote learners
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:ray.data.context")


def _snapshots(algorithm: Any) -> list[dict[str, np.ndarray]]:
    return [outcome.get() for outcome in algorithm.learner_group.foreach_learner(lambda learner: learner.snapshot())]


def _kill(pids: list[int]) -> None:
    for pid in pids:
        os.kill(pid, signal.SIGKILL)


def _predictor(instead: Callable[[], None]) -> Any:
    class Predictor:  # of a function, so that it travels by value
        def connect(self) -> None:
            pass

        def rewards(self, observations: np.ndarray, actions: np.ndarray) -> None:
            instead()

    return Predictor()


def _learner_pids(algorithm: Any) -> list[int]:
    return [outcome.get() for outcome in algorithm.learner_group.foreach_learner(lambda learner: os.getpid())]


def _runner_pids(algorithm: Any) -> list[int]:
    return algorithm.env_runner_group.foreach_env_runner(lambda runner: os.getpid(), local_env_runner=False)


def test_ppo_waits_for_every_runner_and_appo_takes_what_is_there(algorithms: Any) -> None:
    ppo = algorithms(agent_part("ppo", num_env_runners=2))
    for update in range(1, 4):
        ppo.train()
        assert len(ppo.last_update.fragments) == 2
        _check(ppo, env_steps=update * 2 * ENVS * STEPS)
    ppo.stop()
    appo = algorithms(agent_part("appo", num_env_runners=2))
    appo.train()
    done = len(appo.last_update.fragments)
    for pid in (slow := _runner_pids(appo)[1:]):
        os.kill(pid, signal.SIGSTOP)
    for _ in range(3):  # the first may take what the slow one had sent before
        appo.train()
        done += len(appo.last_update.fragments)
        _check(appo, env_steps=done * ENVS * STEPS)
    assert len(appo.last_update.fragments) == 1
    for pid in slow:
        os.kill(pid, signal.SIGCONT)
    for _ in range(50):
        time.sleep(0.1)  # the learner is busy, and fragments wait
        appo.train()
        if len(appo.last_update.fragments) == 2:
            break
    assert len(appo.last_update.fragments) == 2
    appo.stop()


def _check(algorithm: Any, *, env_steps: int) -> None:
    last = algorithm.last_update
    assert algorithm.env_steps == env_steps
    assert last.env_steps == len(last.fragments) * ENVS * STEPS
    assert all(0 <= algorithm.updates - fragment.policy_version <= 4 for fragment in last.fragments)
    assert set(last.figures) == {"policy_loss", "value_loss", "entropy", "kl", "clip_fraction"}


@pytest.mark.parametrize("name", ["ppo", "appo"])
def test_several_learners_stay_equal_and_take_the_step_of_one(algorithms: Any, name: str) -> None:
    """One minibatch of the whole batch, so that how it is divided makes no difference."""
    part = agent_part(name, num_learners=2, minibatch_size=ENVS * STEPS, num_epochs=1)
    algorithm = algorithms(part)
    algorithm.train()
    first, second = _snapshots(algorithm)
    alone = make_learner(part.model_copy(update={"num_learners": 0}))
    alone.restore(first, env_steps=0)
    algorithm.train()
    arrays = Fragment.learner_arrays(algorithm.last_update.fragments, alone.columns)
    alone.update(training_data=training_data(arrays))
    first, second = _snapshots(algorithm)
    for array_name, array in alone.snapshot().items():
        np.testing.assert_array_equal(first[array_name], second[array_name], err_msg=array_name)
        if not array_name.startswith("generator"):
            np.testing.assert_allclose(first[array_name], array, rtol=1e-3, atol=1e-5, err_msg=array_name)
    assert first["module/obs_count"] == 2 * ENVS * STEPS


def test_a_snapshot_goes_on_in_another_agent_with_other_learners(algorithms: Any) -> None:
    algorithm = algorithms(agent_part("appo"))
    algorithm.train()
    algorithm.train()
    snapshot = algorithm.snapshot()
    other = algorithms(agent_part("appo", num_learners=1))
    other.go_on(snapshot)
    assert other.env_steps == algorithm.env_steps and other.updates == 2
    for name, array in other.snapshot().items():
        np.testing.assert_array_equal(array, snapshot[name], err_msg=name)
    other.train()
    assert other.last_update.fragments[0].policy_version == 2
    assert other.updates == 3


@pytest.mark.parametrize(
    ("name", "runners"),
    [("ppo", 1), pytest.param("appo", 2, marks=pytest.mark.slow)],
)
def test_a_killed_runner_comes_back_with_the_weights(algorithms: Any, name: str, runners: int) -> None:
    algorithm = algorithms(agent_part(name, num_env_runners=runners))
    for _ in range(3):
        algorithm.train()
    dead = _runner_pids(algorithm)[0]
    _kill([dead])
    while algorithm.env_runner_group.num_remote_worker_restarts() == 0:
        algorithm.train()
    before = algorithm.updates
    versions = []
    for _ in range(2 * runners):
        algorithm.train()
        versions += [fragment.policy_version for fragment in algorithm.last_update.fragments]
    assert min(versions) >= before - runners  # never the weights that a new runner is made with
    assert algorithm.lost_requests <= 1  # none where the fragment was there already
    living = _runner_pids(algorithm)
    assert len(living) == runners and dead not in living


@pytest.mark.slow
def test_runners_that_always_die_end_the_run_with_a_sentence(algorithms: Any) -> None:
    algorithm = algorithms(agent_part("ppo"), predictor=_predictor(lambda: os.kill(os.getpid(), signal.SIGKILL)))
    with pytest.raises(AgentLostError, match="died 6 times"):
        algorithm.train()


def test_an_error_of_ours_in_a_runner_is_raised_as_it_was(algorithms: Any) -> None:
    def fail() -> None:
        raise PredictorUnavailableError("no prediction")

    algorithm = algorithms(agent_part("ppo"), predictor=_predictor(fail))
    with pytest.raises(PredictorUnavailableError, match="no prediction"):
        algorithm.train()


def test_an_unforeseen_error_in_a_runner_ends_training_with_where_it_was(algorithms: Any) -> None:
    def fail() -> None:
        raise ZeroDivisionError("of nothing")

    algorithm = algorithms(agent_part("ppo"), predictor=_predictor(fail))
    with pytest.raises(AgentLostError, match=r"ZeroDivisionError: of nothing"):
        algorithm.train()


@pytest.mark.parametrize("learners", [1, 2])
def test_a_learner_that_dies_is_told_in_our_words(algorithms: Any, learners: int) -> None:
    algorithm = algorithms(agent_part("appo", num_learners=learners))
    algorithm.train()
    _kill(_learner_pids(algorithm)[-1:])
    with pytest.raises(AgentLostError, match="learner"):
        for _ in range(3):
            algorithm.train()
    with pytest.raises(AgentLostError, match="learner"):
        algorithm.snapshot()
