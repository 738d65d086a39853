"""Videos while a run trains: the newest checkpoint's policy, filmed by a process beside the run, so nobody waits."""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
import tempfile
import time
from typing import Any

import numpy as np
import ray
from ray.actor import ActorHandle
from ray.exceptions import RayError

from rlhp_ray.agent.snapshot import policy_from
from rlhp_ray.config.schema import Config
from rlhp_ray.experiment.checkpoint import load_newest
from rlhp_ray.experiment.evaluate import VIDEO_SECONDS, Evaluation, evaluate, film, learned_policy
from rlhp_ray.predictor import PublishedEnsemble
from rlhp_ray.predictor.versions import PublishedVersions
from rlhp_ray.storage import RunFolder
from rlhp_ray.tasks import Task, load_task
from rlhp_ray.telemetry import WandbLog

LOWEST_PRIORITY = 19  # of Unix's niceness


@dataclasses.dataclass(frozen=True)
class Film:
    """A video of an episode."""

    env_steps: int  # that the policy was trained on
    data: bytes  # an mp4


@ray.remote(num_cpus=0)
class FilmActor:
    """A process that films; it stays for the next film, since to start one costs more than the film."""

    def __init__(self, folder: RunFolder, config: Config) -> None:
        os.nice(LOWEST_PRIORITY)  # whatever trains goes before it
        self._folder, self._config = folder, config

    def film_newest(self) -> Film | None:
        return film_newest(self._folder, self._config)


def film_newest(folder: RunFolder, config: Config) -> Film | None:
    """Film an episode of the newest checkpoint's policy, into videos/, with its predicted rewards.

    None where there is no checkpoint yet, or the task can't be drawn.
    """
    task, loaded = load_task(config.task, config.segments.clip_steps), load_newest(folder)
    if loaded is None or not task.drawable:
        return None
    arrays = loaded[0]
    env_steps = int(arrays["env_steps"])
    rng = np.random.default_rng([config.seed, env_steps, *b"film"])
    module = policy_from(arrays, task, config.agent)
    policy = learned_policy(module, task, sampled=rng if config.evaluation.actions == "sampled" else None)
    evaluation = evaluate(task, policy, 1, rng, seconds=VIDEO_SECONDS)
    predicted = {"env_steps": env_steps, "rewards": _predicted(folder, task, evaluation)}
    with tempfile.TemporaryDirectory() as scratch:
        video = pathlib.Path(scratch, "film.mp4")
        film(task, evaluation.states, video)
        folder.upload(video, f"videos/{env_steps:09d}.mp4")
        folder.write(f"videos/{env_steps:09d}.json", json.dumps(predicted).encode())
        return Film(env_steps, video.read_bytes())


def _predicted(folder: RunFolder, task: Task, evaluation: Evaluation) -> list[float]:
    """The newest predictor's reward for each step; none before the first one."""
    payload = PublishedVersions(folder).newest()
    if payload is None:
        return []
    observations = evaluation.observations
    if task.frames_per_observation > 1:  # a predictor takes each frame once
        observations = np.concatenate([observations[0, :-1], observations[:, -1]])
    rewards = PublishedEnsemble.from_bytes(payload).rewards(observations[None], evaluation.actions[None])
    return [round(float(reward), 4) for reward in rewards[0]]


class Filming:
    """Films every `evaluation.video_env_steps`, and where people teach every `labeling.film_seconds`; shown on W&B.

    One film at a time.
    """

    def __init__(self, config: Config, folder: RunFolder, wandb: WandbLog) -> None:
        self._config = config
        self._folder = folder
        self._wandb = wandb
        self._every = config.evaluation.video_env_steps
        self._seconds = config.labeling.film_seconds if config.teacher.kind == "human" else None
        self._begun = time.monotonic()  # the newest film
        self._actor: ActorHandle[Any] | None = None
        self._flying: ray.ObjectRef[Film | None] | None = None
        self._filmed = 0  # env steps of the newest film, or of the last try

    @property
    def busy(self) -> bool:
        """Whether a film is being made."""
        return self._flying is not None

    def update(self, *, env_steps: int, labels: int) -> str | None:
        """Take a film that is ready, or begin one that is due; a sentence where one can't be made, once."""
        if self._flying is None:
            if self._seconds is not None:
                self._started()  # at the first report already, while people give their first answers
            if self._due(env_steps):
                self._filmed, self._begun = env_steps, time.monotonic()
                self._flying = self._started().film_newest.remote()
            return None
        if not ray.wait([self._flying], timeout=0)[0]:
            return None
        flying, self._flying = self._flying, None
        try:
            made = ray.get(flying)
        except RayError as error:
            self._every = self._seconds = None
            reason = str(getattr(error, "cause", error)).strip().splitlines()[-1]
            return f"No video can be made while the run trains ({reason}); it goes on without."
        if made is not None:
            with tempfile.TemporaryDirectory() as scratch:
                file = pathlib.Path(scratch, "film.mp4")
                file.write_bytes(made.data)
                self._wandb.video(env_steps=made.env_steps, labels=labels, file=file)
        return None

    def _started(self) -> ActorHandle[Any]:
        if self._actor is None:
            actor: Any = FilmActor  # which the decorator has made Ray's
            self._actor = actor.remote(self._folder, self._config)
        return self._actor

    def _due(self, env_steps: int) -> bool:
        if env_steps == self._filmed:
            return False
        by_time = self._seconds is not None and time.monotonic() - self._begun >= self._seconds
        return by_time or (self._every is not None and env_steps >= self._filmed + self._every)
