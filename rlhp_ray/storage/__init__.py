"""The run folder: the one place where a run's files are read and written."""

from rlhp_ray.storage.address import below
from rlhp_ray.storage.run_folder import RunFolder
from rlhp_ray.storage.waiting import waiting_for, waits_for

__all__ = ["RunFolder", "below", "waiting_for", "waits_for"]
