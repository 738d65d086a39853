"""The Arrow form of segments, in the object store and in the shards: a row a segment, a tensor column a field.

Both ways without copying, as far as the arrays are contiguous.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from rlhp_ray.types import Array, Segments

_FIELDS = tuple(f.name for f in dataclasses.fields(Segments))
_NO_IDS = np.empty(0, np.int64)
_NO_STEPS = np.empty((0, 0), np.float32)
_NO_SEGMENTS = Segments(
    segment_ids=_NO_IDS,
    observations=_NO_STEPS,
    actions=_NO_STEPS,
    true_rewards=_NO_STEPS,
    render_states=_NO_STEPS,
    episode_ids=_NO_IDS,
    first_steps=_NO_IDS,
    env_steps=_NO_IDS,
    policy_versions=_NO_IDS,
)


def to_table(segments: Segments) -> pa.Table:
    """One row a segment; fields with steps are `fixed_shape_tensor` columns, the others int64."""
    return pa.table({name: _column(getattr(segments, name)) for name in _FIELDS})


def from_table(table: pa.Table) -> Segments:
    """The segments of a table; read-only views of its memory where a column is one chunk."""
    return Segments(**{name: _array(table.column(name)) for name in _FIELDS})


def gather(found: Sequence[tuple[Segments, int]], *, states: bool = True) -> Segments:
    """Copies of segments out of many parts, each given as (part, row), in this order; K = 0 where none is asked.

    Without `states` the render states are left out ([S, K, 0]): those of games are most of a segment.
    """
    if not found:
        return _NO_SEGMENTS
    places_of: dict[int, list[int]] = {}
    for place, (part, _) in enumerate(found):
        places_of.setdefault(id(part), []).append(place)
    groups = [
        (found[places[0]][0], np.array(places), np.array([found[place][1] for place in places]))
        for places in places_of.values()
    ]
    fields: dict[str, Array] = {}
    for name in _FIELDS:
        like: Array = getattr(found[0][0], name)
        if name == "render_states" and not states:
            fields[name] = np.empty((len(found), like.shape[1], 0), like.dtype)
            continue
        out = fields[name] = np.empty((len(found), *like.shape[1:]), like.dtype)
        for part, places, rows in groups:
            out[places] = getattr(part, name)[rows]
    return Segments(**fields)


def size_bytes(segments: Segments) -> int:
    """Bytes of all arrays."""
    return sum(getattr(segments, name).nbytes for name in _FIELDS)


def _column(array: Array) -> pa.Array:
    flat = pa.array(np.ascontiguousarray(array).reshape(-1))
    if array.ndim == 1:
        return flat
    shape = array.shape[1:]
    # From buffers, since a list of size 0 (nothing to render) doesn't tell its length.
    rows = pa.Array.from_buffers(pa.list_(flat.type, math.prod(shape)), len(array), [None], children=[flat])
    return pa.ExtensionArray.from_storage(pa.fixed_shape_tensor(flat.type, shape), rows)


def _array(column: pa.ChunkedArray) -> Array:
    chunks = [_chunk(chunk) for chunk in column.chunks]
    return chunks[0] if len(chunks) == 1 else np.concatenate(chunks)


def _chunk(chunk: pa.Array) -> Array:
    if isinstance(chunk, pa.ExtensionArray):
        values: Array = chunk.storage.flatten().to_numpy()
        return values.reshape(len(chunk), *chunk.type.shape)
    plain: Array = chunk.to_numpy()
    return plain
