"""A Ray cluster in a process of its own, that is looked at from outside, and nodes of it that can be lost."""

from __future__ import annotations

import contextlib
import functools
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from typing import Any

from hosts import Host
from ray._private.state import GlobalState
from ray._raylet import GcsClientOptions

RAY = str(pathlib.Path(sys.executable).with_name("ray"))
PATIENCE_SECONDS = 400.0  # of the tests, on a machine that is busy

CLUSTER = """
import sys, ray
context = ray.init(num_cpus=4, include_dashboard=False, _node_ip_address=sys.argv[3], log_to_driver=False,
                   object_store_memory=int(sys.argv[1]), _temp_dir=sys.argv[2])
print(context.address_info["gcs_address"], flush=True)
sys.stdin.read()
"""


class Node:
    """A node of a cluster, beside its head."""

    def __init__(self, process: subprocess.Popen[bytes], node_id: str) -> None:
        self._process = process
        self.node_id = node_id

    def kill(self) -> None:
        """Every process of it at once."""
        for pid in [self._process.pid, *descendants(self._process.pid)]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._process.wait()

    def reclaim(self) -> None:
        """As a cloud takes a machine back: it is told, and ends by itself."""
        self._process.terminate()
        self._process.wait(PATIENCE_SECONDS)


class Cluster:
    """A Ray cluster in a process of its own."""

    def __init__(
        self,
        object_store_bytes: int = 300_000_000,
        environment: Mapping[str, str] | None = None,
        *,
        address: str = "127.0.0.1",
    ) -> None:
        """`environment`: of its processes, beside this one's; `address`: of this machine, where it listens."""
        self.disk = pathlib.Path(
            tempfile.mkdtemp(prefix="ray-")
        )  # what the node keeps; short, for names of sockets lie below it
        self._process = subprocess.Popen(
            [sys.executable, "-c", CLUSTER, str(object_store_bytes), str(self.disk), address],
            env={**os.environ, **(environment or {})},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self._process.stdout is not None
        self.address = self._process.stdout.readline().strip()
        assert self.address, "the cluster did not start"
        self._others: list[Node] = []

    @functools.cached_property
    def _state(self) -> GlobalState:
        """Made where it is asked for: this process may not have the cluster's token."""
        state = GlobalState()  # type: ignore[no-untyped-call]
        state._initialize_global_state(
            GcsClientOptions.create(self.address, None, allow_cluster_id_nil=True, fetch_cluster_id_if_nil=True)
        )
        return state

    def add_node(self) -> Node:
        """One more node, on this machine too."""
        before = self._nodes()
        size = ("--num-cpus=4", "--object-store-memory=100000000")
        process = subprocess.Popen(
            [RAY, "start", f"--address={self.address}", "--node-ip-address=127.0.0.1", "--block", *size],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._others.append(Node(process, self._new_node(before)))
        return self._others[-1]

    def add_host(self, host: Host) -> str:
        """One more node, on a host of its own that reaches this cluster; its id."""
        before = self._nodes()
        size = ("--num-cpus=4", "--object-store-memory=100000000")
        host.start(RAY, "start", f"--address={self.address}", f"--node-ip-address={host.address}", "--block", *size)
        return self._new_node(before)

    def _new_node(self, before: set[str]) -> str:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not (new := self._nodes() - before):
            assert time.monotonic() < deadline, "the node did not start"
            time.sleep(0.1)
        return new.pop()

    def _nodes(self) -> set[str]:
        return {node["NodeID"] for node in self._state.node_table() if node["Alive"]}

    def stop(self) -> None:
        """End the cluster and all that is on it."""
        for node in self._others:
            node.kill()
        self._process.communicate("")
        shutil.rmtree(self.disk)

    def kill(self) -> None:
        """End it as the loss of its machine would: every process of it at once, and its disk."""
        for pid in self.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._process.communicate("")
        shutil.rmtree(self.disk)

    def processes(self) -> list[int]:
        """Ids of all processes of the cluster, those of its runs included but for the drivers."""
        return [self._process.pid, *descendants(self._process.pid)]

    def actors(self) -> list[dict[str, Any]]:
        """Living actors: Name, ActorClassName, Pid, NumRestarts."""
        return list(self._state.actor_table(None, actor_state_name="ALIVE").values())

    def left(self) -> list[str]:
        """What a run left: actors but those that Serve has for all runs, and worker processes that aren't idle."""
        names = [actor["Name"] or actor["ActorClassName"] for actor in self.actors()]
        left = [name for name in names if not name.startswith(("SERVE_CONTROLLER_ACTOR", "SERVE_PROXY_ACTOR"))]
        shared = ("ray::IDLE", "ray::ServeController", "ray::ProxyActor")
        return left + [title for title in _titles(self._process.pid) if title not in shared]


def descendants(process: int) -> list[int]:
    """Of a process, and theirs."""
    found = []
    for task in pathlib.Path(f"/proc/{process}/task").glob("*"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            for child in map(int, (task / "children").read_text().split()):
                found += [child, *descendants(child)]
    return found


def _titles(process: int) -> list[str]:
    """Titles of Ray's workers among the descendants of a process."""
    titles = []
    for pid in descendants(process):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            title = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[0].decode()
            if title.startswith("ray::") and not title.endswith("Agent"):
                titles.append(title.split(".")[0])
    return titles
