"""What processes of this machine listen at, by Linux's /proc."""

from __future__ import annotations

import ipaddress
import os
import pathlib


def listening(root: int | None = None) -> set[tuple[str, int]]:
    """Addresses and ports at which a process and its descendants listen over TCP; without one, those of all."""
    sockets = _sockets(_descendants(root)) if root is not None else None
    found = set()
    for table in ("tcp", "tcp6"):
        for line in pathlib.Path("/proc/net", table).read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and (sockets is None or f"socket:[{fields[9]}]" in sockets):  # 0A: it listens
                words, _, port = fields[1].partition(":")
                found.add((_address(bytes.fromhex(words)), int(port, 16)))
    return found


def _address(words: bytes) -> str:
    """`words`: four bytes at a time, each the wrong way round."""
    address = ipaddress.ip_address(b"".join(words[i : i + 4][::-1] for i in range(0, len(words), 4)))
    return str(getattr(address, "ipv4_mapped", None) or address)


def _descendants(root: int) -> set[int]:
    parents = {}
    for folder in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            parents[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:  # it ended meanwhile
            continue
    found = {root}
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return found


def _sockets(pids: set[int]) -> set[str]:
    found = set()
    for pid in pids:
        for descriptor in pathlib.Path(f"/proc/{pid}/fd").glob("*"):
            try:
                found.add(os.readlink(descriptor))
            except OSError:
                continue
    return found
