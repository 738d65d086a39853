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

from rlhp_ray.agent.algorithm import FragmentAlgorithm, Update
from rlhp_ray.config.schema import Config
from rlhp_ray.errors import AgentLostError, Stopped
from rlhp_ray.experiment import checkpoint
from rlhp_ray.experiment.account import Account, Counters
from rlhp_ray.experiment.agent_keeper import AgentKeeper
from rlhp_ray.experiment.candidates import Candidates
from rlhp_ray.experiment.cluster import connect, explained, remove_processes, run_key
from rlhp_ray.experiment.cluster_figures import ClusterFigures
from rlhp_ray.experiment.conductor import WAIT_SECONDS, Conductor, Standing
from rlhp_ray.experiment.first_labels import FirstLabels
from rlhp_ray.experiment.interrupt import Interrupt
from rlhp_ray.experiment.latency import AnswerLatency
from rlhp_ray.experiment.pace import labels_spent, may_step, why_held
from rlhp_ray.experiment.parts import Parts, build_agent, build_parts
from rlhp_ray.experiment.placement import fit
from rlhp_ray.experiment.profiling import profiled
from rlhp_ray.experiment.recorder import Recorder
from rlhp_ray.experiment.silence import Limits, Progress
from rlhp_ray.experiment.watch import Watch
from rlhp_ray.labeling.page import FAREWELL_SECONDS, page_link
from rlhp_ray.reward import TrainerReport
from rlhp_ray.serving import broadcast
from rlhp_ray.storage import RunFolder
from rlhp_ray.tasks import Task, load_task

