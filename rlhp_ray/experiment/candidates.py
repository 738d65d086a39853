"""Behaviour to ask about where the agent's own steps bring none: before RL begins, and once its env steps are taken.

The pool of candidates is lost with the segment store's process, and isn't there when a run is resumed.
"""

from __future__ import annotations

import time

from rlhp_ray.actors import result
from rlhp_ray.agent.algorithm import FragmentAlgorithm
from rlhp_ray.config.schema import Config
from rlhp_ray.errors import UserError
from rlhp_ray.experiment.account import Counters
from rlhp_ray.experiment.interrupt import Interrupt
from rlhp_ray.experiment.parts import Parts
from rlhp_ray.experiment.recorder import Recorder
from rlhp_ray.experiment.silence import Progress
from rlhp_ray.segments import SegmentStats
from rlhp_ray.tasks import Task

SEGMENTS_PER_QUERY = 2
FIRST_CLIP_ENV_STEPS = 20_000  # without a single clip by then, clips are longer than episodes


class Candidates:
    """Of one run: filled up by rollouts that nothing is learned from."""

    def __init__(
        self, config: Config, task: Task, *, parts: Parts, counters: Counters, recorder: Recorder, progress: Progress
    ) -> None:
        self._config, self._task, self._parts = config, task, parts
        self._counters, self._recorder, self._progress = counters, recorder, progress

    def fill(self, agent: FragmentAlgorithm, queries: int, interrupt: Interrupt) -> int:
        """Roll the policy out until there are candidates for so many queries, or as many as are held; their number.

        UserError where no clip fits into an episode.
        """
        begun = self._counters.first_env_steps
        while not self._enough(pool := self._pool(), queries) and not interrupt.received:
            taken = self._counters.first_env_steps - begun
            if not taken:
                self._recorder.say("collecting behaviour to ask about")
            if not pool.candidates and taken > FIRST_CLIP_ENV_STEPS:
                raise UserError(
                    f"No clip of {self._task.clip_steps} steps fitted into an episode of {self._config.task} in "
                    f"{taken:,} env steps, since its episodes end sooner; set segments.clip_steps lower."
                )
            self._progress.turned(time.monotonic())
            self._counters.first_env_steps += sum(map(len, agent.collect(learned=False)))
        self._progress.paused()
        return pool.candidates

    def _enough(self, pool: SegmentStats, queries: int) -> bool:
        return pool.candidates >= SEGMENTS_PER_QUERY * queries or pool.dropped > 0  # then it is full

    def _pool(self) -> SegmentStats:
        stats: SegmentStats = result(self._parts.store.stats.remote())
        return stats
