"""What a run tells: metrics, the console, W&B, the learning curve, the manifest. The driver alone writes it."""

from rlhp_ray.telemetry.console import Console
from rlhp_ray.telemetry.manifest import manifest
from rlhp_ray.telemetry.metrics import MetricsLine, MetricsLog
from rlhp_ray.telemetry.plot import learning_curve
from rlhp_ray.telemetry.progress import Progress
from rlhp_ray.telemetry.wandb_log import WandbLog

__all__ = ["Console", "MetricsLine", "MetricsLog", "Progress", "WandbLog", "learning_curve", "manifest"]
