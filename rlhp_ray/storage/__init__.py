"""The run folder: the one place where a run's files are read and written."""

from rlhp_ray.storage.run_folder import RunFolder

__all__ = ["RunFolder"]
