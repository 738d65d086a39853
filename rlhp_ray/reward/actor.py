"""The reward trainer as a Ray actor: a thin shell around RewardTrainer that restarts from the run folder."""

from __future__ import annotations

from typing import Any

import ray
import torch
from ray.actor import ActorHandle

from rlhp_ray.actors import RESTARTING, Watched, keep_freed_memory, proxy
from rlhp_ray.config.schema import RewardPart
from rlhp_ray.predictor.inputs import StepInputs
from rlhp_ray.preferences.collector import Collector
from rlhp_ray.reward.trainer import RewardTrainer
from rlhp_ray.reward.trainer_report import TrainerReport
from rlhp_ray.segments.store import SegmentStore
from rlhp_ray.storage.run_folder import RunFolder
from rlhp_ray.tasks import load_task


@ray.remote(**RESTARTING)
class RewardTrainerActor(Watched):
    """Trains the reward ensemble on the answers and publishes versions. Ray shell around RewardTrainer."""

    def __init__(
        self,
        folder: RunFolder,
        part: RewardPart,
        seed: int,
        *,
        task_name: str,
        collector: ActorHandle[Any],
        store: ActorHandle[Any],
        lockstep: bool,
    ) -> None:
        torch.set_num_threads(1)
        keep_freed_memory()
        task = load_task(task_name)
        self._trainer = RewardTrainer(
            folder,
            part,
            seed,
            inputs=StepInputs.of_spaces(task.observation_space, task.action_space, task.frames_per_observation),
            collector=proxy(collector, Collector),
            store=proxy(store, SegmentStore),
            lockstep=lockstep,
        )

    def __repr__(self) -> str:
        return repr(self._trainer)

    def first_training(self) -> TrainerReport:
        """See RewardTrainer."""
        return self._trainer.first_training()

    def step(self, env_steps: int) -> TrainerReport:
        """See RewardTrainer."""
        return self._trainer.step(env_steps)

    def save(self) -> None:
        """See RewardTrainer."""
        self._trainer.save()
