"""Faults at random times and places, over runs with a teacher who answers throughout; a log, and what it proves.

    python tests/faults/chaos.py chaos.jsonl --faults 100 --undisturbed 20
    python tests/faults/chaos.py chaos.jsonl --verify
    python tests/faults/chaos.py undisturbed.jsonl --seeds 6 34 --faults 0

Run N has the seed N and faults drawn from it, so that a call that was ended goes on where the log ends. A fault is
the kill -9 of a process, a process that stands still for half a minute, a disk that is full for a while, the loss of
a node, or a node whose network is cut for twenty seconds. A line of the log is one run: its faults, what was said, how
it ended, its answers and its return. It takes root, since the second node is a host of its own, and all of it a network
of its own.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import json
import os
import pathlib
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from typing import Any

os.environ.setdefault("RAY_AUTH_MODE", "disabled")
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
sys.path.append(str(pathlib.Path(__file__).parents[1]))

import numpy as np
import pyarrow.parquet as pq
from fault_cluster import PATIENCE_SECONDS, Cluster
from fault_run import LABELS, Run
from hosts import Host, a_switch, hosts_problem, join_network
from small_disk import SmallDisk, small_disk

KINDS = ("kill", "stop", "disk", "node", "cut")
PLACES = {
    "kill": (
        *("driver", "runner", "replica", "controller"),
        *("trainer", "segments", "collector", "teacher", "questioner"),
    ),
    "stop": ("driver", "runner", "replica", "trainer", "segments", "collector"),
    "disk": ("run folder",),
    "node": ("second node",),
    "cut": ("second node",),
}
STOPPED_SECONDS = 30.0
FULL_SECONDS = 15.0
CUT_SECONDS = 20.0
FAULTS_A_RUN = 4
MAX_RESUMES = 5

# The point learns to go to its target: with half the labels, or less training of the predictor,
# it goes to one end of its line in some seeds. While nobody answers, the agent learns on from few answers, which may
# drive it to one end with little noise left, and far beyond the bounds of its actions; so it is kept trying, and within
# their reach, and the last quarter of its env steps, when all labels are there, gives it the time to come back.
LEARNS = (
    "budget.env_steps=81920",
    "budget.max_env_steps_per_label=512",
    "agent.learning_rate=3e-3",
    "agent.gamma=0.9",
    "agent.bounds_coefficient=1",
    "agent.final_log_std=-1",
    "reward.hidden_sizes=[64,64]",
    "reward.initial_epochs=200",
    "reward.labels_per_env_step=5",
    "evaluation.episodes=20",
)


@dataclasses.dataclass
class Fault:
    """One fault, and what became of it."""

    kind: str
    place: str
    after_answers: int
    injected_at_seconds: float = 0.0  # since the run's beginning
    seconds: float = 0.0  # that it lasted
    acknowledged: int = 0  # answers, when it was injected


def drawn(number: int) -> list[Fault]:
    """The faults of a run."""
    rng = np.random.default_rng([number, *b"faults"])
    faults = []
    for after in sorted(rng.integers(LABELS // 8, LABELS * 7 // 8, FAULTS_A_RUN).tolist()):
        kind = str(rng.choice(KINDS))
        faults.append(Fault(kind, str(rng.choice(PLACES[kind])), after))
    return faults


class Disturbed:
    """A run to whom faults happen."""

    def __init__(self, run: Run, disk: SmallDisk, second: Host, faults: list[Fault], *, seed: int) -> None:
        self._run, self._disk, self._faults = run, disk, faults
        self._second: Host | None = second
        self._seed = seed
        self._resumes = 0
        self._begun = time.monotonic()
        self._said = ""

    def to_the_end(self) -> dict[str, Any]:
        """Its line of the log. AssertionError where it isn't survived."""
        if self._second is not None and any(fault.kind in ("node", "cut") for fault in self._faults):
            self._run.hosts[self._run.cluster.add_host(self._second)] = self._second
        self._run.begin(*LEARNS, f"seed={self._seed}")
        for fault in self._faults:
            if not self._reaches(fault.after_answers):
                continue
            if fault.kind in ("node", "cut") and self._second is None:
                continue  # it is lost already, so nothing can happen to it
            fault.acknowledged = len(self._run.note_answers())
            fault.injected_at_seconds = round(time.monotonic() - self._begun, 1)
            before = time.monotonic()
            self._inject(fault)
            fault.seconds = round(time.monotonic() - before, 1)
        while (status := self._ended()) != 0:
            self._resume(status)
        self._run.check_end()
        exported = pq.read_table(self._run.scratch / "export" / "answers.parquet").column("answer_id").to_pylist()
        summary = json.loads((self._run.path / "summary.json").read_text())
        return {
            "faults": [dataclasses.asdict(fault) for fault in self._faults if fault.injected_at_seconds],
            "outcome": f"resumed {self._resumes}x" if self._resumes else "went on",
            "acknowledged": len(self._run.acknowledged),
            "lost_answers": len(self._run.acknowledged - {*exported}),
            "doubled_answers": len(exported) - len({*exported}),
            "true_return_mean": summary["true_return_mean"],
            "seconds": round(time.monotonic() - self._begun, 1),
            "said": [line for line in self._all_said().splitlines() if is_sentence(line)],
        }

    def _reaches(self, answers: int) -> bool:
        """Wait until so many are acknowledged; False where the run is over before."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while len(self._run.note_answers()) < answers:
            assert self._run.driver is not None
            assert time.monotonic() < deadline, f"no {answers} answers:\n{self._run.said}"
            status = self._run.driver.poll()
            if status == 0:
                return False
            if status is not None:
                self._resume(self._run.wait())
            time.sleep(0.05)
        return True

    def _inject(self, fault: Fault) -> None:
        if fault.kind == "disk":
            self._disk.fill()
            time.sleep(FULL_SECONDS)
            self._disk.free()
        elif fault.kind == "node" and self._second is not None:
            self._second.kill()
            self._second = None
        elif fault.kind == "cut" and self._second is not None:
            self._second.cut()
            time.sleep(CUT_SECONDS)
            self._second.join()
        elif fault.kind == "kill":
            with contextlib.suppress(AssertionError, ProcessLookupError):  # it is just being started again
                self._run.signal(fault.place, signal.SIGKILL)
        else:
            with contextlib.suppress(AssertionError, ProcessLookupError):
                stopped = self._run.signal(fault.place, signal.SIGSTOP)
                time.sleep(STOPPED_SECONDS)
                os.kill(stopped, signal.SIGCONT)

    def _all_said(self) -> str:
        return (self._said + self._run.said).replace(self._run.dir, "RUNS")  # a folder that is gone afterwards

    def _ended(self) -> int:
        return self._run.wait()

    def _resume(self, status: int) -> None:
        self._said += self._run.said
        self._resumes += 1
        assert self._resumes <= MAX_RESUMES, f"ends with {status} again and again:\n{self._said}"
        assert "Traceback" not in self._run.said, self._run.said
        self._run.resume()


def is_sentence(line: str) -> bool:
    """Whether a line is a sentence of the run, not of its table."""
    return line[:1].isupper() or line.startswith("rlhp-ray:")


@contextlib.contextmanager
def one_run(switch: int, address: str) -> Iterator[tuple[Run, SmallDisk, Host]]:
    """A run on a cluster and a small disk of its own, and a host that may become a node of the cluster."""
    with tempfile.TemporaryDirectory() as scratch, small_disk(pathlib.Path(scratch, "disk")) as disk:
        cluster = Cluster(address=address)
        second = Host(2, switch, cluster.disk)
        run = Run(cluster, pathlib.Path(scratch))
        run.dir = str(disk.path)
        try:
            yield run, disk, second
        finally:
            run.kill()
            second.kill()
            cluster.stop()


def go_on(log: pathlib.Path, faults: int, undisturbed: int, seeds: list[int]) -> None:
    """Add lines until there are so many faults, and so many runs without any; or only the runs `seeds`."""
    if problem := hosts_problem():
        sys.exit(problem)
    with a_switch() as switch:
        address = join_network(switch, 1)
        if seeds:
            for seed in seeds:
                _add(log, seed, drawn(seed) if faults else [], switch, address)
        else:
            _go_on(log, faults, undisturbed, switch, address)


def _go_on(log: pathlib.Path, faults: int, undisturbed: int, switch: int, address: str) -> None:
    lines = read(log)
    number = 1 + max((line["run"] for line in lines), default=0)
    while True:
        calm = sum(not line["drawn"] for line in lines)
        done = sum(len(line["faults"]) for line in lines)
        if calm >= undisturbed and done >= faults:
            return
        # In turn, so that a machine that becomes slower is so for both.
        these = [] if calm < undisturbed and (done >= faults or calm * faults <= done * undisturbed) else drawn(number)
        lines.append(_add(log, number, these, switch, address))
        number += 1


def _add(log: pathlib.Path, number: int, faults: list[Fault], switch: int, address: str) -> dict[str, Any]:
    line: dict[str, Any] = {"run": number, "drawn": [f"{fault.kind} {fault.place}" for fault in faults]}
    with one_run(switch, address) as (run, disk, second):
        try:
            line |= Disturbed(run, disk, second, faults, seed=number).to_the_end()
        except (AssertionError, subprocess.SubprocessError) as error:
            line |= {
                "faults": [dataclasses.asdict(fault) for fault in faults],
                "outcome": "FAILED",
                "said": [str(error).replace(run.dir, "RUNS")],
            }
    with log.open("a") as file:
        file.write(json.dumps(line) + "\n")
    print(f"run {number}: {', '.join(line['drawn']) or 'undisturbed'}: {line['outcome']}", flush=True)
    return line


def read(log: pathlib.Path) -> list[dict[str, Any]]:
    """The log's lines; a last one that was cut off is none."""
    text = log.read_text() if log.exists() else ""
    return [json.loads(line) for line in text.split("\n")[:-1]]


