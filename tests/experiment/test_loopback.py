"""What the processes of a cluster that is started here listen at."""

from __future__ import annotations

import ipaddress
import json
import os
import pathlib
import subprocess
import sys

PROGRAM = """
import json, os, sys, time, ray
sys.path.insert(0, os.path.dirname(sys.argv[1]))
from test_loopback import listening
from rlhp_ray.config.schema import RayPart
from rlhp_ray.experiment.cluster import connect
connect(RayPart(num_cpus=1, dashboard=True))
ray.get(ray.remote(lambda: None).remote())
print(json.dumps(sorted(listening(os.getpid()))))
"""


def listening(root: int) -> set[str]:
    """The addresses that this process and its descendants listen at, by Linux's /proc."""
    parents = {}
    for folder in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            parents[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
    mine = {root}
    while more := {pid for pid, parent in parents.items() if parent in mine} - mine:
        mine |= more
    sockets = set()
    for pid in mine:
        for descriptor in pathlib.Path(f"/proc/{pid}/fd").glob("*"):
            try:
                sockets.add(os.readlink(descriptor))
            except OSError:
                continue
    found = set()
    for table in ("tcp", "tcp6"):
        for line in pathlib.Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and f"socket:[{fields[9]}]" in sockets:  # 0A: it listens
                words = bytes.fromhex(fields[1].partition(":")[0])  # four bytes at a time, each the wrong way round
                address = ipaddress.ip_address(b"".join(words[i : i + 4][::-1] for i in range(0, len(words), 4)))
                found.add(str(getattr(address, "ipv4_mapped", None) or address))
    return found


def test_all_processes_of_a_cluster_that_is_started_here_listen_on_loopback_only() -> None:
    environ = os.environ | {"RAY_USAGE_STATS_ENABLED": "0", "RAY_AUTH_MODE": "disabled"}
    done = subprocess.run([sys.executable, "-c", PROGRAM, __file__], capture_output=True, text=True, env=environ)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found and set(found) <= {"127.0.0.1", "::1"}
