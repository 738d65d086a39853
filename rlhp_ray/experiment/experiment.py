"""A run: first rollouts, first labels, then agent, teacher and reward trainer in parallel.

Christiano et al. 2017, section 2.2.

The command line drives it; sweeps and jobs do likewise. The run's folder is the truth: whatever dies, `resume` goes on
from there.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

import ray
from ray.exceptions import RayError

from rlhp_ray.actors import result
from rlhp_ray.agent.algorithm import FragmentAlgorithm, Update
from rlhp_ray.config.schema import Config
from rlhp_ray.errors import AgentLostError, ClusterError, RlhpRayError, Stopped, UserError
from rlhp_ray.experiment import checkpoint
from rlhp_ray.experiment.account import Account, Counters
from rlhp_ray.experiment.cluster import connect, remove_processes, run_key
from rlhp_ray.experiment.cluster_figures import ClusterFigures
from rlhp_ray.experiment.conductor import Conductor, Standing
from rlhp_ray.experiment.interrupt import Interrupt
from rlhp_ray.experiment.latency import AnswerLatency
from rlhp_ray.experiment.parts import Parts, build_agent, build_parts
from rlhp_ray.experiment.profiling import profiled
from rlhp_ray.experiment.recorder import Recorder
from rlhp_ray.experiment.silence import Limits, Progress
from rlhp_ray.experiment.watch import Watch
from rlhp_ray.queries import first_labels
from rlhp_ray.reward import TrainerReport
from rlhp_ray.segments import SegmentStats
from rlhp_ray.serving import broadcast
from rlhp_ray.storage import RunFolder
from rlhp_ray.tasks import Task, load_task

WAIT_SECONDS = 0.02  # between two looks while the agent waits for labels
SEGMENTS_PER_FIRST_QUERY = 2
MAX_REBUILDS = 3  # of a lost agent, without a checkpoint in between
FIRST_CLIP_ENV_STEPS = 20_000  # without a single clip by then, clips are longer than episodes


class Experiment:
    """One run, or the rest of one."""

    def __init__(self, config: Config, folder: RunFolder, *, recorder: Recorder) -> None:
        """`folder`: taken over by this driver; RlhpRayError where its newest checkpoint is damaged."""
        self._config = config
        self._folder = folder
        self._epoch = folder.epoch or 0
        self._recorder = recorder
        self._run_key = run_key(config.run.name, folder.address)  # in the names of its processes, of any driver
        self._key = f"{self._run_key}-e{self._epoch}"  # of this driver
        self._task: Task = load_task(config.task, config.segments.clip_steps)
        self._counters = Counters()
        self._begun, self._wall_before = time.monotonic(), 0.0
        self._latency = AnswerLatency()
        self._loaded = checkpoint.load_newest(folder)  # before anything is started: it may be corrupt
        self._true_standing = Standing()  # of a run on the true reward, that has no loops beside the agent's
        self._conductor: Conductor | None = None
        self._agent: FragmentAlgorithm | None = None
        self._limits = Limits(config.ray.silent_seconds, config.ray.restart_seconds)
        self._progress = Progress(self._limits, recorder.note)  # of the loop here
        self._watch: Watch | None = None
        self._rebuilds = 0  # of the agent, by this driver
        self._rebuilds_in_a_row = 0  # without a checkpoint in between

    @property
    def _lockstep(self) -> bool:
        return self._config.run.mode == "lockstep"

    @property
    def _standing(self) -> Standing:
        return self._conductor.standing if self._conductor else self._true_standing

    def run(self) -> Account:
        """Train to the end of the budgets; raises Stopped where it was told to stop before."""
        with self._explained(), self._cluster() as (agent, parts), Interrupt() as interrupt:
            self._restore(agent)
            if parts is not None:
                self._first_labels(agent, parts, interrupt)
            with self._profiled():
                agent = self._train(agent, parts, interrupt)
            if self._conductor is not None:
                self._conductor.stop()
            self._checkpoint(agent)
            self._report(agent)
            if interrupt.received and not self._done(agent):
                raise Stopped(
                    f"Stopped after {agent.env_steps:,} env steps with a checkpoint; "
                    f"go on with `rlhp-ray resume {self._folder.address}`."
                )
            trainer = self._standing.trainer
            return Account(
                env_steps=agent.env_steps,
                counts=self._standing.counts,
                counters=self._counters,
                latency=self._latency,
                fresh_accuracy=trainer.fresh_accuracy if trainer else None,
                audit_accuracy=trainer.audit_accuracy if trainer else None,
            )

    # Building and taking down ---------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _cluster(self) -> Iterator[tuple[FragmentAlgorithm, Parts | None]]:
        """Everything of the run on the cluster, and nothing of it afterwards."""
        self._recorder.say("starting Ray")
        connect(self._config.ray)
        parts = None
        try:
            remove_processes(self._run_key, up_to_epoch=self._epoch)
            if self._config.reward.source == "learned":
                self._recorder.say("starting the reward predictor")
                parts = build_parts(self._config, self._task, self._folder, self._key)
                self._say_pool_bytes(parts)
                self._conductor = Conductor(
                    questioner=parts.questioner,
                    teachers=parts.teachers,
                    collector=parts.collector,
                    trainer=parts.trainer,
                    broadcast=lambda payload: broadcast(parts.app, payload),
                    published=self._published,
                )
            self._start_watch(parts)
            self._recorder.say("starting the environments")
            agent = self._build_agent(parts)
            self._recorder.connected(ClusterFigures(self._key, parts.store if parts else None))
            yield agent, parts
        finally:
            if self._conductor is not None:
                self._conductor.stop()
            self._stop_agent()
            if self._watch is not None:
                self._watch.stop()
            try:
                remove_processes(self._run_key, up_to_epoch=self._epoch)
            finally:
                ray.shutdown()

    def _build_agent(self, parts: Parts | None) -> FragmentAlgorithm:
        # One that is built again takes other random numbers, as in a resumed run.
        epoch = self._epoch + 1_000_000 * self._rebuilds
        self._agent = build_agent(self._config, self._task, parts, epoch=epoch)
        if self._watch is not None:
            self._watch.follow(self._agent)
        return self._agent

    def _stop_agent(self) -> None:
        if self._agent is not None:
            with contextlib.suppress(Exception):  # RLlib stumbles over learners and runners that died
                self._agent.stop()
            self._agent = None

    def _start_watch(self, parts: Parts | None) -> None:
        actors, app = (parts.watched(), parts.app) if parts else ({}, None)
        self._watch = Watch(actors, app, self._progress, self._limits, self._recorder.note)
        self._watch.start()

    def _profiled(self) -> contextlib.AbstractContextManager[None]:
        if not self._config.profile:
            return contextlib.nullcontext()
        return profiled(self._folder, self._key, self._recorder.note)

    def _say_pool_bytes(self, parts: Parts) -> None:
        wanted = self._config.segments.pool_bytes
        fitting: int = result(parts.store.pool_bytes.remote())
        if fitting < wanted:
            self._recorder.note(
                f"The pool of candidate segments holds at most {fitting:,} bytes, half of its node's object store, "
                f"instead of segments.pool_bytes={wanted:,}; raise ray.object_store_bytes for more."
            )

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        """What Ray raises, in one sentence. Where another driver took over, it removed what is missing here."""
        try:
            yield
        except RlhpRayError:
            self._folder.check_epoch()
            raise
        except RayError as error:
            self._folder.check_epoch()
            raise ClusterError(
                f"Ray lost what the run needs ({str(error).strip().splitlines()[-1].strip()}); look for the cause in "
                f"Ray's logs, and go on with `rlhp-ray resume {self._folder.address}`."
            ) from error

    def _restore(self, agent: FragmentAlgorithm) -> None:
        if self._loaded is None:
            return
        arrays, counters = self._loaded
        self._loaded = None
        agent.go_on(arrays)
        self._counters = Counters(**counters)
        self._wall_before = self._counters.wall_seconds
        self._recorder.say(f"going on from {agent.env_steps:,} env steps")

    # The first labels -------------------------------------------------------------------------------------------------

    def _first_labels(self, agent: FragmentAlgorithm, parts: Parts, interrupt: Interrupt) -> None:
        """Roll the untrained policy out, have its clips compared, train the first predictor."""
        assert self._conductor is not None
        conductor, standing = self._conductor, self._conductor.standing
        standing.env_steps = agent.env_steps
        wanted = max(1, first_labels(self._config.queries, self._config.budget))
        standing.counts = result(parts.collector.counts.remote())
        if standing.counts.labels < wanted:
            self._collect_first(agent, parts, wanted - standing.counts.labels, interrupt)
            self._recorder.say("asking for the first labels")
        if not self._lockstep:
            conductor.start()
        while standing.counts.labels < wanted and not standing.no_more_labels and not interrupt.received:
            self._wait_for_labels()
            self._report_if_due(agent)
        if standing.counts.labels == 0 and not interrupt.received:
            raise UserError(
                "The teacher gave no label at all, so there is nothing to learn from; check teacher.kind, and "
                "teacher.cant_tell_below where it is set."
            )
        if interrupt.received:
            return
        self._recorder.say("training the first reward predictor")
        conductor.first_training()

    def _collect_first(self, agent: FragmentAlgorithm, parts: Parts, queries: int, interrupt: Interrupt) -> None:
        """Roll the untrained policy out until there are candidates for so many queries."""
        self._recorder.say("collecting the first behaviour")
        needed = min(SEGMENTS_PER_FIRST_QUERY * queries, self._config.segments.pool_segments)
        while (found := self._candidates(parts)) < needed and not interrupt.received:
            if not found and self._counters.first_env_steps > FIRST_CLIP_ENV_STEPS:
                raise UserError(
                    f"No clip of {self._task.clip_steps} steps fitted into an episode of {self._config.task} in "
                    f"{self._counters.first_env_steps:,} env steps, since its episodes end sooner; "
                    "set segments.clip_steps lower."
                )
            self._progress.turned(time.monotonic())
            fragments = agent.collect(learned=False)
            self._counters.first_env_steps += sum(map(len, fragments))
        self._progress.paused()

    def _candidates(self, parts: Parts) -> int:
        stats: SegmentStats = result(parts.store.stats.remote())
        return stats.candidates

    def _wait_for_labels(self) -> None:
        assert self._conductor is not None
        if self._lockstep:
            self._conductor.turn()
        else:
            time.sleep(WAIT_SECONDS)  # the conductor's thread does the work
            self._conductor.raise_if_failed()

    # Training ---------------------------------------------------------------------------------------------------------

    def _train(self, agent: FragmentAlgorithm, parts: Parts | None, interrupt: Interrupt) -> FragmentAlgorithm:
        """Train to the end; the agent, which is another one where it was lost in between."""
        self._recorder.say("training")
        begun, trained_before = time.monotonic(), self._counters.train_seconds
        checkpointed = begun
        while not self._done(agent) and not interrupt.received:
            self._progress.turned(time.monotonic())
            try:
                self._turn(agent)
                now = time.monotonic()
                self._counters.train_seconds = trained_before + now - begun
                self._report_if_due(agent)
                if now - checkpointed >= self._config.run.checkpoint_seconds:
                    self._checkpoint(agent)
                    checkpointed = time.monotonic()
            except AgentLostError as error:
                agent = self._rebuild(agent, parts, error)
        self._progress.paused()
        return agent

    def _turn(self, agent: FragmentAlgorithm) -> None:
        """An update, or a wait for labels."""
        if not self._may_step(agent):
            self._wait_for_labels()
            self._counters.held_seconds += WAIT_SECONDS
            return
        agent.train()
        self._learned(agent, agent.last_update)
        if self._conductor is not None:
            self._standing.env_steps = agent.env_steps
            if self._lockstep:
                self._conductor.turn()
            self._conductor.raise_if_failed()

    def _rebuild(self, lost: FragmentAlgorithm, parts: Parts | None, error: AgentLostError) -> FragmentAlgorithm:
        """An agent in place of a lost one, from the last checkpoint; raises the error where it is lost at once."""
        self._rebuilds += 1
        self._rebuilds_in_a_row += 1
        if self._rebuilds_in_a_row > MAX_REBUILDS:
            raise error
        self._stop_agent()
        agent = self._build_agent(parts)
        loaded = checkpoint.load_newest(self._folder)
        if loaded is not None:
            agent.go_on(loaded[0])
        self._standing.env_steps = agent.env_steps
        self._recorder.note(
            f"The agent was lost after {lost.env_steps:,} env steps (a learner or its EnvRunners died) and goes on "
            f"from {agent.env_steps:,}, its last checkpoint's."
        )
        return agent

    def _may_step(self, agent: FragmentAlgorithm) -> bool:
        """Whether the agent has env steps left and isn't held back until an open query is answered."""
        budget = self._config.budget
        if agent.env_steps >= budget.env_steps:
            return False
        limit = budget.max_env_steps_per_label
        if self._conductor is None or limit is None or self._labels_spent() or not self._standing.counts.open:
            return True
        return agent.env_steps < limit * self._standing.counts.labels

    def _done(self, agent: FragmentAlgorithm) -> bool:
        return agent.env_steps >= self._config.budget.env_steps and self._labels_spent()

    def _labels_spent(self) -> bool:
        if self._conductor is None:
            return True
        standing = self._standing
        return standing.counts.labels >= self._config.budget.labels or standing.no_more_labels

    # Keeping account --------------------------------------------------------------------------------------------------

    def _published(self, report: TrainerReport) -> None:
        """Called by the conductor for each version that was published and broadcast."""
        self._latency.published(report.version, report.answered_at)
        self._counters.reward_versions = report.version

    def _learned(self, agent: FragmentAlgorithm, update: Update) -> None:
        counters = self._counters
        for fragment in update.fragments:
            self._latency.rewarded(fragment.reward_version, fragment.rewarded_at)
            counters.sample_seconds += fragment.sample_seconds
            counters.predict_seconds += fragment.predict_seconds
            counters.reward_version_lag = counters.reward_versions - fragment.reward_version
            counters.policy_version = agent.updates
            counters.policy_version_lag = agent.updates - fragment.policy_version
            self._recorder.episodes(fragment.episodes)
        self._recorder.figures(update.figures)

    def _checkpoint(self, agent: FragmentAlgorithm) -> None:
        self._count_wall_seconds()
        checkpoint.save(self._folder, agent.snapshot(), self._counters.as_dict())
        self._rebuilds_in_a_row = 0

    def _report_if_due(self, agent: FragmentAlgorithm) -> None:
        if self._recorder.due():
            self._report(agent)

    def _count_wall_seconds(self) -> None:
        self._counters.wall_seconds = self._wall_before + time.monotonic() - self._begun

    def _report(self, agent: FragmentAlgorithm) -> None:
        self._count_wall_seconds()
        self._recorder.report(agent.env_steps, self._standing, self._counters, self._latency)
