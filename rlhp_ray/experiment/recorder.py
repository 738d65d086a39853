"""Writes what a run does, at an interval: a line of metrics.jsonl, the console, W&B."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable

import numpy as np

from rlhp_ray.config.schema import Config
from rlhp_ray.experiment.account import Counters
from rlhp_ray.experiment.conductor import Standing
from rlhp_ray.experiment.latency import AnswerLatency
from rlhp_ray.rollouts.fragment import Episode
from rlhp_ray.storage import RunFolder
from rlhp_ray.telemetry import Console, MetricsLog, Progress, WandbLog

EPISODES_SHOWN = 20  # the true return shown is the mean over so many of the newest episodes


class Recorder:
    """Writes a line of metrics at an interval, to the run's folder, the console and W&B."""

    def __init__(self, config: Config, folder: RunFolder, console: Console, wandb: WandbLog) -> None:
        self._config = config
        self._console = console
        self._wandb = wandb
        self._log = MetricsLog(folder)
        self._begun = time.monotonic()
        self._due = 0.0
        self._speed = (time.monotonic(), 0)  # when and at how many env steps the last line was written
        self._true: deque[float] = deque(maxlen=EPISODES_SHOWN)
        self._predicted: deque[float] = deque(maxlen=EPISODES_SHOWN)
        self._figures: dict[str, float] = {}
        self._activity = ""

    def say(self, activity: str) -> None:
        """What happens now."""
        self._activity = activity
        self._console.say(activity)

    def episodes(self, episodes: Iterable[Episode]) -> None:
        """Episodes that ended."""
        for episode in episodes:
            self._true.append(episode.true_return)
            self._predicted.append(episode.predicted_return)

    def figures(self, figures: dict[str, float]) -> None:
        """The newest update's figures."""
        self._figures = figures

    def due(self) -> bool:
        """Whether it is time for a line."""
        return time.monotonic() >= self._due

    def report(self, env_steps: int, standing: Standing, counters: Counters, latency: AnswerLatency) -> None:
        """Write a line."""
        now = time.monotonic()
        before, steps_before = self._speed
        speed = (env_steps - steps_before) / max(now - before, 1e-9) if steps_before else None
        self._speed = (now, env_steps)
        self._due = now + self._config.run.report_seconds
        counts, trainer = standing.counts, standing.trainer
        learned = self._config.reward.source == "learned"
        values: dict[str, float | None] = {
            "wall_seconds": now - self._begun,
            "env_steps_per_second": speed,
            "true_return": _mean(self._true),
            "predicted_return": _mean(self._predicted) if learned else None,
            **{f"ppo/{name}": value for name, value in self._figures.items()},
        }
        if learned:
            values |= {
                "answers/asked": counts.asked,
                "answers/open": counts.open,
                "answers/equal": counts.equal,
                "answers/cant_tell": counts.cant_tell,
                "answer_to_reward_seconds_p50": latency.quantile(0.5),
                "held_seconds": counters.held_seconds,
                "predict_share": counters.predict_seconds / counters.sample_seconds
                if counters.sample_seconds
                else None,
                "reward/version": counters.reward_versions,
                "reward/version_lag": counters.reward_version_lag,
                "policy/version_lag": counters.policy_version_lag,
            }
        if trainer is not None:
            values |= {
                "reward/fresh_accuracy": trainer.fresh_accuracy,
                "reward/audit_accuracy": trainer.audit_accuracy,
                "reward/train_loss": trainer.train_loss,
                "reward/validation_loss": trainer.validation_loss,
                "reward/l2": sum(trainer.l2) / len(trainer.l2),
                "reward/labels_processed": trainer.labels_processed,
            }
        self._log.write(env_steps=env_steps, labels=counts.labels, values=values)
        self._wandb.log(env_steps=env_steps, labels=counts.labels, values=values)
        budget = self._config.budget
        self._console.update(
            Progress(
                activity=self._activity,
                env_steps=env_steps,
                env_steps_budget=budget.env_steps,
                labels=counts.labels,
                labels_budget=budget.labels if learned else 0,
                env_steps_per_second=speed,
                true_return=_mean(self._true),
                predicted_return=_mean(self._predicted) if learned else None,
                fresh_accuracy=trainer.fresh_accuracy if trainer else None,
                reward_version=counters.reward_versions,
            )
        )


def _mean(values: deque[float]) -> float | None:
    return float(np.mean(values)) if values else None
