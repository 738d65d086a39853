"""Runs whose processes are killed, stopped and starved."""

from __future__ import annotations

import contextlib
import os
import pathlib
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import pyarrow.parquet as pq
from fault_cluster import PATIENCE_SECONDS, Cluster
from hosts import Host
from small_run import SMALL_PARTS

from rlhp_ray.preferences.answer_log import read_records
from rlhp_ray.storage import RunFolder, below
from rlhp_ray.types import Answer

RLHP_RAY = str(pathlib.Path(sys.executable).with_name("rlhp-ray"))
LABELS, ANSWERS_PER_MINUTE = 120, 480
ENV_STEPS_PER_LABEL = 256  # at most
ENV_STEPS = LABELS * ENV_STEPS_PER_LABEL * 4 // 3

# A short run with a teacher who answers all the time.
RUN = (
    "run.name=run",
    "run.checkpoint_seconds=2",
    "run.report_seconds=1",
    f"budget.env_steps={ENV_STEPS}",
    f"budget.labels={LABELS}",
    f"budget.max_env_steps_per_label={ENV_STEPS_PER_LABEL}",
    f"teacher.answers_per_minute={ANSWERS_PER_MINUTE}",
    "queries.initial_fraction=0.2",
    "queries.schedule=constant",
    *SMALL_PARTS,
    "evaluation.episodes=5",
    "evaluation.random_episodes=2",
    "evaluation.video=false",
)


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

    def until_again(self, what: str, killed: int | None) -> None:
        """Wait until a process of the run is there, another one than that which was killed."""

        def there() -> bool:
            with contextlib.suppress(AssertionError):
                return self.process(what) != killed
            return False

        self.until(there, what)

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
