"""What this process waits for, in one sentence a thread: for whoever watches it from outside.

The run folder notes here that its disk is full, that it is gone or that it is slow; an actor's pulse carries it to the
driver, which says it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

_sentences: dict[int, tuple[float, str]] = {}  # thread -> from when on it holds, what it waits for


@contextmanager
def waiting_for(sentence: str, *, after_seconds: float = 0.0) -> Iterator[None]:
    """While the block runs, this thread waits for this; where it is over sooner, nothing was worth to be said."""
    thread = threading.get_ident()
    _sentences[thread] = time.monotonic() + after_seconds, sentence
    try:
        yield
    finally:
        del _sentences[thread]


def waits_for() -> str:
    """What a thread of this process waits for; empty where none does."""
    now = time.monotonic()
    return next((sentence for since, sentence in list(_sentences.values()) if since <= now), "")
