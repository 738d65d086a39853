"""The reward predictor's deployment on Ray Serve, its client, and the client's in-process twin."""

from rlhp_ray.serving.clients import LocalPredictor, ServedPredictor
from rlhp_ray.serving.deployment import broadcast, delete, deploy

__all__ = ["LocalPredictor", "ServedPredictor", "broadcast", "delete", "deploy"]
