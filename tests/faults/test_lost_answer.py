"""Calls between two hosts, while the network is away: the answer is lost with its connection, or whom it was made to.

Each is made again as soon as the network is back: the second one although the caller's connection to Ray's GCS, which
tells where that actor was started again, was lost too.

python tests/faults/test_lost_answer.py         what the test starts: all of it is in a network of its own
"""

from __future__ import annotations

import os
import pathlib
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from fault_cluster import Cluster

if __name__ == "__main__":
    sys.path.append(str(pathlib.Path(__file__).parents[1]))

from hosts import Host, a_switch, hosts_problem, join_network

STOPPED_SECONDS = 3.0  # the GCS, before the network is away: what it was told by then, it answers when nobody hears it
AWAY_SECONDS = 32.0
WORK_SECONDS = 6.0  # so that the answer is sent while the network is away
SAID = "seconds from the network's return until it was answered:"
PATIENCE_SECONDS = 120.0  # Ray by itself takes five to seven minutes


@pytest.mark.slow
def test_what_was_lost_with_the_network_is_asked_for_again() -> None:
    if problem := hosts_problem():
        pytest.skip(problem)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, __file__], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    seconds = [float(line.split()[-1]) for line in done.stdout.splitlines() if line.startswith(SAID)]
    assert len(seconds) == 2
    assert all(0 < taken < PATIENCE_SECONDS for taken in seconds)


def test_who_waits_sends_something_to_whom_it_waits_for_and_to_the_gcs(
    ray_cluster: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    import ray

    from rlhp_ray import actors

    class Busy(actors.Watched):
        def __init__(self) -> None:
            self.pulses = 0

        @ray.method(concurrency_group="pulse")
        def pulse(self) -> None:
            self.pulses += 1

        def work(self, seconds: float) -> int:
            time.sleep(seconds)
            return self.pulses

    asked_gcs: list[list[str]] = []

    def list_named_actors() -> list[str]:
        asked_gcs.append(ray.util.list_named_actors())
        return asked_gcs[-1]

    monkeypatch.setattr(actors, "KNOCK_SECONDS", 0.1)
    monkeypatch.setattr(actors, "list_named_actors", list_named_actors)
    busy = actors.proxy(ray.remote(**actors.RESTARTING)(Busy).remote(), Busy)
    assert busy.work(0.0) >= 0
    assert busy.work(1.0) >= 5
    assert len(asked_gcs) >= 5


def main() -> None:
    """Print how long the calls took from then on."""
    with a_switch() as switch:
        address = join_network(switch, 1)
        from fault_cluster import Cluster

        cluster = Cluster(address=address)
        host = Host(2, switch, cluster.disk)
        try:
            _call(cluster, cluster.add_host(host), host)
        finally:
            host.kill()
            cluster.stop()


def _call(cluster: Cluster, node: str, host: Host) -> None:
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    from rlhp_ray.actors import RESTARTING, Watched, proxy

    @ray.remote(**RESTARTING)
    class Asked(Watched):
        def process(self) -> int:
            return os.getpid()

        def work(self, seconds: float) -> str:
            time.sleep(seconds)
            return "done"

    @ray.remote(**RESTARTING)
    class Asking(Watched):
        def ask(self, asked: object, seconds: float) -> str:
            return str(proxy(asked, Asked).work(seconds))

    ray.init(cluster.address, log_to_driver=False, logging_level="ERROR")
    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    there = NodeAffinitySchedulingStrategy(node, soft=False)
    asked = [Asked.options(scheduling_strategy=here).remote() for _ in range(2)]
    asking = [Asking.options(scheduling_strategy=there).remote() for _ in range(2)]
    pairs = list(zip(asking, asked, strict=True))
    ray.get([caller.ask.remote(called, 0.0) for caller, called in pairs])  # all are there, and have a connection
    lost = ray.get(asked[1].process.remote())
    time.sleep(STOPPED_SECONDS)  # and what they tell the GCS by themselves is answered
    os.kill(_gcs(cluster), signal.SIGSTOP)
    answers = [caller.ask.remote(called, WORK_SECONDS) for caller, called in pairs]
    time.sleep(STOPPED_SECONDS)
    host.cut()
    os.kill(_gcs(cluster), signal.SIGCONT)
    os.kill(lost, signal.SIGKILL)
    time.sleep(AWAY_SECONDS)
    host.join()
    back = time.monotonic()
    while answers:
        done, answers = ray.wait(answers, timeout=1.0)
        for answer in done:
            assert ray.get(answer) == "done"
            print(SAID, time.monotonic() - back, flush=True)
        for caller in asking:
            caller.pulse.remote()  # as the driver does


def _gcs(cluster: Cluster) -> int:
    commands = {pid: pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[0] for pid in cluster.processes()}
    (gcs,) = (pid for pid, command in commands.items() if command.endswith(b"/gcs_server"))
    return gcs


if __name__ == "__main__":
    main()