def verify(lines: list[dict[str, Any]]) -> str:
    """What the log proves, in a sentence. AssertionError where a run failed or learned less than undisturbed ones."""
    failed = [line["run"] for line in lines if line["outcome"] == "FAILED"]
    assert not failed, f"runs {failed} failed"
    assert all(line["lost_answers"] == line["doubled_answers"] == 0 for line in lines)
    assert all(line["acknowledged"] >= LABELS for line in lines)
    calm = [line["true_return_mean"] for line in lines if not line["drawn"]]
    disturbed = [line["true_return_mean"] for line in lines if line["faults"]]
    count = sum(len(line["faults"]) for line in lines)
    told = f"{count} faults in {len(disturbed)} runs: all ended, no acknowledged answer lost or doubled"
    if len(calm) >= 2 and disturbed:
        mean = statistics.fmean(disturbed)
        assert min(calm) <= mean <= max(calm), f"mean return {mean}, undisturbed {min(calm)} to {max(calm)}"
        below = sum(one < min(calm) for one in disturbed)
        told += (
            f"; mean return {mean:.2f}, {below} below all undisturbed ones; of {len(calm)} undisturbed runs "
            f"{statistics.fmean(calm):.2f}, {min(calm):.2f} to {max(calm):.2f}"
        )
    return told


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("log", type=pathlib.Path)
    parser.add_argument("--faults", type=int, default=100)
    parser.add_argument("--undisturbed", type=int, default=10)
    parser.add_argument(
        "--seeds", type=int, nargs="+", default=[], help="only these runs; without faults by --faults 0"
    )
    parser.add_argument("--verify", action="store_true", help="only say what the log proves")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended; the same command goes on"))  # and nothing is left behind
    if not options.verify:
        go_on(options.log, options.faults, options.undisturbed, options.seeds)
    print(verify(read(options.log)))


if __name__ == "__main__":
    main()
