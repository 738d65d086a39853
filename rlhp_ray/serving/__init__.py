"""The reward predictor's deployment on Ray Serve, its client, and the client's in-process twin."""

from rlhp_ray.serving.clients import LocalPredictor, ServedPredictor
from rlhp_ray.serving.deployment import ANY_HOST, QUIET, broadcast, delete, deploy, listen
from rlhp_ray.serving.loopback import listen_on_loopback

__all__ = [
    "ANY_HOST",
    "QUIET",
    "LocalPredictor",
    "ServedPredictor",
    "broadcast",
    "delete",
    "deploy",
    "listen",
    "listen_on_loopback",
]
