"""Reports of a reward trainer."""

from __future__ import annotations

from rlhp_ray.reward import TrainerReport
from rlhp_ray.reward.judge import Novelty


def trainer_report(
    labels: int, *, env_steps_behind: float = 0.0, novelty: Novelty | None = None, unanswered: float = 0.01
) -> TrainerReport:
    """Of one that has learned from so many labels."""
    return TrainerReport(
        version=1,
        published=None,
        labels_trained=labels,
        labels_covered=labels,
        env_steps_behind=env_steps_behind,
        labels_processed=labels,
        train_loss=None,
        validation_loss=None,
        l2=(0.0,),
        fresh_accuracy=None,
        audit_accuracy=None,
        audit_answers=0,
        disagreement=None,
        more_labels=7 * labels,
        unanswered=unanswered,
        novelty=novelty,
        answered_at=[],
        idle=True,
    )
