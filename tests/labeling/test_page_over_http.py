"""The page's requests before a run that trains: many people at once, and processes that die under them."""

from __future__ import annotations

import collections
import contextlib
import pathlib
import time

import pytest
from human_run import PORT, Cluster, HumanRun
from listening import listening
from program import Program, in_parallel, queries_of

from rlhp_ray.telemetry import MetricsLog


@pytest.mark.slow
def test_fifteen_people_at_once(page_cluster: Cluster, tmp_path: pathlib.Path) -> None:
    run = HumanRun(
        page_cluster,
        tmp_path,
        f"labeling.port={PORT}",
        "labeling.second_share=0.1",
        "labeling.repeat_share=0",
        "budget.labels=3000",
        "budget.env_steps=1000000",
        "budget.max_env_steps_per_label=20",
        "queries.open_queries=120",
        "queries.initial_fraction=0.5",
    )
    people = []
    try:
        run.wait_until_open()
        people = [Program(run, f"p{number}", lambda left, right: "left") for number in range(15)]
        run.wait_for(lambda: len(queries_of(run)) >= 120)
        # Nobody waits for all of the first behaviour: the first labels are asked while it is still gathered.
        assert "collecting behaviour to ask about" in run.log() and "asking for the first labels" not in run.log()
        for query in queries_of(run):  # drawn before anybody comes
            people[0].see(query)
        in_parallel(people, 20.0, each=2.0)
        assert [one.refused for one in people if one.refused] == []
        answers = run.answers()
        assert len(answers) == sum(len(one.acknowledged) for one in people) > 15 * 7
        for one in people:
            mine = [answer.query_id for answer in answers if answer.teacher == one.name]
            assert sorted(mine) == sorted(one.acknowledged) and len(set(mine)) == len(mine)
        assert max(collections.Counter(answer.query_id for answer in answers).values()) <= 2
    finally:
        for one in people:
            one.close()
        run.stop()


@pytest.mark.slow
def test_the_page_listens_on_loopback_only(taught: HumanRun) -> None:
    assert {address for address, _ in listening(taught.actor("-page#Page#"))} == {"127.0.0.1"}
    assert {address for address, port in listening() if port == PORT} == {"127.0.0.1"}


@pytest.mark.slow
def test_what_draws_clips_is_killed(taught: HumanRun, request: pytest.FixtureRequest) -> None:
    ann = Program(taught, "ann", lambda left, right: "equal")
    request.addfinalizer(ann.close)
    for number in range(6):
        if number == 3:
            taught.kill_actor("-clips-0")
        while not ann.answer(f"a{number}", 1.0):
            pass
    assert len(taught.answers()) == 6 and ann.refused == []
    failed = queries_of(taught)[-1]
    ann.report(failed)
    told = f"ann's browser can't play the clip of segment {failed.first} (query {failed.query_id})."
    taught.wait_for(lambda: told in taught.log())


@pytest.mark.slow
def test_whoever_goes_away_pauses_nothing_but_at_the_bound_which_is_said(
    page_cluster: Cluster, tmp_path: pathlib.Path
) -> None:
    overrides = ("budget.labels=60", "budget.max_env_steps_per_label=600", "queries.initial_fraction=0.1")
    run = HumanRun(page_cluster, tmp_path, f"labeling.port={PORT}", "labeling.repeat_share=0", *overrides)
    try:
        run.wait_until_open()
        with contextlib.closing(Program(run, "ann", lambda left, right: "left")) as ann:
            give(ann, 10)
            run.wait_for(lambda: env_steps(run) > 3_000)  # nobody answers meanwhile
            run.wait_for(lambda: "takes 600 env steps for each label at most" in run.log())
            time.sleep(3)
            assert env_steps(run) <= 10 * 600 + 1_024
            give(ann, 10)
            run.wait_for(lambda: env_steps(run) > 10 * 600 + 1_024)
    finally:
        run.stop()


def give(person: Program, count: int) -> None:
    """So many answers."""
    done = len(person.acknowledged) + count
    while len(person.acknowledged) < done:
        person.answer(f"a{len(person.acknowledged)}", 1.0)


def env_steps(run: HumanRun) -> int:
    """That the agent was trained on."""
    newest = MetricsLog(run.folder).newest()
    return newest.env_steps if newest else 0
