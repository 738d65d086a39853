"""What a run tells: metrics, the console, W&B, the learning curve, the manifest. The driver alone writes it."""

from rlhp_ray.telemetry.console import Console
from rlhp_ray.telemetry.health import Health, State, health
from rlhp_ray.telemetry.heartbeat import Beat, Heartbeat, read_beat
from rlhp_ray.telemetry.incidents import Incident, Incidents, Process, read_incidents
from rlhp_ray.telemetry.lookup import UndeclaredMetricError, metric
from rlhp_ray.telemetry.manifest import commit, manifest
from rlhp_ray.telemetry.memory import memory_bytes
from rlhp_ray.telemetry.metric import Metric
from rlhp_ray.telemetry.metrics import MetricsLine, MetricsLog
from rlhp_ray.telemetry.plot import learning_curve
from rlhp_ray.telemetry.progress import Progress
from rlhp_ray.telemetry.registry import METRICS
from rlhp_ray.telemetry.wandb_log import WandbLog

__all__ = [
    "METRICS",
    "Beat",
    "Console",
    "Health",
    "Heartbeat",
    "Incident",
    "Incidents",
    "Metric",
    "MetricsLine",
    "MetricsLog",
    "Process",
    "Progress",
    "State",
    "UndeclaredMetricError",
    "WandbLog",
    "commit",
    "health",
    "learning_curve",
    "manifest",
    "memory_bytes",
    "metric",
    "read_beat",
    "read_incidents",
]
