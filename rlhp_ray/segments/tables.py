"""The pool's Arrow tables in this process: the twin of Ray's object store (`segments/actor.py`)."""

from __future__ import annotations

from collections.abc import Hashable

import pyarrow as pa


class LocalTables:
    """A TableStore in this process's memory."""

    def __init__(self) -> None:
        self._tables: dict[int, pa.Table] = {}
        self._put = 0

    def put(self, table: pa.Table) -> Hashable:
        """Keep the table; the key fetches it."""
        self._put += 1
        self._tables[self._put] = table
        return self._put

    def get(self, key: Hashable) -> pa.Table:
        """The table of this key; KeyError once it is dropped."""
        return self._tables[key]  # type: ignore[index]  # a foreign key is the KeyError that is promised

    def drop(self, key: Hashable) -> None:
        """Free the table."""
        del self._tables[key]  # type: ignore[arg-type]  # as above
