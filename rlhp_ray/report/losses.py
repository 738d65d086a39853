"""Whether agents lost what they had reached, and whether the health of the reward warned of it before.

The loss is the paper's own failure, an agent that comes to exploit a predictor which nobody teaches any more
(Christiano et al. 2017, section 3.3, "no online queries"). It takes the true return to see it; the warning does not.
The health is what today's limits say of the recorded figures, so that limits can be judged by runs that had others.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from rlhp_ray.report.runs import Column, Run
from rlhp_ray.telemetry import State, health

LOST = 0.2  # of what the best true return was above a random policy's


@dataclasses.dataclass(frozen=True, slots=True)
class Fate:
    """What became of one run."""

    lost_at: float | None  # env steps since which its true return has stayed below; None: it hasn't lost a fifth
    warned_at: float | None  # env steps at which its health was first `hacked`; None: never

    @property
    def steps_ahead(self) -> float | None:
        """Env steps from the warning to the loss; not above zero where the warning came too late, None without both."""
        return None if self.lost_at is None or self.warned_at is None else self.lost_at - self.warned_at


@dataclasses.dataclass(frozen=True, slots=True)
class Fates:
    """Of several runs."""

    lost: tuple[Fate, ...]
    kept: tuple[Fate, ...]

    @property
    def ahead(self) -> list[float]:
        """Env steps from the warning to the loss, of each that was warned before."""
        return [one.steps_ahead for one in self.lost if one.steps_ahead is not None and one.steps_ahead > 0]

    @property
    def wrongly(self) -> int:
        """How many of those that lost nothing were warned."""
        return sum(one.warned_at is not None for one in self.kept)


def fates(runs: Sequence[Run]) -> Fates | None:
    """Of the finished runs that learned from a predictor whose health is known; None without any."""
    found = [one for one in map(fate, runs) if one is not None]
    if not found:
        return None
    return Fates(
        tuple(one for one in found if one.lost_at is not None), tuple(one for one in found if one.lost_at is None)
    )


def fate(run: Run) -> Fate | None:
    """Of one run; None where its health or its true return isn't known.

    What never was above a random policy has nothing to lose.
    """
    random, returns = run.figure("random_return_mean"), _known(run, "true_return")
    if random is None or not returns or not _known(run, "novelty/predicted"):
        return None
    best = max(value for _, value in returns)
    lost_at = None
    for at, value in reversed(returns):  # from its end back to where it last was above
        if best <= random or value > best - LOST * (best - random):
            break
        lost_at = at
    return Fate(lost_at, _warned_at(run))


def _warned_at(run: Run) -> float | None:
    """Env steps at which its health is first `hacked`."""
    names = [name for name in run.curve if name.startswith(("novelty/", "reward/"))]
    for line, at in enumerate(run.curve.get("env_steps", ())):
        seen = health({name: run.curve[name][line] for name in names})
        if seen is not None and seen.state >= State.HACKED:
            return at
    return None


def _known(run: Run, name: str) -> list[tuple[float, float]]:
    steps: Column = run.curve.get("env_steps", ())
    pairs = zip(steps, run.curve.get(name, ()), strict=False)
    return [(at, value) for at, value in pairs if at is not None and value is not None]
