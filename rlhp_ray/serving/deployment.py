"""The reward predictor as a Ray Serve application: deploy, broadcast new versions, delete.

Requests go through handles; only a labelling page needs Serve's HTTP proxy. Weights go by `broadcast`: `user_config`
and repeated `serve.run` would take replicas out of routing. Whom a broadcast misses finds the version in the run
folder.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Mapping
from typing import Any

import ray
from ray import serve
from ray.exceptions import RayError
from ray.serve.config import AutoscalingConfig, HTTPOptions
from ray.serve.context import _get_global_client  # where Serve listens is told by nothing that is public
from ray.serve.exceptions import RayServeException
from ray.serve.handle import DeploymentHandle
from ray.serve.schema import LoggingConfig

from rlhp_ray.config.schema import ServingPart
from rlhp_ray.errors import ClusterError
from rlhp_ray.serving.replica import Predictor

MAX_ONGOING_REQUESTS = 16  # a replica's queue; a fragment takes it milliseconds
HEALTH_CHECK_SECONDS = 2.0  # also how often a replica looks for a newer version by itself
BROADCAST_TIMEOUT_SECONDS = 10.0
ANY_HOST = "0.0.0.0"
QUIET = LoggingConfig(log_level="WARNING", enable_access_log=False)

_log = logging.getLogger(__name__)


def listen(host: str, port: int) -> tuple[str, int]:
    """Have Serve listen there, before anything else is deployed; where it does, for all runs of the cluster.

    It stays where the cluster's first run had it listen. ClusterError where that is not at all, or can't be seen from
    where this run's people are.
    """
    logging.getLogger("ray.serve").setLevel(logging.WARNING)
    where = f"{host}:{port}"
    try:
        serve.start(http_options=HTTPOptions(host=host, port=port), proxy_location="HeadOnly", logging_config=QUIET)
        client = _get_global_client()
        assert client is not None  # it was started, or found
        listens, http = bool(serve.status().proxies), client.http_config
    except (RuntimeError, RayError, RayServeException, TimeoutError) as error:
        raise ClusterError(
            f"Ray Serve can't listen on {where} ({str(error).splitlines()[0]}); choose another labeling.port, or shut "
            "down what uses it."
        ) from error
    if not listens:
        raise ClusterError(
            "Ray Serve runs on this cluster without HTTP already, so no labelling page can be reached; shut it down "
            "with `serve shutdown` when no run needs it."
        )
    if http.host not in (host, ANY_HOST):
        raise ClusterError(
            f"Ray Serve listens on {http.host}:{http.port} for all runs of this cluster, so labeling.host={host} can't "
            f"be had: set labeling.host={http.host}, or shut Serve down with `serve shutdown` when no run needs it."
        )
    return http.host, http.port


def deploy(
    app_name: str, folder_address: str, part: ServingPart, *, resources: Mapping[str, float] | None = None
) -> None:
    """Start the predictor's replicas over a run folder and wait until they serve. ClusterError if they can't.

    `resources`: custom ones that a replica's node must offer.
    """
    logging.getLogger("ray.serve").setLevel(logging.WARNING)
    if part.max_replicas is None:
        scale: dict[str, Any] = {"num_replicas": part.least_replicas}
    else:
        bounds = AutoscalingConfig(
            min_replicas=part.least_replicas,
            initial_replicas=part.least_replicas,
            max_replicas=part.max_replicas,
            target_ongoing_requests=2,
        )
        scale = {"autoscaling_config": bounds}
    deployment = serve.deployment(
        name="Predictor",
        ray_actor_options={"num_cpus": part.cpus_per_replica, "resources": dict(resources or {})},
        max_ongoing_requests=MAX_ONGOING_REQUESTS,
        health_check_period_s=HEALTH_CHECK_SECONDS,
        graceful_shutdown_wait_loop_s=0.1,
        graceful_shutdown_timeout_s=2.0,
        logging_config=QUIET,
        **scale,
    )(Predictor)
    threads = max(1, int(part.cpus_per_replica))
    try:
        serve.start(proxy_location="Disabled", logging_config=QUIET)  # nothing where it runs already
        serve.run(deployment.bind(folder_address, threads), name=app_name, route_prefix=None, logging_config=QUIET)
    except (RuntimeError, RayError, RayServeException, TimeoutError) as error:
        raise ClusterError(
            f"The reward predictor's deployment {app_name} can't start ({error}); lower serving.replicas or "
            "serving.cpus_per_replica if the cluster has too few CPUs."
        ) from error


def broadcast(app_name: str, payload: bytes) -> list[int]:
    """Bring a version to all running replicas; the versions they then hold.

    A replica that dies meanwhile is left out, and one that is just starting reads the run folder: nobody fails.
    """
    try:
        response = _handle(app_name, ray.get_runtime_context().get_job_id()).broadcast("swap", payload)
        answers = response.results(timeout_s=BROADCAST_TIMEOUT_SECONDS, return_exceptions=True)
    except (RayError, RayServeException, TimeoutError) as error:
        _log.warning("A new version reached no replica of %s (%s); they look for it themselves.", app_name, error)
        return []
    return [answer for answer in answers if isinstance(answer, int)]


def delete(app_name: str) -> None:
    """Take the application and its replicas off the cluster; one that isn't there is fine."""
    serve.delete(app_name)


@functools.lru_cache(maxsize=4)
def _handle(app_name: str, job_id: str) -> DeploymentHandle[Any]:
    """One handle an application, and for this connection to Ray only: each has a router of its own."""
    return serve.get_app_handle(app_name)
