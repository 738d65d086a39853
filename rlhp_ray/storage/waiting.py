"""What this process waits for, in one sentence a thread: for whoever watches it from outside.

The run folder notes here that its disk is full or that it is gone; an actor's pulse carries it to the driver, which
says it.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

_sentences: dict[int, str] = {}  # thread -> what it waits for


@contextmanager
def waiting_for(sentence: str) -> Iterator[None]:
    """While the block runs, this thread waits for this."""
    thread = threading.get_ident()
    _sentences[thread] = sentence
    try:
        yield
    finally:
        del _sentences[thread]


def waits_for() -> str:
    """What a thread of this process waits for; empty where none does."""
    return next(iter(list(_sentences.values())), "")
