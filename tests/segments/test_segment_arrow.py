"""The Arrow form of segments."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from segment_factory import assert_equal, make_segments

from rlhp_ray.segments import from_table, to_table
from rlhp_ray.segments.arrow import gather, size_bytes
from rlhp_ray.types import Segments


@pytest.mark.parametrize("kind", ["continuous", "discrete", "images", "games"])
def test_round_trip(kind: str) -> None:
    segments = make_segments(4, kind)
    table = to_table(segments)
    assert table.num_rows == 4 and table.nbytes == size_bytes(segments)
    assert_equal(from_table(table), segments)
    assert_equal(from_table(pa.concat_tables([table, table])), Segments.concatenate([segments, segments]))
    assert_equal(from_table(table.slice(1, 2)), segments.take([1, 2]))


def test_nothing_is_copied_either_way() -> None:
    segments = make_segments(4, "images")
    back = from_table(to_table(segments))
    assert np.shares_memory(back.observations, segments.observations)
    assert np.shares_memory(back.true_rewards, segments.true_rewards)


def test_columns_are_tensors_that_any_arrow_reader_knows() -> None:
    schema = to_table(make_segments(2, "images")).schema
    assert schema.field("observations").type == pa.fixed_shape_tensor(pa.uint8(), (5, 4, 84, 84))
    assert schema.field("segment_ids").type == pa.int64()


def test_nan_rewards_survive() -> None:
    segments = make_segments(2)
    segments.true_rewards[:] = np.nan
    assert np.isnan(from_table(to_table(segments)).true_rewards).all()


def test_strided_arrays_are_taken() -> None:
    segments = make_segments(6).take(slice(None, None, 2))
    assert_equal(from_table(to_table(segments)), segments)


def test_gather_keeps_the_asked_order_and_copies() -> None:
    a, b = make_segments(3, first=0), make_segments(3, first=10)
    found = gather([(b, 2), (a, 0), (b, 0), (b, 2)])
    assert_equal(found, Segments.concatenate([b.take([2]), a.take([0]), b.take([0, 2])]))
    assert not np.shares_memory(found.observations, b.observations)
    assert len(gather([])) == 0