LAST_QUERIES = 50  # that there are candidates for, once the agent brings none any more


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
        self._candidates: Candidates | None = None  # of a run that learns its rewards
        self._keeper: AgentKeeper | None = None  # of the agent, once the cluster is known
        self._limits = Limits(config.ray.silent_seconds, config.ray.restart_seconds)
        self._progress = Progress(self._limits, recorder.note)  # of the loop here
        self._watch: Watch | None = None

    @property
    def _lockstep(self) -> bool:
        return self._config.run.mode == "lockstep"

    @property
    def _standing(self) -> Standing:
        return self._conductor.standing if self._conductor else self._true_standing

    def run(self) -> Account:
        """Train to the end of the budgets; raises Stopped where it was told to stop before."""
        with (
            explained(self._folder),
            self._cluster() as joined,
            Interrupt() as interrupt,  # not before: Ray's own handlers would take its place
            self._built(joined=joined) as (agent, parts),
        ):
            self._restore(agent)
            if parts is not None and self._conductor is not None:
                self._candidates = Candidates(
                    self._config,
                    self._task,
                    parts=parts,
                    counters=self._counters,
                    recorder=self._recorder,
                    progress=self._progress,
                )
                FirstLabels(
                    self._config,
                    parts=parts,
                    candidates=self._candidates,
                    conductor=self._conductor,
                    counters=self._counters,
                    recorder=self._recorder,
                    progress=self._progress,
                ).gather(agent, interrupt, report_if_due=lambda: self._report_if_due(agent))
            with self._profiled():
                agent = self._train(agent, interrupt)
            if self._conductor is not None:
                self._conductor.stop()
            self._checkpoint()
            self._report(agent)
            if interrupt.received and not self._done(agent):
                raise Stopped(
                    f"Stopped after {agent.env_steps:,} env steps with a checkpoint; "
                    f"go on with `rlhp-ray resume {self._folder.address}`."
                )
            if parts is not None and parts.clips:
                time.sleep(FAREWELL_SECONDS)
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
    def _cluster(self) -> Iterator[bool]:
        """The cluster, without anything of the run; whether others may use it too."""
        self._recorder.say("starting Ray")
        joined = connect(self._config.ray)
        try:
            remove_processes(self._run_key, up_to_epoch=self._epoch)
            yield joined
        finally:
            try:
                remove_processes(self._run_key, up_to_epoch=self._epoch)
            finally:
                ray.shutdown()

    @contextlib.contextmanager
    def _built(self, *, joined: bool) -> Iterator[tuple[FragmentAlgorithm, Parts | None]]:
        """Everything of the run on the cluster; told to stop afterwards."""
        parts = None
        try:
            fitted = fit(self._config, images=self._task.images, joined=joined)
            if joined:
                self._recorder.note(f"On this cluster: {fitted}.")
            if self._config.reward.source == "learned":
                self._recorder.say("starting the reward predictor")
                parts = build_parts(fitted, self._folder, self._run_key)
                if smaller := parts.smaller_pool(self._config.segments.pool_bytes):
                    self._recorder.note(smaller)
                if parts.clips:
                    ask = f"`rlhp-ray label {self._folder.address}` prints the link to teach it."
                    self._recorder.whisper(f"Teach it here: {page_link(self._folder)}", ask)
                self._conductor = Conductor(
                    questioner=parts.questioner,
                    teachers=parts.teachers,
                    collector=parts.collector,
                    trainer=parts.trainer,
                    broadcast=lambda payload: broadcast(parts.app, payload),
                    published=self._published,
                    clips=parts.clips,
                    note=self._recorder.note,
                )
            self._watch = self._started_watch(parts)
            self._recorder.say("starting the environments")
            self._keeper = AgentKeeper(
                self._folder,
                make=lambda epoch: build_agent(fitted, self._task, parts, epoch=epoch),
                follow=self._watch.follow,
                note=self._recorder.note,
            )
            agent = self._keeper.build()
            self._recorder.connected(ClusterFigures(self._key, parts.store if parts else None, epoch=self._epoch))
            yield agent, parts
        finally:
            if self._conductor is not None:
                self._conductor.stop()
            if self._keeper is not None:
                self._keeper.stop()
            if self._watch is not None:
                self._watch.stop()

    def _started_watch(self, parts: Parts | None) -> Watch:
        actors, app = (parts.watched(), parts.app) if parts else ({}, None)
        watch = Watch(actors, app, self._progress, self._limits, self._recorder.note)
        watch.start()
        return watch

    def _profiled(self) -> contextlib.AbstractContextManager[None]:
        if not self._config.profile:
            return contextlib.nullcontext()
        return profiled(self._folder, self._key, self._recorder.note)

    def _restore(self, agent: FragmentAlgorithm) -> None:
        if self._loaded is None:
            if self._epoch > 1:
                self._recorder.say("going on from 0 env steps: no checkpoint was written before")
            return
        arrays, counters = self._loaded
        self._loaded = None
        agent.go_on(arrays)
        self._counters = Counters(**counters)
        self._wall_before = self._counters.wall_seconds
        self._recorder.say(f"going on from {agent.env_steps:,} env steps")

    # Training ---------------------------------------------------------------------------------------------------------

    def _train(self, agent: FragmentAlgorithm, interrupt: Interrupt) -> FragmentAlgorithm:
        """Train to the end; the agent, which is another one where it was lost in between."""
        self._recorder.say("training")
        begun, trained_before = time.monotonic(), self._counters.train_seconds
        checkpointed = begun
        while not self._done(agent) and not interrupt.received:
            self._progress.turned(time.monotonic())
            try:
                self._turn(agent, interrupt)
                now = time.monotonic()
                self._counters.train_seconds = trained_before + now - begun
                self._report_if_due(agent)
                if now - checkpointed >= self._config.run.checkpoint_seconds:
                    self._checkpoint()
                    checkpointed = time.monotonic()
            except AgentLostError as error:
                assert self._keeper is not None
                agent = self._keeper.in_place_of(agent, error)
                self._standing.env_steps = agent.env_steps
        self._progress.paused()
        return agent

    def _turn(self, agent: FragmentAlgorithm, interrupt: Interrupt) -> None:
        """An update, or a wait for labels."""
        if self._conductor is not None and not may_step(self._config.budget, self._standing, agent.env_steps):
            if not self._counters.held_seconds:
                self._recorder.note(why_held(self._config.budget, agent.env_steps))
            self._conductor.wait()
            self._counters.held_seconds += WAIT_SECONDS
            if self._candidates is not None and not self._standing.counts.open:  # its env steps are taken
                self._candidates.fill(agent, LAST_QUERIES, interrupt)
            return
        agent.train()
        self._learned(agent, agent.last_update)
        if self._conductor is not None:
            self._standing.env_steps = agent.env_steps
            if self._lockstep:
                self._conductor.turn()
            self._conductor.raise_if_failed()

    def _done(self, agent: FragmentAlgorithm) -> bool:
        return agent.env_steps >= self._config.budget.env_steps and (
            self._conductor is None or labels_spent(self._config.budget, self._standing)
        )

    # Keeping account --------------------------------------------------------------------------------------------------

    def _published(self, report: TrainerReport) -> None:
        """Called by the conductor for each version that was published and broadcast."""
        self._latency.published(report.version, report.answered_at)
        self._counters.reward_versions = report.version

    def _learned(self, agent: FragmentAlgorithm, update: Update) -> None:
        counters = self._counters
        for fragment in update.fragments:
            self._latency.rewarded(fragment.reward_version, fragment.rewarded_at)
            counters.runner_seconds += fragment.elapsed_seconds
            counters.predict_seconds += fragment.predict_seconds
            counters.reward_version_lag = counters.reward_versions - fragment.reward_version
            counters.policy_version = agent.updates
            counters.policy_version_lag = agent.updates - fragment.policy_version
            self._recorder.episodes(fragment.episodes)
        self._recorder.figures(update.figures)

    def _checkpoint(self) -> None:
        assert self._keeper is not None
        self._count_wall_seconds()
        self._keeper.save(self._counters.as_dict())

    def _report_if_due(self, agent: FragmentAlgorithm) -> None:
        if self._recorder.due():
            self._report(agent)

    def _count_wall_seconds(self) -> None:
        self._counters.wall_seconds = self._wall_before + time.monotonic() - self._begun

    def _report(self, agent: FragmentAlgorithm) -> None:
        self._count_wall_seconds()
        self._recorder.report(agent.env_steps, self._standing, self._counters, self._latency)
