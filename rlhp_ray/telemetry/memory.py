"""Memory of processes and all that they started, from Linux's /proc."""

from __future__ import annotations

import pathlib
from collections.abc import Iterable

PROC = pathlib.Path("/proc")


def memory_bytes(roots: Iterable[int]) -> int | None:
    """Memory of these processes of this machine and all their descendants; None where nothing can be known of it.

    A page that several of them share, such as a library's or the object store's, counts once (the proportional set
    size). Processes that ended meanwhile, and those that aren't ours to look at, are left out.
    """
    parents = _parents()
    wanted = set(roots) & parents.keys()
    while more := {pid for pid, parent in parents.items() if parent in wanted} - wanted:
        wanted |= more
    return sum(map(_bytes, wanted)) or None


def _parents() -> dict[int, int]:
    """Every process' parent."""
    found = {}
    for folder in PROC.glob("[0-9]*"):
        try:
            stat = (folder / "stat").read_text(errors="replace")
        except OSError:
            continue
        # `pid (name) state parent ...`; the name may hold anything.
        found[int(folder.name)] = int(stat.rpartition(")")[2].split()[1])
    return found


def _bytes(pid: int) -> int:
    try:
        lines = (PROC / str(pid) / "smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), 0)
