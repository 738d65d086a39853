"""The reward predictor itself: the ensemble, what it sees of a step, and its published form.

Nothing here needs what a run needs; `versions`, which keeps the published ones in a run's folder, is imported by name.
"""

from rlhp_ray.predictor.ensemble import Architecture, Ensemble, MemberLinear, make_ensemble
from rlhp_ray.predictor.inputs import StepInputs
from rlhp_ray.predictor.published import PublishedEnsemble

__all__ = [
    "Architecture",
    "Ensemble",
    "MemberLinear",
    "PublishedEnsemble",
    "StepInputs",
    "make_ensemble",
]
