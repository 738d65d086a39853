"""What the tests of the page share: a cluster whose Serve listens."""

from __future__ import annotations

import pathlib
from collections.abc import Iterator

import pytest
from human_run import PORT, Cluster, HumanRun


@pytest.fixture(scope="session")
def page_cluster() -> Iterator[Cluster]:
    """The cluster that these tests share."""
    cluster = Cluster()
    yield cluster
    cluster.stop()


@pytest.fixture
def taught(page_cluster: Cluster, tmp_path: pathlib.Path, request: pytest.FixtureRequest) -> Iterator[HumanRun]:
    """A run of the pendulum, or of the task that is the fixture's parameter, whose page is open."""
    once = ("labeling.second_share=0", "labeling.repeat_share=0")  # each query is asked once
    budget = ("budget.labels=60", "budget.env_steps=100000")
    task = getattr(request, "param", "inverted-pendulum")
    run = HumanRun(page_cluster, tmp_path, f"labeling.port={PORT}", *once, *budget, task=task)
    run.wait_until_open()
    yield run
    run.stop()
