"""Videos while a run trains: the newest checkpoint's policy, filmed in a task beside the run, so that nobody waits."""

from __future__ import annotations

import dataclasses
import pathlib
import tempfile

import numpy as np
import ray
from ray.exceptions import RayError

from rlhp_ray.agent.snapshot import policy_from
from rlhp_ray.config.schema import Config
from rlhp_ray.experiment.checkpoint import load_newest
from rlhp_ray.experiment.evaluate import evaluate, film, greedy_policy
from rlhp_ray.storage import RunFolder
from rlhp_ray.tasks import load_task
from rlhp_ray.telemetry import WandbLog


@dataclasses.dataclass(frozen=True)
class Film:
    """A video of an episode."""

    env_steps: int  # that the policy was trained on
    data: bytes  # an mp4


@ray.remote(num_cpus=0, max_retries=0)
def film_newest(folder: RunFolder, config: Config) -> Film | None:
    """Film an episode of the newest checkpoint's deterministic policy, into videos/.

    None where there is no checkpoint yet, or the task can't be drawn.
    """
    task, loaded = load_task(config.task, config.segments.clip_steps), load_newest(folder)
    if loaded is None or not task.drawable:
        return None
    arrays = loaded[0]
    env_steps = int(arrays["env_steps"])
    rng = np.random.default_rng([config.seed, env_steps, *b"film"])
    evaluation = evaluate(task, greedy_policy(policy_from(arrays, task, config.agent), task), 1, rng)
    with tempfile.TemporaryDirectory() as scratch:
        video = pathlib.Path(scratch, "film.mp4")
        film(task, evaluation.states, video)
        folder.upload(video, f"videos/{env_steps:09d}.mp4")
        return Film(env_steps, video.read_bytes())


class Filming:
    """Films every `evaluation.video_env_steps`, one film at a time, and shows the films on W&B."""

    def __init__(self, config: Config, folder: RunFolder, wandb: WandbLog) -> None:
        self._config = config
        self._folder = folder
        self._wandb = wandb
        self._every = config.evaluation.video_env_steps
        self._flying: ray.ObjectRef[Film | None] | None = None
        self._filmed = 0  # env steps of the newest film, or of the last try

    @property
    def busy(self) -> bool:
        """Whether a film is being made."""
        return self._flying is not None

    def update(self, *, env_steps: int, labels: int) -> str | None:
        """Take a film that is ready, or begin one that is due; a sentence where one can't be made, once."""
        if self._every is None:
            return None
        if self._flying is None:
            if env_steps >= self._filmed + self._every:
                self._filmed = env_steps
                self._flying = film_newest.remote(self._folder, self._config)
            return None
        if not ray.wait([self._flying], timeout=0)[0]:
            return None
        flying, self._flying = self._flying, None
        try:
            made = ray.get(flying)
        except RayError as error:
            self._every = None
            reason = str(getattr(error, "cause", error)).strip().splitlines()[-1]
            return f"No video can be made while the run trains ({reason}); it goes on without."
        if made is not None:
            with tempfile.TemporaryDirectory() as scratch:
                file = pathlib.Path(scratch, "film.mp4")
                file.write_bytes(made.data)
                self._wandb.video(env_steps=made.env_steps, labels=labels, file=file)
        return None
