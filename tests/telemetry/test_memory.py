"""Memory of a process and all that it started."""

from __future__ import annotations

import subprocess
import sys

from rlhp_ray.telemetry import memory_bytes

MEGABYTE = 2**20
# A process that starts another one, which fills 64 MB and says so.
GRANDCHILD = "import sys; data = bytearray(b'1' * (64 << 20)); print('full', flush=True); sys.stdin.read()"
CHILD = f"import subprocess, sys; sys.exit(subprocess.call([sys.executable, '-c', {GRANDCHILD!r}]))"


def test_a_process_counts_with_all_that_it_started() -> None:
    with subprocess.Popen([sys.executable, "-c", CHILD], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None and child.stdout.readline() == b"full\n"
        used = memory_bytes([child.pid])
        twice = memory_bytes([child.pid, child.pid])
        child.stdin.close()  # type: ignore[union-attr]
    assert used is not None and 64 * MEGABYTE < used < 200 * MEGABYTE
    assert twice is not None and abs(twice - used) < MEGABYTE


def test_nothing_is_known_of_a_process_that_is_not_there() -> None:
    assert memory_bytes([2**22 + 1]) is None
