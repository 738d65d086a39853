"""A run's processes as Ray knows them: each by what a person calls it, its node, its restarts and what they cost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import ray
from ray._private.state import actors  # the public list needs the dashboard, which a small run doesn't start

from rlhp_ray.telemetry import Process

LOST = {  # by a restart; docs/operations.md tells more
    "driver": "what was trained since the last checkpoint",
    "EnvRunner": "the fragment that was on its way",
    "learner": "what was trained since the last checkpoint",
    "segments": "candidates that no query names",
    "collector": "leases, which are handed out again",
    "teacher": "the answer that it was about to give",
    "trainer": "what was trained since its newest version",
}
CLASSES = {"ArrayEnvRunner": "EnvRunner", "_WrappedExecutable": "learner"}  # RLlib gives them no names


def processes(key: str, *, epoch: int) -> list[Process]:
    """Those of the driver's job, and the replicas; the driver first. `key`: what the names of its actors hold."""
    context = ray.get_runtime_context()
    job, here = context.get_job_id(), context.get_node_id()
    nodes: list[dict[str, Any]] = ray.nodes()  # type: ignore[no-untyped-call]  # Ray's own lack
    address = next((node["NodeManagerAddress"] for node in nodes if node["NodeID"] == here), "")
    found = [_process("driver", _node(address, here), epoch - 1)]
    for state in ("ALIVE", "RESTARTING"):  # a cluster remembers its dead ones, many thousands of them
        for actor in actors(actor_state_name=state).values():
            ours = actor["JobID"] == job or key in actor["Name"]
            if ours and (role := _role(actor, key)):
                where = actor["Address"]
                node = _node(where["IPAddress"], where["NodeID"]) if state == "ALIVE" else "is started again"
                found.append(_process(role, node, actor["NumRestarts"]))
    return [found[0], *sorted(found[1:], key=lambda process: (process.role, process.node))]


def _role(actor: Mapping[str, Any], key: str) -> str:
    """Empty for Serve's own, which is the cluster's."""
    name: str = actor["Name"]
    if name.startswith("SERVE_"):
        return "" if key not in name else "page" if f"{key}-page#" in name else "replica"
    return name.removeprefix(f"{key}-") or CLASSES.get(actor["ActorClassName"].split(".")[-1], actor["ActorClassName"])


def _node(address: str, node_id: str) -> str:
    return f"{address} ({node_id[:8]})"


def _process(role: str, node: str, restarts: int) -> Process:
    kind = role.partition("-")[0]
    return Process(role, node, restarts, LOST.get(kind, "nothing") if restarts else "")
