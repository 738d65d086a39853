"""What the processes of a cluster that is started here listen at."""

from __future__ import annotations

import ipaddress
import json
import os
import pathlib
import subprocess
import sys

PROGRAM = """
import json, os, sys
from ray import serve
sys.path[:0] = sys.argv[1:3]
from serving_versions import publish
from test_loopback import listening
from rlhp_ray.config.schema import RayPart, ServingPart
from rlhp_ray.experiment.cluster import connect
from rlhp_ray.serving import deploy
from rlhp_ray.storage import RunFolder
connect(RayPart(num_cpus=2, dashboard=True))
folder = RunFolder(sys.argv[3])
publish(folder, 1)
deploy("alone", folder.address, ServingPart())
print(json.dumps([sorted(listening(os.getpid())), len(serve.status().proxies)]))
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


def test_all_processes_of_a_cluster_that_is_started_here_listen_on_loopback_only(tmp_path: pathlib.Path) -> None:
    environ = os.environ | {"RAY_USAGE_STATS_ENABLED": "0", "RAY_AUTH_MODE": "disabled"}
    here = pathlib.Path(__file__).parent
    arguments = [str(here), str(here.parent / "serving"), str(tmp_path)]
    done = subprocess.run([sys.executable, "-c", PROGRAM, *arguments], capture_output=True, text=True, env=environ)
    assert done.returncode == 0, done.stderr
    found, proxies = json.loads(done.stdout.splitlines()[-1])
    assert found and set(found) <= {"127.0.0.1", "::1"}
    assert proxies == 0  # the predictor is asked without HTTP
