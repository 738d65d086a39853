"""Nodes other than the head are lost and taken back: what ran there is started on others, and nothing is lost."""

from __future__ import annotations

import pathlib
from collections import Counter
from collections.abc import Iterator

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


@pytest.mark.slow
def test_a_node_is_lost_and_another_one_taken_back(lone: Run) -> None:
    lost, reclaimed = lone.cluster.add_node(), lone.cluster.add_node()
    # It outlives the second one, which Ray drains for 30 s.
    lone.begin("ray.silent_seconds=5", "teacher.answers_per_minute=100")
    taken: Counter[str] = Counter()  # how often each actor's node
    for answers, node, take in ((20, lost, Node.kill), (40, reclaimed, Node.reclaim)):
        lone.until_answers(answers)
        names = [actor["Name"] for actor in lone.cluster.actors() if actor["Address"]["NodeID"] == node.node_id]
        assert names, "Ray placed nothing on this node"
        taken.update(role for role in OTHERS if any(name.endswith(f"-{role}") for name in names))
        take(node)
    assert lone.wait() == 0, lone.said
    found = {process.role: process for process in status(lone.address).processes}
    for role in OTHERS:
        assert found[role].node.partition("(")[2][:8] not in (lost.node_id[:8], reclaimed.node_id[:8])
        assert found[role].restarts >= taken[role] and bool(found[role].lost) >= bool(taken[role]), found
    lone.check_end()
