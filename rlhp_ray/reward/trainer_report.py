"""What the reward trainer tells of itself after a step, and its metrics."""

from __future__ import annotations

import dataclasses

from rlhp_ray.reward.judge import Novelty

_METRICS = (
    "fresh_accuracy",
    "audit_accuracy",
    "audit_answers",
    "disagreement",
    "train_loss",
    "validation_loss",
    "labels_processed",
    "labels_trained",
)


@dataclasses.dataclass(frozen=True, slots=True)
class TrainerReport:
    """Where the reward trainer stands after a step."""

    version: int  # the newest published, 0 before the first
    published: bytes | None  # payload to broadcast, where this call has one
    labels_trained: int  # labels in force (and in the window) that were trained on at least once
    labels_covered: int  # labels in force, of this window or before it, but for new ones that weren't trained on yet
    env_steps_behind: float  # env steps whose share of training is still to be done
    labels_processed: int  # labels in all minibatches so far
    train_loss: float | None  # mean of the members, without l2; None before it was measured
    validation_loss: float | None  # mean of the members, each on what it holds out
    l2: tuple[float, ...]  # coefficient of each member
    fresh_accuracy: float | None  # on the last 100 new answers, each before it was trained on; ties left out
    audit_accuracy: float | None  # on the audit answers, by the newest version; ties left out
    audit_answers: int  # so many, ties left out
    disagreement: float | None  # mean of the members' standard deviation on the last 100 new answers, since a restart
    more_labels: int  # than the schedule wants, asked for while the reward was hacked
    novelty: Novelty | None  # of the newest behaviour; None before it was looked at
    unanswered: float  # share of all env steps since the newest answer that trains
    answered_at: list[float]  # unix seconds of the answers that the version published here is the first to cover
    idle: bool  # there was nothing to train on

    def metrics(self) -> dict[str, float | None]:
        """By their names in the registry."""
        novelty = dataclasses.asdict(self.novelty) if self.novelty else {}
        return {
            "reward/l2": sum(self.l2) / len(self.l2),
            **{f"reward/{name}": getattr(self, name) for name in _METRICS},
            **{f"novelty/{name}": value for name, value in novelty.items()},
            "novelty/unanswered": self.unanswered,
        }
