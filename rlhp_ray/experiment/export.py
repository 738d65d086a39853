"""`rlhp-ray export`: a run's answers, clips, predictor and policy as files that need no rlhp_ray to be read.

DIR/answers.parquet     every acknowledged answer once, undone ones marked
DIR/answers.jsonl       the same, a line each
DIR/clips/*.arrow       the segments that they compare
DIR/predictor/          the newest published ensemble, safetensors
DIR/policy/             the newest checkpoint's policy, safetensors, and its spaces and sizes as JSON
"""

from __future__ import annotations

import json
import pathlib

import pyarrow.parquet as pq
import safetensors.numpy

from rlhp_ray.agent.snapshot import policy_arrays
from rlhp_ray.experiment.checkpoint import load_newest
from rlhp_ray.experiment.run_config import read_config
from rlhp_ray.preferences import export_answers
from rlhp_ray.reward import PublishedVersions
from rlhp_ray.storage import RunFolder

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
    newest = PublishedVersions(folder).newest()
    if newest is not None:
        (target / "predictor").mkdir(exist_ok=True)
        (target / "predictor" / "predictor.safetensors").write_bytes(newest)
    loaded = load_newest(folder)
    if loaded is not None:
        (target / "policy").mkdir(exist_ok=True)
        safetensors.numpy.save_file(policy_arrays(loaded[0]), target / "policy" / "policy.safetensors")
        facts = {"task": config.task, "hidden_sizes": config.agent.hidden_sizes, "activation": "tanh"}
        (target / "policy" / "policy.json").write_text(json.dumps(facts, indent=1))
    return {
        "answers": answers,
        "clip files": len(clips),
        "predictors": int(newest is not None),
        "policies": int(loaded is not None),
    }
