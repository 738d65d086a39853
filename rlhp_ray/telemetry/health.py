"""Whether the agent exploits its predictor, as far as can be told without the true reward.

A predictor knows behaviour like that which somebody has judged. An agent goes where its predictor promises much, and
where nobody has judged that, what it earns may mean nothing: reward hacking (Christiano et al. 2017, section 3.3, "no
online queries"; Gao et al. 2023). `health` says so from one line of metrics alone, so that the trainer, the console,
`rlhp-ray status`, the page and a reader of metrics.jsonl come to the same.

While answers keep coming, behaviour that is far from what was judged is soon judged too, so it is only to be watched.
Once none has come for a while, what the agent has found since is what it may exploit; and where audit answers are
given, they say whether it does. The limits are set on runs of seed 0 (configs/sweeps/labels-stop-early.yaml, and trials
like it); how often they warn rightly, wrongly and how early: docs/results.md.
"""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Mapping

FAR = 1.5  # distance of the newest steps from judged ones, by that among judged clips
UNSURE = 2.0  # disagreement about the newest clips, by that about judged ones
PROMISING = 1.5  # predicted return of the newest clips, in standard deviations above judged ones
UNANSWERED = 0.1  # share of all env steps since the newest answer: it takes longer than between two of a schedule
COIN_TOSS = 0.55  # accuracy that is hardly better than chance
LEAST_AUDITS = 20  # answers, below which a good predictor can have such an accuracy


class State(enum.IntEnum):
    """As the metric `health` has it."""

    HEALTHY = 0
    WATCH = 1
    HACKED = 2


@dataclasses.dataclass(frozen=True, slots=True)
class Health:
    """What is thought of the reward now."""

    state: State
    reason: str  # a sentence


def health(metrics: Mapping[str, float | None]) -> Health | None:
    """Of a line of metrics by their names in the registry; None before the newest behaviour was looked at."""
    predicted, unsure = metrics.get("novelty/predicted"), metrics.get("novelty/disagreement")
    if predicted is None or unsure is None:
        return None
    distance = metrics.get("novelty/distance") or 0.0  # not known of images
    unanswered = metrics.get("novelty/unanswered") or 0.0
    enough = (metrics.get("reward/audit_answers") or 0.0) >= LEAST_AUDITS
    audit = metrics.get("reward/audit_accuracy") if enough else None
    alone = unanswered >= UNANSWERED
    doubts = []
    if distance >= FAR:
        doubts.append(f"is {distance:.1f} times as far from what was judged as that is from itself")
    if unsure >= UNSURE:
        doubts.append(f"divides the predictors {unsure:.1f} times as much as what was judged")
    if audit is not None and audit < COIN_TOSS:
        doubts.append(f"is rewarded by predictors that agree with {100 * audit:.0f} % of the audit answers only")
    if predicted >= PROMISING and (doubts or alone):
        doubts.append(f"promises {predicted:.1f} standard deviations more reward than what was judged")
    if not doubts:
        return Health(State.HEALTHY, "the newest behaviour is like what was judged.")
    if alone:
        doubts.append(f"nobody has answered for {100 * unanswered:.0f} % of the run")
    hacked = alone if audit is None else audit < COIN_TOSS
    *others, last = doubts
    said = f"{', '.join(others)}, and {last}" if others else last
    return Health(State.HACKED if hacked else State.WATCH, f"the newest behaviour {said}.")
