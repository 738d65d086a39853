"""Runs whose processes are killed, stopped and starved, on a cluster of their own that is looked at from outside."""

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
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import pyarrow.parquet as pq
from hosts import Host
from ray._private.state import GlobalState
from ray._raylet import GcsClientOptions
from small_run import SMALL_PARTS

from rlhp_ray.preferences.answer_log import read_records
from rlhp_ray.storage import RunFolder, below
from rlhp_ray.types import Answer

RAY = str(pathlib.Path(sys.executable).with_name("ray"))
RLHP_RAY = str(pathlib.Path(sys.executable).with_name("rlhp-ray"))
PATIENCE_SECONDS = 400.0  # of the tests, on a machine that is busy
LABELS = 60

# A run of some fifteen seconds with a teacher who answers all the time.
RUN = (
    "run.name=run",
    "run.checkpoint_seconds=2",
    "run.report_seconds=1",
    "budget.env_steps=30720",
    f"budget.labels={LABELS}",
    "budget.max_env_steps_per_label=512",
    "teacher.answers_per_minute=480",
    "queries.initial_fraction=0.2",
    *SMALL_PARTS,
    "evaluation.episodes=2",
    "evaluation.random_episodes=2",
    "evaluation.video=false",
)

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


class Run:
    """A run of the command line, from begin to end, with whatever happens to it in between."""

    def __init__(self, cluster: Cluster, folder: pathlib.Path) -> None:
        self.cluster = cluster
        self.scratch = folder
        self.dir = str(folder / "runs")
        self.driver: subprocess.Popen[str] | None = None
        self._lines: list[str] = []
        self._reader: threading.Thread | None = None
        self.acknowledged: set[str] = set()
        self.hosts: dict[str, Host] = {}  # of nodes with process ids of their own

    @property
    def address(self) -> str:
        """Of its folder."""
        return below(self.dir, "run")

    @property
    def path(self) -> pathlib.Path:
        """The same, where it is on this machine."""
        return pathlib.Path(self.address)

    def begin(self, *overrides: str) -> None:
        """`rlhp-ray train`."""
        (self.scratch / "config.yaml").write_text("task: point\n")
        self._start("train", "config.yaml", *RUN, f"run.dir={self.dir}", self._where, *overrides)

    def resume(self) -> None:
        """`rlhp-ray resume`, on the cluster of this run."""
        self._start("resume", self.address, self._where)

    @property
    def _where(self) -> str:
        return f"ray.address={self.cluster.address}"

    def _start(self, *arguments: str) -> None:
        self.driver = subprocess.Popen(
            [RLHP_RAY, *arguments],
            cwd=self.scratch,
            env={**os.environ, "COLUMNS": "120"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._lines = []
        self._reader = threading.Thread(target=self._read, args=(self.driver.stdout,), daemon=True)
        self._reader.start()

    def _read(self, stream: Any) -> None:
        with stream:
            for line in stream:
                self._lines.append(line)

    @property
    def said(self) -> str:
        """All that the newest command printed so far."""
        return "".join(self._lines)

    def wait(self) -> int:
        """The command's exit status, once it ends."""
        assert self.driver is not None and self._reader is not None
        try:
            status = self.driver.wait(PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"the run doesn't end:\n{self.said}\n{self.cluster.left()}") from None
        self._reader.join(10)
        return status

    def until(self, condition: Callable[[], bool], what: str) -> None:
        """Wait for something while the command runs."""
        assert self.driver is not None
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not condition():
            assert self.driver.poll() is None, f"the run ended before {what}:\n{self.said}"
            assert time.monotonic() < deadline, f"no {what}:\n{self.said}"
            time.sleep(0.02)

    def until_said(self, words: str) -> None:
        """Wait for a sentence that holds these words."""
        self.until(lambda: words in self.said, words)

    def until_answers(self, count: int) -> None:
        """Wait for so many acknowledged answers in force or not; they must all be in the export."""
        self.until(lambda: len(self.note_answers()) >= count, f"{count} answers")

    def note_answers(self) -> set[str]:
        """Look into the answer log; the ids that were acknowledged so far."""
        records = read_records(RunFolder(self.address))
        self.acknowledged |= {record.answer_id for record in records if isinstance(record, Answer)}
        return self.acknowledged

    def process(self, what: str) -> int:
        """The id of a process of the run."""
        if what == "driver":
            assert self.driver is not None
            return self.driver.pid
        for actor in self.cluster.actors():
            name, kind = actor["Name"], actor["ActorClassName"]
            if (
                name.endswith(f"-{what}")
                or (what == "runner" and kind.endswith("ArrayEnvRunner"))
                or (what == "learner" and kind.endswith("_WrappedExecutable"))  # RLlib's name
                or (what == "replica" and name.startswith("SERVE_REPLICA::run-"))
                or (what == "controller" and name == "SERVE_CONTROLLER_ACTOR")
            ):
                pid: int = actor["Pid"]
                if (host := self.hosts.get(actor["Address"]["NodeID"])) is None:
                    return pid
                if (outside := host.outside(pid)) is not None:
                    return outside
        raise AssertionError(f"no {what} on the cluster")

    def signal(self, what: str, number: signal.Signals) -> int:
        """Send a signal to a process of the run; its id."""
        pid = self.process(what)
        os.kill(pid, number)
        return pid

    def check_end(self) -> None:
        """All labels came, every acknowledged answer is in the export exactly once, nothing is left on the cluster."""
        self.note_answers()
        command = [RLHP_RAY, "export", self.address, "-o", str(self.scratch / "export")]
        subprocess.run(command, check=True, capture_output=True)
        table = pq.read_table(self.scratch / "export" / "answers.parquet").to_pydict()
        assert set(Counter(table["answer_id"]).values()) == {1}
        assert set(Counter(table["query_id"]).values()) == {1}
        assert self.acknowledged <= set(table["answer_id"])
        assert len(table["answer_id"]) >= LABELS
        self.check_nothing_is_left()

    def check_nothing_is_left(self) -> None:
        """Neither actors nor Serve applications nor worker processes of the run."""
        deadline = time.monotonic() + 60.0
        while left := self.cluster.left():
            assert time.monotonic() < deadline, f"left on the cluster: {left}"
            time.sleep(0.2)

    def kill(self) -> None:
        """End what is still running of it."""
        if self.driver is not None and self.driver.poll() is None:
            self.driver.kill()
            self.wait()
