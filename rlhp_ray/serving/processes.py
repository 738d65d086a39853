"""What Ray Serve runs for the reward predictor: its applications, their replicas, and the controller of all.

The controller is the cluster's, shared by all runs: it stays when a run ends. What is asked of it waits while it is
started again after its death, and a controller that hangs is killed so that it is.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any

import ray
from ray import serve
from ray.actor import ActorHandle
from ray.exceptions import GetTimeoutError, RayError
from ray.serve._private.constants import SERVE_CONTROLLER_NAME, SERVE_NAMESPACE

from rlhp_ray.errors import ClusterError

REPLICA_PREFIX = "SERVE_REPLICA::"
ANSWER_SECONDS = 20.0  # a controller that takes longer hangs
TRIES, REST_SECONDS = 10, 2.0


def serve_processes(app_name: str) -> dict[str, tuple[str, ActorHandle[Any]]]:
    """The application's replicas and the controller: what each is, and its handle, by the name of its actor."""
    found: dict[str, tuple[str, ActorHandle[Any]]] = {}
    for name in _named_actors():
        replica = name.startswith(f"{REPLICA_PREFIX}{app_name}#")
        if not replica and name != SERVE_CONTROLLER_NAME:
            continue
        try:
            actor = ray.get_actor(name, namespace=SERVE_NAMESPACE)
        except ValueError:  # it died meanwhile
            continue
        found[name] = ("replica of the reward predictor" if replica else "Serve controller", actor)
    return found


def remove_apps(chosen: Callable[[str], bool]) -> None:
    """Take the applications of these names, with their replicas, off the cluster. ClusterError where it isn't done."""
    logging.getLogger("ray.serve").setLevel(logging.WARNING)
    trouble = ""
    for attempt in range(TRIES):
        if attempt:
            time.sleep(REST_SECONDS)
        if SERVE_CONTROLLER_NAME not in _named_actors():
            return
        try:
            _wake_controller()
            for app in serve.status().applications:
                if chosen(app):
                    serve.delete(app)
            return
        except (RayError, TimeoutError, ValueError) as error:  # it died, or is started again just now
            trouble = str(error).splitlines()[0] if str(error) else type(error).__name__
    raise ClusterError(
        f"Ray Serve's controller doesn't take the reward predictor off the cluster ({trouble}); try it again with "
        "`rlhp-ray resume`, or shut Serve down with `serve shutdown`."
    )


def _wake_controller() -> None:
    """Kill a controller that hangs, so that Ray starts it again."""
    controller: Any = ray.get_actor(SERVE_CONTROLLER_NAME, namespace=SERVE_NAMESPACE)
    try:
        ray.get(controller.__ray_ready__.remote(), timeout=ANSWER_SECONDS)
    except GetTimeoutError:
        ray.kill(controller, no_restart=False)
        raise


def _named_actors() -> list[str]:
    entries = ray.util.list_named_actors(all_namespaces=True)
    return [entry["name"] for entry in entries if entry["namespace"] == SERVE_NAMESPACE]
