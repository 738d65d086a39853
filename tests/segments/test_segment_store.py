"""The store: ids, candidates, durable segments; in this process and as an actor, over one suite."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from segment_factory import assert_equal, make_segments

from rlhp_ray.config.schema import SegmentsPart
from rlhp_ray.errors import RlhpRayError
from rlhp_ray.segments import LocalTables, SegmentStore
from rlhp_ray.storage import RunFolder
from rlhp_ray.types import Segments

PART = SegmentsPart(pool_segments=20)
StartStore = Callable[[], SegmentStore]


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    return RunFolder.create(str(tmp_path / "run"))


@pytest.fixture(params=["process", "actor"])
def start(request: pytest.FixtureRequest, folder: RunFolder) -> Iterator[StartStore]:
    """Starts a store on the folder, again and again."""
    if request.param == "process":
        yield lambda: SegmentStore(folder, PART, 0, LocalTables())
        return
    request.getfixturevalue("ray_cluster")
    import ray

    from rlhp_ray.actors import proxy
    from rlhp_ray.segments.actor import SegmentStoreActor

    actors: list[Any] = []

    def start_actor() -> SegmentStore:
        actors.append(SegmentStoreActor.remote(folder, PART, 0))
        return proxy(actors[-1], SegmentStore)

    yield start_actor
    for actor in actors:
        ray.kill(actor)


def test_from_the_offer_to_the_shards_and_back_after_a_restart(start: StartStore) -> None:
    store = start()
    segments = make_segments(8)
    assert store.offer(segments) == 8
    sample = store.sample(4, recency=0.5)
    ids = sample.segment_ids.tolist()
    assert sample.render_states.shape == (4, 5, 0)  # a person is shown them; who samples looks at what the agent saw
    assert_equal(store.fetch(ids, states=False), sample)
    np.testing.assert_array_equal(store.fetch(ids).render_states, segments.render_states[ids])
    np.testing.assert_array_equal(sample.observations, segments.observations[ids])
    store.keep(ids)
    store.keep(ids)  # a repeated call does no harm
    assert store.stats().kept == 4

    again = start()
    assert_equal(again.fetch(ids[::-1], states=False), sample.take([3, 2, 1, 0]))
    np.testing.assert_array_equal(again.fetch(ids).render_states, segments.render_states[ids])
    stats = again.stats()
    assert (stats.candidates, stats.bytes, stats.offered, stats.dropped, stats.kept) == (0, 0, 0, 0, 4)
    assert len(again.sample(4, recency=0.5)) == 0
    again.offer(make_segments(8, first=50))
    assert again.sample(8, recency=0.0).segment_ids.min() > max(ids)
    assert_equal(again.fetch(ids, states=False), sample)  # not what was offered since


def test_a_dropped_candidate_can_not_be_kept_and_nothing_is_written(start: StartStore, folder: RunFolder) -> None:
    store = start()
    store.offer(make_segments(10))
    store.offer(make_segments(15))
    with pytest.raises(RlhpRayError, match="Segment 4 is no longer a candidate; sample again"):
        store.keep([5, 24, 4])
    assert folder.list("segments") == ["openings"]
    with pytest.raises(RlhpRayError, match="Segment 4 is neither a candidate nor durable"):
        store.fetch([24, 4])
    stats = store.stats()
    assert (stats.candidates, stats.offered, stats.dropped, stats.kept) == (20, 25, 5, 0)


def test_a_kept_segment_stays_when_it_is_dropped_as_a_candidate(start: StartStore) -> None:
    store = start()
    first = make_segments(10)
    store.offer(first)
    store.keep([2, 9])
    store.offer(make_segments(20, first=100))
    found = store.fetch([25, 9, 25, 2])
    assert found.segment_ids.tolist() == [25, 9, 25, 2]
    assert found.first_steps.tolist() == [115, 9, 115, 2]


def test_recorded_segments_come_in_durable_with_new_ids(start: StartStore, folder: RunFolder) -> None:
    store = start()
    store.offer(make_segments(3))
    recorded = make_segments(4, "discrete", first=7)
    ids = store.add_kept(recorded)
    assert ids.tolist() == [3, 4, 5, 6] and recorded.segment_ids.tolist() == [-1] * 4
    assert store.stats().kept == 4 and store.stats().candidates == 3
    np.testing.assert_array_equal(start().fetch(ids.tolist()).observations, recorded.observations)


def test_ids_are_new_after_every_restart(folder: RunFolder) -> None:
    durable: list[int] = []
    rng = np.random.default_rng(0)
    for _ in range(6):
        store = SegmentStore(folder, PART, 0, LocalTables())
        store.offer(make_segments(12))
        new = store.sample(int(rng.integers(1, 6)), recency=0.5).segment_ids.tolist()
        assert not set(new) & set(durable)
        store.keep(new)
        durable += new
        durable += store.add_kept(make_segments(2)).tolist()
    assert len(durable) == len(set(durable)) == SegmentStore(folder, PART, 0, LocalTables()).stats().kept


def test_a_store_that_was_thought_dead_names_no_segment_of_another(folder: RunFolder) -> None:
    """It keeps its candidates late, when the store that took its place has long offered and kept others."""
    dead = SegmentStore(folder, PART, 0, LocalTables())
    dead.offer(make_segments(8))
    living = SegmentStore(folder, PART, 0, LocalTables())
    living.offer(make_segments(8, first=100))
    ids = living.sample(8, recency=0.0).segment_ids.tolist()
    living.keep(ids)
    kept = living.fetch(ids)
    dead.keep(dead.sample(8, recency=0.0).segment_ids.tolist())
    assert_equal(SegmentStore(folder, PART, 0, LocalTables()).fetch(ids), kept)


def test_a_seed_decides_the_samples(tmp_path: Path) -> None:
    def samples(seed: int, name: str) -> list[list[int]]:
        store = SegmentStore(RunFolder(str(tmp_path / name)), PART, seed, LocalTables())
        found: list[Segments] = []
        for i in range(5):
            store.offer(make_segments(7, first=i))
            found.append(store.sample(6, recency=0.5))
        return [sample.segment_ids.tolist() for sample in found]

    assert samples(0, "a") == samples(0, "b")
    assert samples(0, "c") != samples(1, "d")


def test_images_live_in_the_store(tmp_path: Path) -> None:
    store = SegmentStore(RunFolder(str(tmp_path)), PART, 0, LocalTables())
    images = make_segments(3, "images")
    store.offer(images)
    store.keep([0, 2])
    restarted = SegmentStore(RunFolder(str(tmp_path)), PART, 0, LocalTables())
    np.testing.assert_array_equal(restarted.fetch([2, 0]).observations, images.observations[[2, 0]])


def test_a_killed_actor_comes_back_from_the_run_folder(ray_cluster: None, folder: RunFolder) -> None:
    import ray

    from rlhp_ray.segments.actor import SegmentStoreActor

    actor = SegmentStoreActor.remote(folder, PART, 0)
    ray.get(actor.offer.remote(make_segments(6)))
    ray.get(actor.keep.remote([1, 4]))
    found = ray.get(actor.fetch.remote([4, 1]))
    ray.kill(actor, no_restart=False)
    assert_equal(ray.get(actor.fetch.remote([4, 1])), found)  # the call waits for the new process
    assert ray.get(actor.stats.remote()).kept == 2
    ray.kill(actor)
