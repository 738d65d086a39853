"""The tables' columns: what each shows of a group of runs, in words."""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Callable, Sequence

from rlhp_ray.report.comparison import Group
from rlhp_ray.report.losses import Fates, fates
from rlhp_ray.report.statistics import LEVEL, Estimate
from rlhp_ray.telemetry.progress import number, percent


@dataclasses.dataclass(frozen=True)
class Column:
    """A figure of each group."""

    name: str
    meaning: str  # a sentence
    cell: Callable[[Group], str]


SMALL_RETURN = 100.0
INTERVAL = (
    f"In brackets: {100 * LEVEL:.0f} % bootstrap interval of the mean over the runs, resampled over seeds. A single "
    "run has none, and of few runs it tells little."
)


def known(columns: Sequence[Column], groups: Sequence[Group]) -> list[Column]:
    """Those of the columns of which anything is known."""
    return [column for column in columns if any(column.cell(group) != "-" for group in groups)]


def plain(found: Estimate | None, digits: int = 0) -> str:
    """`1,234 (1,200 to 1,300)`."""
    if found is None:
        return "-"
    if found.low is None:
        return number(found.mean, digits)
    return f"{number(found.mean, digits)} ({number(found.low, digits)} to {number(found.high, digits)})"


def _return(found: Estimate | None) -> str:
    """With a decimal where it is small."""
    return plain(found, 1 if found is not None and abs(found.mean) < SMALL_RETURN else 0)


def _mean(found: Estimate | None, digits: int = 0) -> str:
    return number(found.mean if found else None, digits)


def _seeds(group: Group) -> str:
    unfinished = sum(run.summary is None for run in group.runs)
    seeds = ", ".join(str(seed) for seed in group.seeds)
    return f"{seeds} ({unfinished} not finished)" if unfinished else seeds


def _success(group: Group) -> str:
    found = group.figure("success")
    return _mean(found, 2)


def _seen(group: Group) -> str:
    found = group.figure("seen_fraction")
    return "-" if found is None or group.is_baseline else f"{100 * found.mean:.1f} %"


def _of_labels(text: Callable[[Group], str]) -> Callable[[Group], str]:
    return lambda group: "-" if group.is_baseline else text(group)


def _of_fates(text: Callable[[Fates], str]) -> Callable[[Group], str]:
    def cell(group: Group) -> str:
        found = None if group.is_baseline else fates(group.runs)
        return "-" if found is None else text(found)

    return cell


def _accuracy(group: Group) -> str:
    found = group.accuracy()
    return percent(found.mean if found else None)


RETURNS: Sequence[Column] = (
    Column("seeds", "Of the runs that are compared.", _seeds),
    Column(
        "true return",
        "Of the policy at the end, by the task's own reward; mean over episodes and runs.",
        lambda group: _return(group.figure("true_return_mean")),
    ),
    Column(
        "normalised score",
        "(return - random policy) / (true-reward agent - random policy).",
        lambda group: plain(group.score(), 2),
    ),
    Column("success", "The task's own measure, where it has one.", _success),
    Column("labels", "Answers that trained the predictor.", _of_labels(lambda group: _mean(group.figure("labels")))),
    Column("steps seen", "Share of all env steps that the teacher was shown.", _seen),
    Column(
        "labels an hour",
        "Over the whole time of a run.",
        _of_labels(lambda group: _mean(group.labels_per_hour())),
    ),
    Column("env steps", "That the agent was trained on.", lambda group: _mean(group.figure("env_steps"))),
    Column(
        "env steps/s",
        "From the first update to the end of training.",
        lambda group: _mean(group.figure("env_steps_per_second")),
    ),
)

EFFICIENCY: Sequence[Column] = (
    Column(
        "labels to 80 %",
        "Given until the mean curve was at 80 % of the way from a random policy to the true-reward agent's end.",
        _of_labels(lambda group: number(group.reached("labels"), 0)),
    ),
    Column("env steps to 80 %", "Taken until then.", lambda group: number(group.reached("env_steps"), 0)),
    Column(
        "accuracy",
        "How often the predictor agreed with an answer before it was trained on it, in the end.",
        _of_labels(_accuracy),
    ),
    Column(
        "versions",
        "Of the predictor, that were published.",
        _of_labels(lambda group: _mean(group.figure("reward_versions"))),
    ),
)

WARNINGS: Sequence[Column] = (
    Column(
        "lost a fifth",
        "Runs whose true return ended a fifth below its best, as seen from a random policy, of all of them.",
        _of_fates(lambda found: f"{len(found.lost)} of {len(found.lost) + len(found.kept)}"),
    ),
    Column(
        "warned before",
        "Of those: the health of the reward was `hacked` before the return was so low for good.",
        _of_fates(lambda found: f"{len(found.ahead)} of {len(found.lost)}" if found.lost else "-"),
    ),
    Column(
        "env steps ahead",
        "From that warning to the loss, the median.",
        _of_fates(lambda found: number(statistics.median(found.ahead), 0) if found.ahead else "-"),
    ),
    Column(
        "warned wrongly",
        "Of the runs that lost nothing: the health was `hacked` at some time.",
        _of_fates(lambda found: f"{found.wrongly} of {len(found.kept)}" if found.kept else "-"),
    ),
)
