"""Begin a run, or go on with one: its folder, its manifest, its epoch, and what is told of it."""

from __future__ import annotations

import json
import os
import pathlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from rlhp_ray.config.load import dump
from rlhp_ray.config.schema import Config
from rlhp_ray.errors import ConfigError, CorruptDataError
from rlhp_ray.experiment.account import Account
from rlhp_ray.experiment.experiment import Experiment
from rlhp_ray.experiment.finish import finish
from rlhp_ray.experiment.recorder import Recorder
from rlhp_ray.experiment.run_config import CONFIG, condition, read_config
from rlhp_ray.preferences import make_teacher
from rlhp_ray.queries import check_method
from rlhp_ray.storage import RunFolder, below
from rlhp_ray.tasks import load_task
from rlhp_ray.telemetry import Console, Heartbeat, WandbLog, commit, manifest

MANIFEST = "manifest.json"


def begin(config: Config, console: Console) -> dict[str, Any]:
    """Make the run's folder and train; returns the summary. RunFolderError where the folder is used already."""
    check(config)  # what is wrong leaves no folder behind
    if config.teacher.path is not None:  # actors, and who resumes, may be in another directory
        teacher = config.teacher.model_copy(update={"path": os.path.abspath(config.teacher.path)})
        config = config.model_copy(update={"teacher": teacher})
    folder = RunFolder.create(below(config.run.dir, config.run.name), overwrite=config.run.overwrite)
    return _drive(config, folder, above=0, console=console)


def check(config: Config) -> None:
    """Raise a UserError where the config's parts don't fit together, or name what isn't there."""
    task = load_task(config.task, config.segments.clip_steps)
    if config.reward.source == "learned":
        if not config.budget.labels:
            raise ConfigError(
                "reward.source=learned needs budget.labels of 1 or more: raise it, or set reward.source=true."
            )
        for teacher in config.teacher.programs():
            make_teacher(teacher, config.seed)
        check_method(config.queries)
        if config.teacher.kind == "human" and not task.drawable:
            raise ConfigError(
                f"Clips of {config.task} can't be drawn, so nobody could compare them: choose a MuJoCo or Atari task, "
                "or another teacher.kind."
            )


def resume(address: str, console: Console, overrides: Sequence[str] = ()) -> dict[str, Any]:
    """Go on with a run from its folder; returns the summary. RunFolderError where there is no run.

    `overrides`: of the config's `ray` part, for another cluster; ConfigError for any other.
    """
    folder = RunFolder.open(address)
    return _drive(read_config(folder, overrides), folder, above=_epoch(folder), console=console)


def _drive(config: Config, folder: RunFolder, *, above: int, console: Console) -> dict[str, Any]:
    """Take the folder over in an epoch higher than `above`, and train."""
    folder = folder.take_over(above=above, patience_seconds=config.run.patience_seconds)
    epoch = folder.epoch or 0
    folder.write(CONFIG, dump(config).encode())
    _write_manifest(folder, config, epoch=epoch)
    with Heartbeat(folder.impatient(), epoch=epoch, every_seconds=config.run.report_seconds) as heartbeat:
        wandb = _wandb_log(config, folder, epoch, console)
        recorder = Recorder(config, folder, console, wandb, heartbeat)
        account: Account = Experiment(config, folder, recorder=recorder).run()
        recorder.say("evaluating")
        summary, paths = finish(folder, config, account, wandb)
    console.finish(summary, paths)
    return summary


def _wandb_log(config: Config, folder: RunFolder, epoch: int, console: Console) -> WandbLog:
    made_of = commit()
    tags = [f"task:{config.task}", f"seed:{config.seed}", f"epoch:{epoch}"]
    if made_of is not None:
        tags.append(f"commit:{made_of['id'][:12]}{'-changed' if made_of['changed'] else ''}")
    return WandbLog(
        mode=config.wandb.mode,
        project=config.wandb.project,
        entity=config.wandb.entity,
        name=config.run.name,
        group=f"{config.task}, {condition(config)}",
        tags=tags,
        folder=folder.local_path("") or pathlib.Path(),  # in which W&B makes its folder wandb/
        config=config.model_dump(mode="json"),
        say=console.say,
    )


def _epoch(folder: RunFolder) -> int:
    try:
        return int(json.loads(folder.read(MANIFEST))["epoch"])
    except (ValueError, KeyError, FileNotFoundError) as error:
        raise CorruptDataError(
            f'{folder.address_of(MANIFEST)} can\'t be read ({error}); write {{"epoch": N}} into it, with an N higher '
            "than the number of times that the run was begun or resumed."
        ) from error


def _write_manifest(folder: RunFolder, config: Config, *, epoch: int) -> None:
    seeds = {"run": config.seed, "rollouts": int(np.random.SeedSequence([config.seed, epoch]).generate_state(1)[0])}
    record = {"epoch": epoch, **manifest(seeds=seeds)}
    folder.write(MANIFEST, json.dumps(record, indent=1).encode())
