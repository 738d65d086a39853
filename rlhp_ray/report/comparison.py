"""The comparison that a report shows: runs grouped by task and condition, and what each group makes."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from rlhp_ray.report.runs import Run
from rlhp_ray.report.statistics import (
    Curve,
    Estimate,
    estimate,
    first_reached,
    mean_curve,
    mean_score,
    normalized_score,
)

MOST = 0.8  # of what the true-reward agent makes: how soon a condition is there tells how efficient its labels are

Score = tuple[Sequence[float], Sequence[float], float]  # returns, the true-reward agent's, a random policy's


@dataclasses.dataclass(frozen=True)
class Group:
    """The runs of a task and a condition, which differ by seed only; or of a condition over several tasks."""

    task: str  # empty: several
    condition: str
    index: int  # of the condition, over all tasks: its colour
    runs: tuple[Run, ...]
    baseline: tuple[Run, ...]  # the finished runs on the true reward that it is measured by
    random_return: float | None  # of a random policy, the mean of what the task's runs measured

    @property
    def is_baseline(self) -> bool:
        """Whether it learned from the true reward itself."""
        return self.runs[0].is_baseline

    @property
    def seeds(self) -> list[int]:
        """Of its runs, in order."""
        return sorted(run.seed for run in self.runs)

    def figure(self, name: str) -> Estimate | None:
        """A number of the summaries over the finished runs that have it."""
        return estimate([value for run in self.runs if (value := run.figure(name)) is not None])

    def labels_per_hour(self) -> Estimate | None:
        """Labels over the whole time that a run took."""
        figures = [(run.figure("labels"), run.figure("wall_seconds")) for run in self.runs]
        return estimate([3600 * labels / seconds for labels, seconds in figures if labels and seconds])

    def accuracy(self) -> Estimate | None:
        """How often the predictor agreed with answers before it was trained on them, in the end."""
        found = [((run.summary or {}).get("reward_accuracy_fresh") or {}).get("new_answers") for run in self.runs]
        return estimate([value for value in found if value is not None])

    def score_parts(self) -> Score | None:
        """What the normalised score is made of; None where something of it is missing."""
        returns = [value for run in self.runs if (value := run.figure("true_return_mean")) is not None]
        baseline = [value for run in self.baseline if (value := run.figure("true_return_mean")) is not None]
        if self.random_return is None or not returns or not baseline:
            return None
        return returns, baseline, self.random_return

    def score(self) -> Estimate | None:
        """(return - random) / (true-reward agent - random); 1 without an interval for the true-reward agent itself."""
        parts = self.score_parts()
        if parts is None:
            return None
        found = normalized_score(*parts)
        return Estimate(1.0, count=len(self.runs)) if found is not None and self.runs[0] in self.baseline else found

    def curve(self, x: str, y: str) -> Curve | None:
        """The mean over its runs of a metric along `env_steps` or `labels`."""
        return mean_curve(self.runs, x, y)

    def reached(self, x: str) -> float | None:
        """Labels or env steps after which the mean curve was at 80 % of the true-reward agent's final return."""
        parts, curve = self.score_parts(), self.curve(x, "true_return")
        if parts is None or curve is None:
            return None
        _, baseline, random = parts
        return first_reached(curve, random + MOST * (float(np.mean(baseline)) - random))


@dataclasses.dataclass(frozen=True)
class Comparison:
    """All groups, by task and then condition, in the order in which the runs were given."""

    runs: tuple[Run, ...]
    groups: tuple[Group, ...]

    @property
    def title(self) -> str:
        """What it compares."""
        return f"{len(self.runs)} run{'s' * (len(self.runs) != 1)} of {', '.join(self.tasks)}"

    @property
    def tasks(self) -> list[str]:
        """Each once."""
        return list(dict.fromkeys(group.task for group in self.groups))

    @property
    def conditions(self) -> list[str]:
        """Each once; a condition's index is its place here."""
        return list(dict.fromkeys(run.condition for run in self.runs))

    def of_task(self, task: str) -> list[Group]:
        """The task's groups."""
        return [group for group in self.groups if group.task == task]

    def over_tasks(self) -> list[Group]:
        """The runs of each condition that is there on several tasks, all of them together; without a measure."""
        found = []
        for index, condition in enumerate(self.conditions):
            groups = [group for group in self.groups if group.condition == condition]
            if len(groups) > 1:
                runs = tuple(run for group in groups for run in group.runs)
                found.append(Group("", condition, index, runs, baseline=(), random_return=None))
        return found

    def scores_over_tasks(self) -> list[tuple[str, int, Estimate]]:
        """For each condition with a score on several tasks: its name, on how many, the mean of the tasks' scores."""
        found = []
        for condition in self.conditions:
            parts = [g.score_parts() for g in self.groups if g.condition == condition and not g.is_baseline]
            known = [one for one in parts if one is not None]
            mean = mean_score(known)
            if len(known) > 1 and mean is not None:
                found.append((condition, len(known), mean))
        return found


def compare(runs: Sequence[Run]) -> Comparison:
    """Group the runs. The measure of a group: the task's runs on the true reward by its algorithm, else by any."""
    conditions = list(dict.fromkeys(run.condition for run in runs))
    grouped: defaultdict[tuple[str, str], list[Run]] = defaultdict(list)
    for run in runs:
        grouped[run.task, run.condition].append(run)
    groups = []
    for task in dict.fromkeys(run.task for run in runs):
        of_task = [run for run in runs if run.task == task]
        measures = [run for run in of_task if run.is_baseline and run.summary is not None]
        random = [value for run in of_task if (value := run.figure("random_return_mean")) is not None]
        for condition in conditions:
            members = grouped.get((task, condition))
            if members:
                by_algorithm = [run for run in measures if run.algorithm == members[0].algorithm]
                groups.append(
                    Group(
                        task,
                        condition,
                        conditions.index(condition),
                        tuple(members),
                        tuple(by_algorithm or measures),
                        float(np.mean(random)) if random else None,
                    )
                )
    return Comparison(tuple(runs), tuple(groups))
