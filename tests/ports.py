"""A port to serve on."""

from __future__ import annotations

import random
import socket

# Above those of Ray's workers (10002 to 19999), below those that Linux gives to connections (32768 and up), either of
# which might take a port between the look and its use.
CANDIDATES = range(20_000, 32_768)


def free_port() -> int:
    """Of loopback, free now."""
    for port in random.SystemRandom().sample(CANDIDATES, len(CANDIDATES)):
        with socket.socket() as taken:
            try:
                taken.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise OSError("no port of loopback is free")
