"""`rlhp-ray export`: a run's answers, clips, predictor and policy as files that need no rlhp_ray to be read.

DIR/answers.parquet     every acknowledged answer once, undone ones marked
DIR/answers.jsonl       the same, a line each
DIR/clips/*.arrow       the segments that they compare
DIR/predictor/          the newest published ensemble, safetensors and JSON: rlhp_ray.exported.LearnedReward
DIR/policy/             the newest checkpoint's policy, safetensors and JSON: rlhp_ray.exported.ExportedPolicy
"""

from __future__ import annotations

import json
import pathlib

import pyarrow.parquet as pq
import safetensors.numpy

from rlhp_ray.agent.description import describe
from rlhp_ray.agent.snapshot import policy_arrays, policy_from
from rlhp_ray.config.schema import Config
from rlhp_ray.experiment.checkpoint import load_newest
from rlhp_ray.experiment.run_config import read_config
from rlhp_ray.exported.policy import DESCRIPTION, FORMAT, WEIGHTS
from rlhp_ray.exported.reward import PREDICTOR
from rlhp_ray.predictor import PublishedEnsemble
from rlhp_ray.predictor.versions import PublishedVersions
from rlhp_ray.preferences import export_answers
from rlhp_ray.storage import RunFolder
from rlhp_ray.tasks import load_task

CLIP_FILES_AT_ONCE = 32  # held in memory; at most 32 MB each


def export(address: str, target: pathlib.Path) -> dict[str, int]:
    """Write the export of a run; returns how many answers, clip files, predictors and policies it holds."""
    folder = RunFolder.open(address)
    config = read_config(folder)
    target.mkdir(parents=True, exist_ok=True)
    answers = export_answers(folder, target / "answers.parquet")
    rows = pq.read_table(target / "answers.parquet").to_pylist()
    (target / "answers.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    clips = [name for name in folder.list("segments") if name.endswith(".arrow")]
    (target / "clips").mkdir(exist_ok=True)
    for begin in range(0, len(clips), CLIP_FILES_AT_ONCE):
        names = clips[begin : begin + CLIP_FILES_AT_ONCE]
        for name, data in zip(names, folder.read_all([f"segments/{name}" for name in names]), strict=True):
            (target / "clips" / name).write_bytes(data)
    return {
        "answers": answers,
        "clip files": len(clips),
        "predictors": int(export_predictor(folder, config, target / "predictor")),
        "policies": int(export_policy(folder, config, target / "policy")),
    }


def export_lineage(folder: RunFolder, config: Config, target: pathlib.Path) -> list[str]:
    """Write answers/, predictor/ and policy/, those that there are; which, each made from the one before it."""
    written = []
    if config.reward.source == "learned":
        (target / "answers").mkdir(parents=True, exist_ok=True)
        export_answers(folder, target / "answers" / "answers.parquet")
        written.append("answers")
    if export_predictor(folder, config, target / "predictor"):
        written.append("predictor")
    if export_policy(folder, config, target / "policy"):
        written.append("policy")
    return written


def export_predictor(folder: RunFolder, config: Config, target: pathlib.Path) -> bool:
    """Write the newest published ensemble; whether there is one."""
    payload = PublishedVersions(folder).newest()
    if payload is None:
        return False
    target.mkdir(parents=True, exist_ok=True)
    (target / PREDICTOR).write_bytes(payload)
    about = {"task": config.task, **PublishedEnsemble.from_bytes(payload).about}
    (target / "predictor.json").write_text(json.dumps(about, indent=1) + "\n")
    return True


def export_policy(folder: RunFolder, config: Config, target: pathlib.Path) -> bool:
    """Write the newest checkpoint's policy; whether there is one."""
    loaded = load_newest(folder)
    if loaded is None:
        return False
    arrays = loaded[0]
    task = load_task(config.task, config.segments.clip_steps)
    target.mkdir(parents=True, exist_ok=True)
    safetensors.numpy.save_file(policy_arrays(arrays), target / WEIGHTS)
    made = {"format": FORMAT, "task": config.task, "algorithm": config.agent.algorithm}
    about = {**made, "env_steps": int(arrays["env_steps"]), **describe(policy_from(arrays, task, config.agent), task)}
    (target / DESCRIPTION).write_text(json.dumps(about, indent=1) + "\n")
    return True
