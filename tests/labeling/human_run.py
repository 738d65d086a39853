"""A run that people teach, as a process on a cluster that outlives it, for tests in a browser and over HTTP."""

from __future__ import annotations

import os
import pathlib
import signal
import subprocess
import sys
import time
from collections.abc import Callable

import httpx2
from ray._private.ray_constants import ENABLE_RAY_CLUSTERS_ENV_VAR

sys.path.append(str(pathlib.Path(__file__).parents[1] / "faults"))

from fault_cluster import Cluster
from fault_run import RLHP_RAY
from ports import free_port

from rlhp_ray.experiment.cluster import run_key
from rlhp_ray.labeling.access import Person
from rlhp_ray.labeling.page import ADDRESS_FILE, OWNER, page_link
from rlhp_ray.preferences import ExportedAnswer, read_exported_answers
from rlhp_ray.preferences.answer_log import read_records
from rlhp_ray.storage import RunFolder
from rlhp_ray.types import Answer, Undo

START_SECONDS = 180.0
ON_LOOPBACK = {ENABLE_RAY_CLUSTERS_ENV_VAR: "0"}  # of a cluster and its drivers: as where a run starts its own
PARTS = (
    "run.name=taught",
    "run.report_seconds=1",
    "run.checkpoint_seconds=5",
    "teacher.kind=human",
    "agent.train_batch_size=1024",
    "agent.num_epochs=2",
    "agent.hidden_sizes=[16]",
    "reward.hidden_sizes=[16]",
    "reward.initial_epochs=20",
    "evaluation.plot=false",
    "evaluation.video=false",
    "evaluation.episodes=2",
    "evaluation.random_episodes=2",
)
PORT = free_port()  # Serve listens on one for all of a cluster's runs


class HumanRun:
    """One run in a folder, and the drivers that it has one after the other."""

    def __init__(self, cluster: Cluster, path: pathlib.Path, *overrides: str, task: str = "inverted-pendulum") -> None:
        self._cluster, self._path = cluster, path
        self.folder = RunFolder(str(path / "taught"))
        config = path / "config.yaml"
        config.write_text(f"task: {task}\n")
        address = f"ray.address={cluster.address}"
        self._start("train", str(config), *PARTS, f"run.dir={path}", address, *overrides)

    def resume(self) -> None:
        """Go on with it by a new driver."""
        self._start("resume", self.folder.address)

    def wait_until_open(self) -> None:
        """Return when the page lets its owner in. AssertionError with the log where the run ended before."""
        self.wait_for(self._lets_in, seconds=START_SECONDS)

    def wait_for(self, condition: Callable[[], object], *, seconds: float = 60.0) -> None:
        """Return once the condition holds; AssertionError where it doesn't within so long, or the run has ended."""
        begun = time.monotonic()
        while not condition():
            assert self.driver.poll() is None, self.log()
            assert time.monotonic() - begun < seconds, self.log()
            time.sleep(0.1)

    def link(self, person: Person = OWNER) -> str:
        """That lets this person in."""
        return page_link(self.folder, person)

    def log(self) -> str:
        """What the drivers said."""
        return (self._path / "driver.log").read_text(errors="replace")

    def exported(self) -> list[ExportedAnswer]:
        """What `rlhp-ray export` writes of the answers."""
        target = self._path / "out"
        subprocess.run([RLHP_RAY, "export", self.folder.address, "-o", str(target)], check=True, capture_output=True)
        return read_exported_answers(target / "answers.parquet")

    def answers(self) -> list[Answer]:
        """Those in force in the run's folder, whoever lives."""
        records = read_records(self.folder)
        undone = {record.answer_id for record in records if isinstance(record, Undo)}
        return [record for record in records if isinstance(record, Answer) and record.answer_id not in undone]

    def actor(self, part_of_name: str) -> int:
        """The process of this run's actor with this in its name."""
        mine = run_key("taught", self.folder.address)
        names = {actor["Name"]: actor["Pid"] for actor in self._cluster.actors() if mine in actor["Name"]}
        (pid,) = [pid for name, pid in names.items() if part_of_name in name]
        return int(pid)

    def kill_actor(self, part_of_name: str) -> None:
        """kill -9 of it."""
        os.kill(self.actor(part_of_name), signal.SIGKILL)

    def stop(self) -> int:
        """Tell it to stop, and wait; its exit status."""
        if self.driver.poll() is None:
            self.driver.send_signal(signal.SIGTERM)
        return self.driver.wait(timeout=120)

    def kill(self) -> None:
        """kill -9 of the driver."""
        self.driver.kill()
        self.driver.wait()

    def _lets_in(self) -> bool:
        try:
            return self.folder.exists(ADDRESS_FILE) and httpx2.get(self.link(), timeout=5.0).status_code == 303
        except httpx2.HTTPError:
            return False

    def _start(self, *arguments: str) -> None:
        with (self._path / "driver.log").open("ab") as log:
            self.driver = subprocess.Popen(
                [RLHP_RAY, *arguments], env={**os.environ, **ON_LOOPBACK}, stdout=log, stderr=subprocess.STDOUT
            )
