"""Random draws that belong to a name: the same in every process, after every restart and in every order."""

from __future__ import annotations

import hashlib


def stable_uniform(seed: int, role: str, name: str) -> float:
    """Uniform in [0, 1), decided by the seed, the role and the name alone."""
    digest = hashlib.blake2b(f"{seed}/{role}/{name}".encode(), digest_size=8).digest()
    return (int.from_bytes(digest, "big") >> 11) / 2**53
