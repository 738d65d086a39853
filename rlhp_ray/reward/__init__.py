"""The reward predictor: the ensemble, its loss, its training, its versions."""

from rlhp_ray.reward.ensemble import Architecture, Ensemble, MemberLinear, make_ensemble
from rlhp_ray.reward.inputs import StepInputs
from rlhp_ray.reward.loss import preference_loss
from rlhp_ray.reward.published import PublishedEnsemble
from rlhp_ray.reward.trainer import RewardTrainer
from rlhp_ray.reward.trainer_report import TrainerReport
from rlhp_ray.reward.versions import PublishedVersions

__all__ = [
    "Architecture",
    "Ensemble",
    "MemberLinear",
    "PublishedEnsemble",
    "PublishedVersions",
    "RewardTrainer",
    "StepInputs",
    "TrainerReport",
    "make_ensemble",
    "preference_loss",
]
