"""What a run keeps account of: counters that a checkpoint holds, and its figures at the end."""

from __future__ import annotations

import dataclasses
from typing import Any

from rlhp_ray.experiment.latency import AnswerLatency
from rlhp_ray.preferences import AnswerCounts


@dataclasses.dataclass
class Counters:
    """Counts over the whole life of a run, its resumed parts included."""

    first_env_steps: int = 0  # taken by the untrained policy, before the first update
    wall_seconds: float = 0.0  # from start to end of the training command
    train_seconds: float = 0.0  # from the first update to the end of training
    held_seconds: float = 0.0  # of them, waiting for labels
    runner_seconds: float = 0.0  # of EnvRunners
    predict_seconds: float = 0.0  # of them, waiting for the predictor
    reward_versions: int = 0  # the newest published
    reward_version_lag: int = 0  # of the newest fragment
    policy_version: int = 0  # updates so far
    policy_version_lag: int = 0  # of the newest fragment

    @property
    def predict_share(self) -> float | None:
        """Of the EnvRunners' time, waiting for the predictor; None before the first fragment."""
        return self.predict_seconds / self.runner_seconds if self.runner_seconds else None

    def as_dict(self) -> dict[str, Any]:
        """For a checkpoint."""
        return dataclasses.asdict(self)


@dataclasses.dataclass(frozen=True)
class Account:
    """The figures of a run at its end."""

    env_steps: int  # that the learner trained on
    counts: AnswerCounts
    counters: Counters
    latency: AnswerLatency
    fresh_accuracy: float | None
    audit_accuracy: float | None

    def as_summary(self, clip_steps: int) -> dict[str, Any]:
        """The fields of summary.json that come from the training."""
        counts, counters = self.counts, self.counters
        taken = self.env_steps + counters.first_env_steps
        shown = 2 * clip_steps * (counts.labels + counts.cant_tell)
        return {
            "env_steps": self.env_steps,
            "first_env_steps": counters.first_env_steps,
            "labels": counts.labels,
            "answers": {name: getattr(counts, name) for name in ("left", "right", "equal", "cant_tell", "undone")},
            "answers_by_teacher": counts.by_teacher,
            "seen_fraction": shown / taken if taken else 0.0,
            "reward_versions": counters.reward_versions,
            "reward_accuracy_fresh": {"new_answers": self.fresh_accuracy, "audit": self.audit_accuracy},
            "wall_seconds": counters.wall_seconds,
            "env_steps_per_second": self.env_steps / counters.train_seconds if counters.train_seconds else None,
            "held_seconds": counters.held_seconds,
            "predict_share": counters.predict_share,
            "answer_to_reward_seconds_p50": self.latency.quantile(0.5),
            "answer_to_reward_seconds_p99": self.latency.quantile(0.99),
        }
