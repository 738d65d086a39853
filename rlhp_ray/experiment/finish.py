"""What a finished run leaves behind: evaluation, video, picture of the learning curve, summary.json."""

from __future__ import annotations

import json
import pathlib
import tempfile
from typing import Any

import numpy as np

from rlhp_ray.agent.snapshot import policy_from
from rlhp_ray.config.schema import Config
from rlhp_ray.errors import UserError
from rlhp_ray.experiment.account import Account
from rlhp_ray.experiment.checkpoint import load_newest
from rlhp_ray.experiment.evaluate import Evaluation, evaluate, film, learned_policy, random_policy
from rlhp_ray.experiment.export import export_lineage
from rlhp_ray.storage import RunFolder
from rlhp_ray.tasks import Task, load_task
from rlhp_ray.telemetry import MetricsLog, WandbLog, learning_curve

SUMMARY = "summary.json"
CURVE = "learning_curve.png"
VIDEO = "videos/evaluation.mp4"


def evaluate_newest(folder: RunFolder, config: Config, *, episodes: int) -> tuple[Task, Evaluation]:
    """The newest checkpoint's policy, on the true reward. UserError where there is none yet."""
    task = load_task(config.task, config.segments.clip_steps)
    loaded = load_newest(folder)
    if loaded is None:
        raise UserError(f"{folder.address} has no checkpoint yet; let the run go on with `rlhp-ray resume` first.")
    rng = np.random.default_rng([config.seed, *b"evaluation"])
    module = policy_from(loaded[0], task, config.agent)
    policy = learned_policy(module, task, sampled=rng if config.evaluation.actions == "sampled" else None)
    return task, evaluate(task, policy, episodes, rng)


def evaluate_random(config: Config) -> Evaluation:
    """A random policy on the same task."""
    task = load_task(config.task, config.segments.clip_steps)
    rng = np.random.default_rng([config.seed, *b"random policy"])
    return evaluate(task, random_policy(task, rng), config.evaluation.random_episodes, rng)


def finish(
    folder: RunFolder, config: Config, account: Account, wandb: WandbLog
) -> tuple[dict[str, Any], dict[str, str]]:
    """Evaluate, write video, picture and summary; returns the summary and what to look at."""
    task, evaluation = evaluate_newest(folder, config, episodes=config.evaluation.episodes)
    random = evaluate_random(config)
    summary = {
        "task": config.task,
        "algorithm": config.agent.algorithm,
        "reward_source": config.reward.source,
        "teacher": ("panel" if config.teacher.panel else config.teacher.kind)
        if config.reward.source == "learned"
        else None,
        "seed": config.seed,
        **account.as_summary(task.clip_steps),
        **evaluation.figures(),
        "random_return_mean": random.mean,
    }
    folder.write(SUMMARY, json.dumps(summary, indent=1).encode())
    paths = {"summary": folder.address_of(SUMMARY)}
    with tempfile.TemporaryDirectory() as scratch:
        if config.evaluation.plot:
            picture = pathlib.Path(scratch, CURVE)
            title = f"{config.task}, {config.reward.source} reward, seed {config.seed}"
            learning_curve(MetricsLog(folder).lines(), picture, title=title, random_return=random.mean)
            folder.upload(picture, CURVE)
            paths["learning curve"] = folder.address_of(CURVE)
        if config.evaluation.video and task.drawable:
            video = pathlib.Path(scratch, "evaluation.mp4")
            film(task, evaluation.states, video)
            folder.upload(video, VIDEO)
            wandb.video(env_steps=account.env_steps, labels=account.counts.labels, file=video)
            paths["video"] = folder.address_of(VIDEO)
        if config.wandb.artifacts:
            wandb.artifacts(lambda scratch: export_lineage(folder, config, scratch))
        wandb.finish(summary)
    return summary, paths
