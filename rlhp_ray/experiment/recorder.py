"""Writes what a run does, at an interval: a line of metrics.jsonl, the console, W&B, Ray's metrics page."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping

from rlhp_ray.config.schema import Config
from rlhp_ray.experiment.account import Counters
from rlhp_ray.experiment.cluster_figures import ClusterFigures
from rlhp_ray.experiment.conductor import Standing
from rlhp_ray.experiment.filming import Filming
from rlhp_ray.experiment.latency import AnswerLatency
from rlhp_ray.experiment.prometheus import PrometheusMetrics
from rlhp_ray.experiment.recent import Pace, RecentEpisodes
from rlhp_ray.preferences import AnswerCounts
from rlhp_ray.rollouts.fragment import Episode
from rlhp_ray.storage import RunFolder
from rlhp_ray.telemetry import (
    Console,
    Health,
    Heartbeat,
    Incidents,
    MetricsLog,
    Progress,
    State,
    WandbLog,
    health,
    metric,
)

SPEED_SECONDS, LABELS_SECONDS = 10.0, 60.0  # that paces are taken over

Values = dict[str, float | None]


class Recorder:
    """Writes the registry's metrics at an interval. Made by the driver; `connected` once it is on its cluster."""

    def __init__(
        self, config: Config, folder: RunFolder, console: Console, wandb: WandbLog, heartbeat: Heartbeat
    ) -> None:
        self._config = config
        self._learned = config.reward.source == "learned"
        self._console = console
        self._wandb = wandb
        self._heartbeat = heartbeat
        self._filming = Filming(config, folder, wandb)
        self._log = MetricsLog(folder)
        self._incidents = Incidents(folder.impatient())
        self._cluster: ClusterFigures | None = None
        self._prometheus: PrometheusMetrics | None = None
        self._due = 0.0
        self._speed, self._labels_pace = Pace(SPEED_SECONDS), Pace(LABELS_SECONDS)
        self._episodes = RecentEpisodes()
        self._figures: Mapping[str, float] = {}
        self._health = State.HEALTHY  # of the newest line that tells

    def connected(self, cluster: ClusterFigures) -> None:
        """The run is on its cluster: from now on its figures are told, and Ray's metrics page shows the run."""
        self._cluster = cluster
        self._prometheus = PrometheusMetrics(run=self._config.run.name, task=self._config.task)

    def say(self, activity: str) -> None:
        """What happens now."""
        self._heartbeat.say(activity)
        self._console.say(activity)

    def note(self, sentence: str) -> None:
        """What happened; the run goes on with what it does. `status` tells it too."""
        self._incidents.add(sentence)
        self._console.say(sentence)

    def whisper(self, secret: str, instead: str) -> None:
        """What only who began the run may read, such as a link that lets in; it is written nowhere."""
        self._console.whisper(secret, instead)

    def episodes(self, episodes: Iterable[Episode]) -> None:
        """Episodes that ended."""
        self._episodes.add(episodes)

    def figures(self, figures: Mapping[str, float]) -> None:
        """The newest update's figures."""
        self._figures = figures

    def due(self) -> bool:
        """Whether it is time for a line."""
        return time.monotonic() >= self._due

    def report(self, env_steps: int, standing: Standing, counters: Counters, latency: AnswerLatency) -> None:
        """Write a line. UndeclaredMetricError where a figure isn't in the registry."""
        now = time.monotonic()
        self._due = now + self._config.run.report_seconds
        counts, episodes = standing.counts, self._episodes
        values: Values = {
            "env_steps": env_steps,
            "wall_seconds": counters.wall_seconds,
            "env_steps_per_second": self._speed.add(now, env_steps) if env_steps else None,
            "true_return": episodes.mean("true_return"),
            "episode_steps": episodes.mean("steps"),
            "agent/policy_version": counters.policy_version,
            "agent/policy_version_lag": counters.policy_version_lag,
            **{f"agent/{name}": value for name, value in self._figures.items()},
            **(self._cluster.read() if self._cluster else {}),
        }
        if self._learned:
            pace = self._labels_pace.add(now, counts.labels)
            values |= {
                "labels": counts.labels,
                "labels_per_minute": None if pace is None else 60.0 * pace,
                "predicted_return": episodes.mean("predicted_return"),
                "return_correlation": episodes.correlation(),
                **_of_loops(counters, latency),
                **_of_answers(counts),
                **(standing.agreement.summary() if standing.agreement else {}),
            }
        if standing.trainer is not None:
            values |= standing.trainer.metrics()
            seen = health(values)
            values["health"] = None if seen is None else float(seen.state)
            self._tell_health(seen)
        values["warnings"] = sum(not metric(name).is_healthy(value) for name, value in values.items())  # all declared
        self._log.write(env_steps=env_steps, labels=counts.labels, values=values)
        self._wandb.log(env_steps=env_steps, labels=counts.labels, values=values)
        if self._prometheus is not None:
            self._prometheus.set(values)
        if self._cluster is not None:
            self._incidents.write(self._cluster.processes())
            trouble = self._filming.update(env_steps=env_steps, labels=counts.labels)
            if trouble:
                self._console.say(trouble)
        budget = self._config.budget
        self._console.update(
            Progress(
                activity=self._heartbeat.activity,
                env_steps=env_steps,
                env_steps_budget=budget.env_steps,
                labels=counts.labels,
                labels_budget=budget.labels if self._learned else 0,
                env_steps_per_second=values["env_steps_per_second"],
                true_return=values["true_return"],
                predicted_return=values.get("predicted_return"),
                fresh_accuracy=values.get("reward/fresh_accuracy"),
                reward_version=counters.reward_versions,
                health=self._health.name.lower(),
            )
        )

    def _tell_health(self, seen: Health | None) -> None:
        """In a sentence, where it is another one than before."""
        if seen is not None and seen.state is not self._health:
            self._health = seen.state
            self.note(f"The reward is {seen.state.name.lower()}: {seen.reason}")


def _of_loops(counters: Counters, latency: AnswerLatency) -> Values:
    return {
        "held_seconds": counters.held_seconds,
        "predict_share": counters.predict_share,
        "answer_to_reward_seconds_p50": latency.quantile(0.5),
        "answer_to_reward_seconds_p99": latency.quantile(0.99),
        "reward/version": counters.reward_versions,
        "reward/version_lag": counters.reward_version_lag,
    }


def _of_answers(counts: AnswerCounts) -> Values:
    names = ("asked", "open", "leased", "left", "right", "equal", "cant_tell", "undone", "withdrawn")
    return {f"answers/{name}": getattr(counts, name) for name in names}
