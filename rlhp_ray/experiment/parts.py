"""The one place that wires everything: a run's actors, its predictor deployment and its agent, from its config."""

from __future__ import annotations

import contextlib
import dataclasses
from typing import Any

from ray.actor import ActorHandle

from rlhp_ray.actors import NAMESPACE, result
from rlhp_ray.agent.algorithm import FragmentAlgorithm
from rlhp_ray.agent.build import Placed, build_algorithm
from rlhp_ray.errors import ClusterError
from rlhp_ray.experiment.placement import Fit
from rlhp_ray.labeling.actor import ClipActor
from rlhp_ray.labeling.page import deploy_page
from rlhp_ray.preferences import Audits
from rlhp_ray.preferences.actor import CollectorActor, TeacherActor
from rlhp_ray.preferences.checks import NO_CHECKS, Checks
from rlhp_ray.queries.actor import QuestionerActor
from rlhp_ray.reward.actor import RewardTrainerActor
from rlhp_ray.rollouts.env_runner import RolloutSettings
from rlhp_ray.segments.actor import SegmentStoreActor
from rlhp_ray.serving import ServedPredictor, deploy, listen
from rlhp_ray.storage import RunFolder
from rlhp_ray.tasks import Task


@dataclasses.dataclass(frozen=True)
class Parts:
    """What a run has on the cluster beside its agent. All of it is named after the run and its epoch."""

    app: str  # the Serve application
    store: ActorHandle[Any]
    collector: ActorHandle[Any]
    teachers: dict[str, ActorHandle[Any]]  # by role
    questioner: ActorHandle[Any]
    trainer: ActorHandle[Any]
    clips: dict[str, ActorHandle[Any]]  # by role; where people teach

    def watched(self) -> dict[str, ActorHandle[Any]]:
        """The actors by what a person calls them."""
        return {
            "segment store": self.store,
            "collector": self.collector,
            **{role.replace("-", " ", 1): actor for role, actor in self.teachers.items()},
            "questioner": self.questioner,
            "reward trainer": self.trainer,
            **{role.replace("-", " "): actor for role, actor in self.clips.items()},
        }

    def smaller_pool(self, wanted: int) -> str | None:
        """What to say where the pool of candidates holds fewer bytes than are wanted."""
        fitting: int = result(self.store.pool_bytes.remote())
        if fitting >= wanted:
            return None
        return (
            f"The pool of candidate segments holds at most {fitting:,} bytes, half of its node's object store, "
            f"instead of segments.pool_bytes={wanted:,}; raise ray.object_store_bytes for more."
        )


def build_parts(fit: Fit, folder: RunFolder, run_key: str) -> Parts:
    """Start the actors and deploy predictor and page; `run_key` and the epoch name them."""
    config, placement = fit.config, fit.placement
    key = f"{run_key}-e{folder.epoch or 0}"

    def start(
        cls: Any, role: str, *args: Any, at: str = "records", num_gpus: float = 0.0, **kwargs: Any
    ) -> ActorHandle[Any]:
        options = {"name": f"{key}-{role}", "namespace": NAMESPACE, "num_gpus": num_gpus}
        handle: ActorHandle[Any] = cls.options(**options, resources=placement.of(at)).remote(*args, **kwargs)
        return handle

    people, page = config.teacher.kind == "human", config.labeling
    listening = page.host, page.port
    with contextlib.nullcontext() if people else contextlib.suppress(ClusterError):
        if people or fit.joined:  # on a cluster of several runs, people may teach a later one
            listening = listen(page.host, page.port)
    deploy(key, folder.address, config.serving, resources=placement.of("predictor"))
    store = start(SegmentStoreActor, "segments", folder, config.segments, config.seed)
    collector = start(
        CollectorActor,
        "collector",
        folder,
        lease_seconds=config.queries.lease_seconds,
        audits=Audits(config.reward.audit_fraction, config.reward.audit_after_env_steps),
        seed=config.seed,
        checks=Checks(page.second_share, page.repeat_share, page.repeat_after) if people else NO_CHECKS,
    )
    teachers = {}
    for one in config.teacher.programs():
        role = f"teacher-{one.signature}" if config.teacher.panel else "teacher"
        colleagues = max(0, len(config.teacher.panel) - 1)
        teachers[role] = start(TeacherActor, role, one, config.seed, collector, store, colleagues=colleagues)
    questioner = start(
        QuestionerActor,
        "questioner",
        config.queries,
        config.budget,
        config.teacher,
        config.seed,
        collector,
        store,
        ServedPredictor(key, config.serving),
    )
    trainer = start(
        RewardTrainerActor,
        "trainer",
        folder,
        config.reward,
        config.seed,
        task_name=config.task,
        collector=collector,
        store=store,
        lockstep=config.run.mode == "lockstep",
        at="trainer",
        num_gpus=config.reward.gpus or 0.0,
    )
    clips = {}
    if people:
        for place in range(page.processes):
            role = f"clips-{place}"
            clip_steps = config.segments.clip_steps
            clips[role] = start(
                ClipActor, role, config.task, clip_steps, page, collector, store, place=place, at="page"
            )
        names = [f"{key}-{role}" for role in clips]
        deploy_page(
            f"{key}-page",
            run_key,
            config,
            folder,
            collector=f"{key}-collector",
            clips=names,
            listening=listening,
            resources=placement.of("page"),
        )
    return Parts(key, store, collector, teachers, questioner, trainer, clips)


def build_agent(fit: Fit, task: Task, parts: Parts | None, *, epoch: int) -> FragmentAlgorithm:
    """The agent and its EnvRunners; without parts it learns from the true reward."""
    config, agent, placement = fit.config, fit.agent, fit.placement
    rollouts = RolloutSettings(
        task=config.task,
        clip_steps=config.segments.clip_steps,
        envs=agent.envs_per_runner,
        fragment_steps=agent.fragment_steps,
        gamma=agent.gamma,
        gae_lambda=None if agent.off_policy else agent.gae_lambda,
        seed=config.seed,
        epoch=epoch,
        offered_fraction=config.segments.offered_fraction,
        lockstep=config.run.mode == "lockstep",
        store=parts.store if parts else None,
        predictor=ServedPredictor(parts.app, config.serving) if parts else None,
    )
    placed = Placed(runners=placement.of("rollouts"), learners=placement.of("learner"))
    return build_algorithm(agent, task, rollouts, env_steps_budget=config.budget.env_steps, placed=placed)
