"""Checkpoints of the agent: safetensors and JSON under checkpoints/, never a pickle.

    checkpoints/e000002-000012.safetensors     the agent's arrays
    checkpoints/e000002-000012.json            when, counters, the checksum of the arrays; written last: it commits

The epoch of the driver comes first, so that one which an earlier driver writes late never is the newest. The
predictor's state lies with its versions, answers and segments in their own folders.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import time
from typing import Any

import safetensors
import safetensors.numpy

from rlhp_ray.errors import CorruptDataError
from rlhp_ray.storage import RunFolder
from rlhp_ray.types import Array

FOLDER = "checkpoints"
KEPT = 2


def save(folder: RunFolder, arrays: dict[str, Array], counters: dict[str, Any]) -> None:
    """Write the next checkpoint and remove all but the newest two."""
    names = _names(folder)
    name = f"e{folder.epoch or 0:06d}-{int(names[-1].split('-')[-1]) + 1 if names else 0:06d}"
    data = safetensors.numpy.save(arrays)
    folder.write(f"{FOLDER}/{name}.safetensors", data)
    record = {"time": time.time(), "sha256": hashlib.sha256(data).hexdigest(), "counters": counters}
    folder.write(f"{FOLDER}/{name}.json", json.dumps(record, indent=1).encode())
    for old in [*names, name][:-KEPT]:
        folder.remove(f"{FOLDER}/{old}.json")
        folder.remove(f"{FOLDER}/{old}.safetensors")


def load_newest(folder: RunFolder) -> tuple[dict[str, Array], dict[str, Any]] | None:
    """The newest checkpoint's arrays and counters; None where there is none yet.

    Raises CorruptDataError where its bytes are not what was written.
    """
    names = _names(folder)
    if not names:
        return None
    path = f"{FOLDER}/{names[-1]}"
    try:
        record = json.loads(folder.read(f"{path}.json"))
        data = folder.read(f"{path}.safetensors")
        if hashlib.sha256(data).hexdigest() != record["sha256"]:
            raise ValueError("its checksum differs")
        return safetensors.numpy.load(data), record["counters"]
    except (ValueError, KeyError, FileNotFoundError, safetensors.SafetensorError) as error:
        raise CorruptDataError(
            f"Checkpoint {folder.address_of(path)} can't be read ({error}); remove {path}.json and resume "
            "goes on from the checkpoint before it. Answers and predictor are kept elsewhere and are not touched."
        ) from error


def newest_time(folder: RunFolder) -> float | None:
    """When the newest checkpoint was written, in unix seconds; None where there is none that tells."""
    for name in reversed(_names(folder)):
        with contextlib.suppress(FileNotFoundError, ValueError, KeyError):  # removed meanwhile, or damaged
            return float(json.loads(folder.read(f"{FOLDER}/{name}.json"))["time"])
    return None


def _names(folder: RunFolder) -> list[str]:
    """The committed checkpoints' names, oldest first."""
    return [name.removesuffix(".json") for name in folder.list(FOLDER) if name.endswith(".json")]
