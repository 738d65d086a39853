"""`rlhp-ray report`: runs compared on one page, from their folders or their results' JSON."""

from rlhp_ray.report.report import write_report

__all__ = ["write_report"]
