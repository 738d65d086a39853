"""An object store that is much smaller than the pool of candidates was configured to be."""

from __future__ import annotations

import json
import pathlib
import subprocess
import sys
from collections.abc import Iterator

import pytest
from fault_cluster import Cluster
from fault_run import Run

STORE_BYTES = 80_000_000

OFFER_MUCH = """
import json, sys
import numpy as np, ray
from rlhp_ray.config.schema import SegmentsPart
from rlhp_ray.segments.actor import SegmentStoreActor
from rlhp_ray.storage import RunFolder
from rlhp_ray.types import Segments
ray.init(address=sys.argv[1], log_to_driver=False)
store = SegmentStoreActor.remote(RunFolder(sys.argv[2]), SegmentsPart(), 0)
rows, steps = 10, 25
for i in range(40):
    offered = Segments(
        segment_ids=np.full(rows, -1, np.int64),
        observations=np.random.default_rng(i).integers(256, size=(rows, steps, 84, 84), dtype=np.uint8),
        actions=np.zeros((rows, steps), np.int64),
        true_rewards=np.zeros((rows, steps), np.float32),
        render_states=np.zeros((rows, steps, 0)),
        **{name: np.zeros(rows, np.int64) for name in ("episode_ids", "first_steps", "env_steps", "policy_versions")},
    )
    ray.get(store.offer.remote(offered))
stats = ray.get(store.stats.remote())
sample = ray.get(store.sample.remote(5, recency=0.5))
print(json.dumps([ray.get(store.pool_bytes.remote()), stats.bytes, stats.offered, stats.dropped, len(sample)]))
"""


@pytest.fixture
def small_cluster() -> Iterator[Cluster]:
    cluster = Cluster(STORE_BYTES)
    yield cluster
    cluster.stop()


def test_the_pool_stays_within_what_fits(small_cluster: Cluster, tmp_path: pathlib.Path) -> None:
    command = [sys.executable, "-c", OFFER_MUCH, small_cluster.address, str(tmp_path)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    pool_bytes, used, offered, dropped, sampled = json.loads(done.stdout.splitlines()[-1])
    assert used <= pool_bytes <= STORE_BYTES // 2
    assert offered == 400 and sampled == 5
    assert dropped >= 400 - pool_bytes // (25 * 84 * 84)


@pytest.mark.slow
def test_a_run_says_so_and_goes_on(small_cluster: Cluster, tmp_path: pathlib.Path) -> None:
    run = Run(small_cluster, tmp_path)
    run.begin()
    assert run.wait() == 0, run.said
    assert "half of its node's object store, instead of segments.pool_bytes=1,000,000,000" in run.said
    run.check_end()
