"""A node other than the head is lost or taken back: what ran there is started on another one, and nothing is lost."""

from __future__ import annotations

import pathlib
from collections.abc import Callable, Iterator

import pytest
from fault_cluster import Cluster, Node
from fault_run import Run

from rlhp_ray.experiment.status import status

OTHERS = ("segments", "collector", "teacher", "questioner", "trainer", "EnvRunner")


@pytest.fixture
def lone(tmp_path: pathlib.Path) -> Iterator[Run]:
    """A run on a cluster that no other test sees: Ray places actors where there is most room."""
    cluster = Cluster()
    run = Run(cluster, tmp_path)
    yield run
    run.kill()
    cluster.stop()


def lose(run: Run, take: Callable[[Node], None], *overrides: str) -> None:
    node = run.cluster.add_node()
    run.begin("ray.silent_seconds=5", *overrides)
    run.until_answers(40)
    there = [actor["Name"] for actor in run.cluster.actors() if actor["Address"]["NodeID"] == node.node_id]
    assert there, "Ray placed nothing on the second node"
    take(node)
    assert run.wait() == 0, run.said
    found = {process.role: process for process in status(run.address).processes}
    for role in OTHERS:
        assert node.node_id[:8] not in found[role].node
        if any(name.endswith(f"-{role}") for name in there):
            assert found[role].restarts >= 1 and f"{found[role].lost}", found
    run.check_end()


@pytest.mark.slow
def test_a_node_is_lost(lone: Run) -> None:
    lose(lone, Node.kill)


@pytest.mark.slow
def test_a_node_is_taken_back(lone: Run) -> None:
    lose(lone, Node.reclaim, "teacher.answers_per_minute=80")  # it outlives the node, which Ray drains for 30 s
