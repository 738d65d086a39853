"""The Ray cluster of a run: one started here, or one that is running; and the names of what a run puts on it."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import re
import socket
from collections.abc import Iterator

import ray
from ray._private import ray_constants  # it is said nowhere else that a cluster is of this machine alone
from ray.exceptions import RayError

from rlhp_ray.actors import NAMESPACE
from rlhp_ray.config.schema import RayPart
from rlhp_ray.errors import ClusterError, RlhpRayError
from rlhp_ray.serving.processes import remove_apps
from rlhp_ray.storage import RunFolder

LOOPBACK = "127.0.0.1"
# Serve's controller, and the router in every process that asks the predictor, do their rounds ten times a second by
# themselves; the controller's took a twentieth of a core for nothing.
SERVE_PACE = {"RAY_SERVE_CONTROL_LOOP_INTERVAL_S": "0.5", "RAY_SERVE_METRICS_EXPORT_INTERVAL_MS": "2000"}
CONNECT_SECONDS = 5.0
REMEMBERED_TASKS = 10_000  # by Ray's GCS, for its dashboard; each takes 3 kB, and Ray's own 100,000 take hours to fill


def connect(part: RayPart) -> bool:
    """Connect to the cluster of `part.address` or of the job that this process belongs to, or start one on loopback.

    Returns whether it is one that was there, and may be others' too. ClusterError where there is none at that address.
    """
    address = part.address or os.environ.get("RAY_ADDRESS")
    try:
        if address:
            _join(address)
        else:
            for name, value in SERVE_PACE.items():
                os.environ.setdefault(name, value)
            _stay_on_loopback()
            ray.init(
                namespace=NAMESPACE,
                num_cpus=part.num_cpus,
                object_store_memory=part.object_store_bytes,
                include_dashboard=part.dashboard,
                log_to_driver=False,
                logging_level=logging.ERROR,
                _node_ip_address=LOOPBACK,
                _system_config={"task_events_max_num_task_in_gcs": REMEMBERED_TASKS},
            )
    except (OSError, ValueError, RuntimeError) as error:
        where = f"at {address}" if address else "on this machine"
        raise ClusterError(
            f"No Ray cluster could be reached {where} ({str(error).splitlines()[0]}); "
            "check ray.address, or leave it out to start one here; `rlhp-ray doctor` looks closer."
        ) from error
    return bool(address)


def _stay_on_loopback() -> None:
    """Have all processes of a cluster that is started here listen there only, as Ray does by itself on macOS.

    Elsewhere it replaces 127.0.0.1 by the network card's address, and listens at every one.
    """
    ray_constants.ENABLE_RAY_CLUSTER = False
    os.environ[ray_constants.ENABLE_RAY_CLUSTERS_ENV_VAR] = "0"


def _join(address: str) -> None:
    """Connect to a running cluster. Ray itself would go on trying for minutes where nobody listens."""
    host, colon, port = address.rpartition(":")
    plain = colon and port.isdigit() and "//" not in host
    if plain:
        socket.create_connection((host, int(port)), timeout=CONNECT_SECONDS).close()
    # Ray replaces a loopback address by that of the machine's network card, unless told.
    local = plain and host in (LOOPBACK, "localhost")
    ray.init(
        address=address,
        namespace=NAMESPACE,
        log_to_driver=False,
        logging_level=logging.ERROR,
        _node_ip_address=LOOPBACK if local else None,
    )


@contextlib.contextmanager
def explained(folder: RunFolder) -> Iterator[None]:
    """What Ray raises, in one sentence. Where another driver took the folder over, it removed what is missing here."""
    try:
        yield
    except RlhpRayError:
        folder.check_epoch()
        raise
    except RayError as error:
        folder.check_epoch()
        raise ClusterError(
            f"Ray lost what the run needs ({str(error).strip().splitlines()[-1].strip()}); look for the cause in "
            f"Ray's logs, and go on with `rlhp-ray resume {folder.address}`."
        ) from error


def run_key(name: str, address: str) -> str:
    """What the run's actors and Serve application are called after: its name and its folder's address."""
    return f"{name}-{hashlib.sha256(address.encode()).hexdigest()[:8]}"


def remove_processes(key: str, *, up_to_epoch: int) -> None:
    """Take off the cluster what drivers of this run put there, in this epoch and in earlier ones.

    What has no name, such as EnvRunners, dies with the driver that made it.
    """
    mine = re.compile(rf"{re.escape(key)}-e(\d+)(-.*)?")

    def earlier(name: str) -> bool:
        match = mine.fullmatch(name)
        return match is not None and int(match[1]) <= up_to_epoch

    for entry in ray.util.list_named_actors(all_namespaces=True):
        if entry["namespace"] == NAMESPACE and earlier(entry["name"]):
            with contextlib.suppress(ValueError):  # it died meanwhile
                ray.kill(ray.get_actor(entry["name"], namespace=NAMESPACE), no_restart=True)
    remove_apps(earlier)
