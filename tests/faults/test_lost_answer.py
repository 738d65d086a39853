"""A call between two hosts whose answer is lost, with its connection, while the network is away: it is made again.

python tests/faults/test_lost_answer.py         what the test starts: all of it is in a network of its own
"""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys
import threading
import time

import pytest

if __name__ == "__main__":
    sys.path.append(str(pathlib.Path(__file__).parents[1]))

from hosts import Host, a_switch, hosts_problem, join_network

AWAY_AFTER_SECONDS, AWAY_SECONDS = 2.0, 32.0
WORK_SECONDS = 6.0  # so that the answer is sent while the network is away
SAID = "seconds until it was answered:"
PATIENCE_SECONDS = 120.0  # from then on; Ray by itself takes five to seven minutes


@pytest.mark.slow
def test_a_lost_answer_is_asked_for_again() -> None:
    if problem := hosts_problem():
        pytest.skip(problem)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, __file__], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    (seconds,) = (float(line.split()[-1]) for line in done.stdout.splitlines() if line.startswith(SAID))
    assert AWAY_SECONDS < seconds < AWAY_SECONDS + PATIENCE_SECONDS


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
    """Print how long the call took."""
    with a_switch() as switch:
        address = join_network(switch, 1)
        from fault_cluster import Cluster

        cluster = Cluster(address=address)
        host = Host(2, switch, cluster.disk)
        try:
            node = cluster.add_host(host)
            print(SAID, _seconds(cluster.address, node, host), flush=True)
        finally:
            host.kill()
            cluster.stop()


def _seconds(address: str, node: str, host: Host) -> float:
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    from rlhp_ray.actors import RESTARTING, Watched, proxy

    @ray.remote(**RESTARTING)
    class Asked(Watched):
        def work(self, seconds: float) -> str:
            time.sleep(seconds)
            return "done"

    @ray.remote(**RESTARTING)
    class Asking(Watched):
        def ask(self, asked: object, seconds: float) -> str:
            return str(proxy(asked, Asked).work(seconds))

    ray.init(address, log_to_driver=False, logging_level="ERROR")
    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    there = NodeAffinitySchedulingStrategy(node, soft=False)
    asked = Asked.options(scheduling_strategy=here).remote()
    asking = Asking.options(scheduling_strategy=there).remote()
    ray.get(asking.ask.remote(asked, 0.0))  # both are there, and have a connection
    begun = time.monotonic()
    answer = asking.ask.remote(asked, WORK_SECONDS)
    cut = threading.Timer(AWAY_AFTER_SECONDS, host.cut)
    back = threading.Timer(AWAY_AFTER_SECONDS + AWAY_SECONDS, host.join)
    cut.start(), back.start()
    while not ray.wait([answer], timeout=1.0)[0]:
        asking.pulse.remote()  # as the driver does
    assert ray.get(answer) == "done"
    return time.monotonic() - begun


if __name__ == "__main__":
    main()
