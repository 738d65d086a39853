"""The page's requests before a run that trains: many people at once, and processes that die under them."""

from __future__ import annotations

import collections
import pathlib

import pytest
from human_run import PORT, Cluster, HumanRun
from program import Program, in_parallel, queries_of


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
        "queries.initial_fraction=0.1",
    )
    people = []
    try:
        run.wait_until_open()
        people = [Program(run, f"p{number}", lambda left, right: "left") for number in range(15)]
        run.wait_for(lambda: len(queries_of(run)) >= 120)
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


def test_what_draws_clips_is_killed(taught: HumanRun, request: pytest.FixtureRequest) -> None:
    ann = Program(taught, "ann", lambda left, right: "equal")
    request.addfinalizer(ann.close)
    for number in range(6):
        if number == 3:
            taught.kill_actor("-clips-0")
        while not ann.answer(f"a{number}", 1.0):
            pass
    assert len(taught.answers()) == 6 and ann.refused == []
