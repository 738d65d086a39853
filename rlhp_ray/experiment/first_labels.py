"""Before RL begins: the untrained policy's behaviour, the first labels, the first predictor.

Christiano et al. 2017, section 2.2 and appendix A: a share of the labels is asked of the untrained policy. It stands
between the experiment, whose first act it is, and the loops beside the agent's.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from rlhp_ray.actors import result
from rlhp_ray.agent.algorithm import FragmentAlgorithm
from rlhp_ray.agent.off_policy import OffPolicyAlgorithm
from rlhp_ray.config.schema import Config
from rlhp_ray.errors import UserError
from rlhp_ray.experiment.account import Counters
from rlhp_ray.experiment.candidates import SEGMENTS_PER_QUERY, Candidates
from rlhp_ray.experiment.conductor import Conductor
from rlhp_ray.experiment.interrupt import Interrupt
from rlhp_ray.experiment.parts import Parts
from rlhp_ray.experiment.recorder import Recorder
from rlhp_ray.experiment.silence import Progress
from rlhp_ray.queries import first_labels


class FirstLabels:
    """Of one run; a resumed one that has them trains on them, or brings its predictor back."""

    def __init__(
        self,
        config: Config,
        *,
        parts: Parts,
        candidates: Candidates,
        conductor: Conductor,
        counters: Counters,
        recorder: Recorder,
        progress: Progress,
    ) -> None:
        self._config, self._parts, self._candidates = config, parts, candidates
        self._conductor, self._counters = conductor, counters
        self._recorder, self._progress = recorder, progress

    def gather(self, agent: FragmentAlgorithm, interrupt: Interrupt, *, report_if_due: Callable[[], None]) -> None:
        """Roll the untrained policy out, have its clips compared, train the first predictor; start the loops.

        UserError where no clip fits into an episode, or the teacher gives no label at all.
        """
        conductor, standing = self._conductor, self._conductor.standing
        standing.env_steps = agent.env_steps
        wanted = max(1, first_labels(self._config.queries, self._config.budget))
        standing.counts = result(self._parts.collector.counts.remote())
        if self._parts.clips:  # people needn't wait until all of the behaviour is there
            conductor.start()
        if standing.counts.labels < wanted:
            self._pretrain(agent, interrupt)
            self._collect(agent, wanted - standing.counts.labels, interrupt)
            self._recorder.say("asking for the first labels")
        if self._config.run.mode != "lockstep":
            conductor.start()
        while standing.counts.labels < wanted and not standing.no_more_labels and not interrupt.received:
            conductor.wait()
            if not standing.counts.open:  # where the segment store died, nothing is left to ask about
                self._collect(agent, wanted - standing.counts.labels, interrupt)
            report_if_due()
        if interrupt.received:
            return
        if standing.counts.labels == 0:
            raise UserError(
                "The teacher gave no label at all, so there is nothing to learn from; check teacher.kind, and "
                "teacher.cant_tell_below where it is set."
            )
        self._recorder.say("training the first reward predictor")
        conductor.first_training()

    def _pretrain(self, agent: FragmentAlgorithm, interrupt: Interrupt) -> None:
        """Have the agent see as many different states as it can, where the config says so."""
        if not isinstance(agent, OffPolicyAlgorithm) or not self._config.agent.pretraining_env_steps:
            return
        self._recorder.say("exploring, before anybody is asked")
        while self._counters.first_env_steps < self._config.agent.pretraining_env_steps and not interrupt.received:
            self._progress.turned(time.monotonic())
            self._counters.first_env_steps += sum(map(len, agent.pretrain()))
        self._progress.paused()

    def _collect(self, agent: FragmentAlgorithm, queries: int, interrupt: Interrupt) -> None:
        """Have candidates for so many queries; UserError where the pool can't hold what they need."""
        held = self._candidates.fill(agent, queries, interrupt)
        if math.comb(held, 2) < SEGMENTS_PER_QUERY * queries and not interrupt.received:
            raise UserError(
                f"The pool holds {held} clips, too few for {queries} first queries; raise segments.pool_segments or "
                "segments.pool_bytes, or lower queries.initial_fraction."
            )
