"""A cluster for the runs whose processes are killed, stopped and starved."""

from __future__ import annotations

import pathlib
from collections.abc import Iterator

import pytest
from fault_cluster import Cluster
from fault_run import Run


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """The cluster that these tests share."""
    cluster = Cluster()
    yield cluster
    cluster.stop()


@pytest.fixture
def run(cluster: Cluster, tmp_path: pathlib.Path) -> Iterator[Run]:
    """A run on the shared cluster."""
    run = Run(cluster, tmp_path)
    yield run
    run.kill()
