"""The bounded pool of candidate segments: recent behaviour that may be asked about.

Between the cutter and the queries. Tables lie in a TableStore as they were offered; a view of each is kept as long as
it lives, so that a few segments out of hundreds of tables are gathered without opening one.
"""

from __future__ import annotations

import bisect
import dataclasses
from collections.abc import Hashable

import numpy as np

from rlhp_ray.errors import ConfigError
from rlhp_ray.interfaces import TableStore
from rlhp_ray.segments.arrow import from_table, gather, to_table
from rlhp_ray.types import IntArray, Segments

_NEWEST_SHARE = 5  # "recent" candidates are the newest fifth


@dataclasses.dataclass(slots=True)
class _Lot:
    """Segments that were offered together: one table, consecutive ids."""

    key: Hashable
    view: Segments
    bytes: int
    dropped: int  # of its segments, from the oldest on

    @property
    def first_id(self) -> int:
        return int(self.view.segment_ids[0])

    @property
    def live(self) -> int:
        return len(self.view) - self.dropped


class SegmentPool:
    """The newest segments, bounded by count and by bytes; the oldest are dropped and counted.

    Bytes are those of the tables held: a table is freed with the last of its segments.
    """

    def __init__(self, max_segments: int, max_bytes: int, tables: TableStore) -> None:
        self._max_segments = max_segments
        self._max_bytes = max_bytes
        self._tables = tables
        self._lots: list[_Lot] = []  # oldest first, so by rising ids
        self.segments = 0
        self.bytes = 0
        self.dropped = 0

    def add(self, segments: Segments) -> None:
        """Take in segments whose ids are consecutive and higher than all before; ConfigError if not even two fit."""
        if not len(segments):
            return
        table = to_table(segments)
        fitting = min(self._max_segments, self._max_bytes * len(segments) // table.nbytes)
        if fitting < 2:
            raise ConfigError(
                f"The pool of segments has no room for two segments of {table.nbytes // len(segments):,} bytes each; "
                "raise segments.pool_bytes and segments.pool_segments."
            )
        if len(segments) > fitting:
            self.dropped += len(segments) - fitting
            table = to_table(segments.take(slice(len(segments) - fitting, None)))
        while self._lots and self.bytes + table.nbytes > self._max_bytes:
            self._drop_oldest(self._lots[0].live)
        while self._lots and self.segments + table.num_rows > self._max_segments:
            self._drop_oldest(min(self._lots[0].live, self.segments + table.num_rows - self._max_segments))
        key = self._tables.put(table)
        self._lots.append(_Lot(key, from_table(self._tables.get(key)), table.nbytes, dropped=0))
        self.segments += table.num_rows
        self.bytes += table.nbytes

    def find(self, segment_id: int) -> tuple[Segments, int] | None:
        """The live segment's lot and its row there; None if it isn't here (any more)."""
        place = bisect.bisect_right(self._lots, segment_id, key=lambda lot: lot.first_id) - 1
        if place < 0:
            return None
        lot = self._lots[place]
        row = segment_id - lot.first_id
        return (lot.view, row) if lot.dropped <= row < len(lot.view) else None

    def sample(self, count: int, *, recency: float, rng: np.random.Generator) -> Segments:
        """Different segments in random order, without render states, at most what there is.

        A share `recency` of them is drawn from the newest fifth, the others from all that is left.
        """
        count = min(count, self.segments)
        newest = -(-self.segments // _NEWEST_SHARE)
        recent = self.segments - 1 - rng.choice(newest, min(round(recency * count), newest), replace=False)
        others = rng.choice(self.segments, count, replace=False)
        others = others[~np.isin(others, recent)][: count - len(recent)]
        return gather(self._at(rng.permutation(np.concatenate([recent, others]))), states=False)

    def newest(self, count: int) -> Segments:
        """The newest segments, oldest first, without render states, at most what there is."""
        count = min(count, self.segments)
        return gather(self._at(np.arange(self.segments - count, self.segments)), states=False)

    def _at(self, places: IntArray) -> list[tuple[Segments, int]]:
        """The live segments at these places, counted from the oldest."""
        ends = np.cumsum([lot.live for lot in self._lots], dtype=np.int64)
        lots = np.searchsorted(ends, places, side="right")
        views = [self._lots[lot].view for lot in lots]
        return [(view, len(view) - int(left)) for view, left in zip(views, ends[lots] - places, strict=True)]

    def _drop_oldest(self, count: int) -> None:
        """Drop some of the oldest lot's segments, and free its table with the last."""
        lot = self._lots[0]
        lot.dropped += count
        self.segments -= count
        self.dropped += count
        if not lot.live:
            self.bytes -= lot.bytes
            del self._lots[0]
            self._tables.drop(lot.key)
