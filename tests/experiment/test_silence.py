"""What is said of a process that doesn't answer, and when it is killed."""

from __future__ import annotations

import pytest

from rlhp_ray.experiment.silence import Limits, Progress, Silence

LIMITS = Limits(said=15.0, ended=60.0)


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def store(said: list[str]) -> Silence:
    """A store that answered once and was asked again at 0."""
    silence = Silence("The segment store", "no clip is taken in or shown", LIMITS, said.append)
    silence.asked(-1.0)
    silence.answered(-0.5, waits_for="")
    silence.asked(0.0)
    return silence


def test_who_answers_is_not_spoken_of(store: Silence, said: list[str]) -> None:
    for now in range(0, 600, 10):
        assert not store.look(now + 9.0)
        store.answered(now + 9.5, waits_for="")
        store.asked(now + 10.0)
    assert said == [] and not store.troubled


def test_a_silence_is_said_once_and_so_is_its_end(store: Silence, said: list[str]) -> None:
    assert not any(store.look(float(now)) for now in range(30))
    assert store.troubled
    store.answered(30.0, waits_for="")
    assert said == [
        "The segment store has not answered for 15 s (its process is stopped, or its machine is too busy): no clip is "
        "taken in or shown meanwhile; it is started again after 60 s.",
        "The segment store answers again after 30 s.",
    ]
    assert not store.troubled


def test_a_lasting_silence_is_ended_and_then_given_twice_as_long(store: Silence, said: list[str]) -> None:
    killed = [now for now in range(500) if store.look(float(now))]
    assert killed == [60, 60 + 120, 60 + 120 + 240]
    assert said[1] == "The segment store has not answered for 60 s and is started again."
    store.answered(500.0, waits_for="")
    assert said[-1] == "The segment store answers again after 500 s."
    store.asked(501.0)
    assert [now for now in range(501, 600) if store.look(float(now))] == [561]


def test_what_never_answered_yet_is_still_starting(said: list[str]) -> None:
    silence = Silence("The collector", "no answer is accepted", LIMITS, said.append)
    silence.asked(0.0)
    assert not any(silence.look(float(now)) for now in range(300))
    assert said == []


def test_what_it_waits_for_is_said_until_it_goes_on(store: Silence, said: list[str]) -> None:
    for now in (1.0, 2.0):
        store.answered(now, waits_for="The disk is full.")
        assert store.troubled
        store.asked(now)
    store.answered(3.0, waits_for="")
    assert said == ["The segment store waits: The disk is full.", "The segment store goes on."]


def test_a_lost_question_is_no_silence(store: Silence, said: list[str]) -> None:
    store.lost()
    assert not store.look(1000.0)
    store.restarted()
    store.gone("it was taken off the cluster")
    assert said == [
        "The segment store died and is started again.",
        "The segment store is gone: it was taken off the cluster.",
    ]


def test_a_watch_that_stood_still_blames_nobody(store: Silence, said: list[str]) -> None:
    store.stood_still(300.0)
    assert not store.look(305.0)
    assert said == []


def test_a_loop_that_turns_is_not_spoken_of(said: list[str]) -> None:
    progress = Progress(LIMITS, said.append)
    assert not progress.look(1000.0, ["EnvRunner 1"])  # nothing is on its way yet
    for now in range(0, 600, 10):
        progress.turned(float(now))
        assert not progress.look(now + 9.0, ["EnvRunner 1"])
    progress.paused()
    assert not progress.look(2000.0, ["EnvRunner 1"])
    assert said == []


def test_a_loop_that_stands_still_names_whom_it_waits_for(said: list[str]) -> None:
    progress = Progress(LIMITS, said.append)
    progress.turned(0.0)
    killed = [now for now in range(200) if progress.look(float(now), ["EnvRunner 1", "EnvRunner 2"])]
    assert killed == [60, 120]
    progress.turned(200.0)
    assert said == [
        "The agent has made no step for 15 s and waits for EnvRunner 1 and EnvRunner 2 (its process is stopped, or its "
        "machine is too busy).",
        "EnvRunner 1 and EnvRunner 2 kept the agent waiting for 60 s: started again.",
        "EnvRunner 1 and EnvRunner 2 kept the agent waiting for 120 s: started again.",
        "The agent goes on after 200 s.",
    ]


def test_slow_turns_are_given_their_time(said: list[str]) -> None:
    """Long turns are usual where environments are slow: only much longer ones are spoken of."""
    progress = Progress(LIMITS, said.append)
    for now in (0.0, 14.0, 28.0):
        progress.turned(now)
    assert not any(progress.look(28.0 + seconds, ["EnvRunner 1"]) for seconds in range(69))
    assert said == []
    assert [seconds for seconds in range(200) if progress.look(28.0 + seconds, ["EnvRunner 1"])] == [140]


def test_a_loop_that_waits_for_no_runner_kills_none(said: list[str]) -> None:
    progress = Progress(LIMITS, said.append)
    progress.turned(0.0)
    assert not any(progress.look(float(now), []) for now in range(300))
    assert said == [
        "The agent has made no step for 15 s and waits for the learner (its process is stopped, or its machine is too "
        "busy)."
    ]


def test_a_clock_that_is_wrong_is_said_once_until_it_is_right_again() -> None:
    said: list[str] = []
    silence = Silence("The collector", "no answer is accepted", Limits(15.0, 60.0), said.append)
    silence.clock(1005.0, asked=999.0, now=1000.0)
    silence.clock(990.0, asked=900.0, now=1000.0)  # the driver stood still before it took the answer
    assert said == []
    for _ in range(3):
        silence.clock(4600.0, asked=999.0, now=1000.0)
    assert len(said) == 1 and "The clock of the collector's node is 3600 s ahead of the driver's" in said[0]
    silence.clock(1000.0, asked=999.0, now=1000.0)
    silence.clock(400.0, asked=999.0, now=1000.0)
    assert len(said) == 2 and "is 599 s behind the driver's" in said[1] and "NTP" in said[1]
