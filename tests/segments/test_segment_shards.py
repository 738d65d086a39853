"""Durable shards: round trip, restart, corruption, bounded memory."""

from __future__ import annotations

import dataclasses
import uuid
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from segment_factory import assert_equal, make_segments

from rlhp_ray.errors import CorruptDataError
from rlhp_ray.segments import SegmentShards, shards
from rlhp_ray.segments.arrow import size_bytes
from rlhp_ray.storage import RunFolder
from rlhp_ray.types import Segments


def with_ids(segments: Segments, ids: list[int]) -> Segments:
    return dataclasses.replace(segments, segment_ids=np.array(ids))


@pytest.fixture(params=["local", "memory"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> RunFolder:
    local = request.param == "local"
    return RunFolder.create(str(tmp_path / "run") if local else f"fsspec+memory://{uuid.uuid4().hex}/run")


def shard_names(folder: RunFolder) -> list[str]:
    return [f"segments/{name}" for name in folder.list("segments")]


@pytest.mark.parametrize("kind", ["continuous", "discrete", "images", "games"])
def test_written_segments_are_there_after_a_restart(folder: RunFolder, kind: str) -> None:
    written = SegmentShards(folder)
    first = with_ids(make_segments(3, kind), [40, 7, 12])
    second = with_ids(make_segments(2, kind, first=9), [8, 41])
    written.write(first)
    written.write(second)
    for found in (written, SegmentShards(folder)):
        assert (len(found), found.newest_id) == (5, 41)
        assert 12 in found and 13 not in found
        assert_equal(found.fetch([41, 40, 12]), Segments.concatenate([second.take([1]), first.take([0, 2])]))
    SegmentShards(folder).write(with_ids(make_segments(1, kind), [50]))
    assert SegmentShards(folder).newest_id == 50
    assert len(shard_names(folder)) == 3


def test_an_empty_run_has_no_shards(folder: RunFolder) -> None:
    empty = SegmentShards(folder)
    empty.write(make_segments(0))
    assert (len(empty), empty.newest_id, shard_names(folder)) == (0, -1, [])


def test_any_arrow_reader_opens_a_shard(folder: RunFolder) -> None:
    SegmentShards(folder).write(with_ids(make_segments(2), [3, 4]))
    with pa.ipc.open_file(folder.read(shard_names(folder)[0])) as reader:
        assert reader.read_all().column("segment_ids").to_pylist() == [3, 4]


def test_one_changed_byte_anywhere_is_found(folder: RunFolder) -> None:
    SegmentShards(folder).write(with_ids(make_segments(2), [0, 1]))
    name = shard_names(folder)[0]
    data = folder.read(name)
    for place in np.random.default_rng(0).integers(len(data), size=40):
        damaged = bytearray(data)
        damaged[place] ^= 0x10
        folder.write(name, bytes(damaged))
        with pytest.raises(CorruptDataError, match=r"damaged: .*; put the file back from a copy") as caught:
            SegmentShards(folder).fetch([0])
        assert name in str(caught.value) and "\n" not in str(caught.value)
    folder.write(name, data)
    assert len(SegmentShards(folder).fetch([0])) == 1


@pytest.mark.parametrize("keep", [0.0, 0.5, 0.99])
def test_a_cut_off_shard_is_found_at_start(folder: RunFolder, keep: float) -> None:
    SegmentShards(folder).write(with_ids(make_segments(2), [0, 1]))
    name = shard_names(folder)[0]
    data = folder.read(name)
    folder.write(name, data[: int(len(data) * keep)])
    with pytest.raises(CorruptDataError, match="can't be read as Arrow"):
        SegmentShards(folder)


def test_a_removed_shard_is_said(folder: RunFolder) -> None:
    written = SegmentShards(folder)
    written.write(with_ids(make_segments(2), [0, 1]))
    folder.remove("segments")
    with pytest.raises(CorruptDataError, match="was removed"):
        written.fetch([1])


def test_opened_shards_are_cached_within_a_bound(folder: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    written = SegmentShards(folder)
    for i in range(6):
        written.write(with_ids(make_segments(2, first=i), [2 * i, 2 * i + 1]))
    reads: list[str] = []
    read = RunFolder.read

    def counted(self: RunFolder, path: str) -> bytes:
        reads.append(path)
        return read(self, path)

    monkeypatch.setattr(RunFolder, "read", counted)
    cached = SegmentShards(folder, cache_bytes=3 * size_bytes(make_segments(2)))
    cached.fetch([0, 2, 4])
    assert len(reads) == 3
    cached.fetch([5, 3, 1])
    assert len(reads) == 3  # all still open
    cached.fetch([6, 0, 8])  # two more: the two longest unused are closed
    cached.fetch([8, 6, 0])
    assert len(reads) == 5
    cached.fetch([2])
    assert len(reads) == 6


def test_a_large_import_is_split(folder: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    segments = with_ids(make_segments(10), list(range(10)))
    monkeypatch.setattr(shards, "_SHARD_BYTES", size_bytes(segments) // 3)
    SegmentShards(folder).write(segments)
    assert len(shard_names(folder)) == 4
    assert_equal(SegmentShards(folder).fetch(list(range(10))), segments)


def test_repeated_frames_take_little_room(folder: RunFolder) -> None:
    segments = with_ids(make_segments(2, "images"), [0, 1])
    segments.observations[:] = segments.observations[:1, :1, :1]  # one frame again and again
    SegmentShards(folder).write(segments)
    assert len(folder.read(shard_names(folder)[0])) < size_bytes(segments) / 10
