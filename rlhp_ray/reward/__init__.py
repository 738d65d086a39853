"""How the reward predictor learns: the loss, the labels it is trained on, the trainer."""

from rlhp_ray.reward.loss import preference_loss
from rlhp_ray.reward.trainer import RewardTrainer
from rlhp_ray.reward.trainer_report import TrainerReport

__all__ = ["RewardTrainer", "TrainerReport", "preference_loss"]
