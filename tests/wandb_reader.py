"""What W&B itself reads in a run's offline files."""

from __future__ import annotations

import collections
import json
import os
import pathlib
import subprocess
import sys
from typing import Any

WANDB = str(pathlib.Path(sys.executable).with_name("wandb"))


def read_wandb(folder: pathlib.Path) -> dict[str, list[dict[str, Any]]]:
    """The records of the one log under the folder by their type, in order, as `wandb leet inspect` prints them."""
    (file,) = folder.rglob("*.wandb")
    printed = subprocess.run(
        [WANDB, "leet", "inspect", "--json", str(file)],
        env={**os.environ, "WANDB_ERROR_REPORTING": "false", "WANDB_CONFIG_DIR": str(folder)},
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    records = collections.defaultdict(list)
    for line in printed.splitlines():
        record = json.loads(line)
        records[record["type"]].append(record[record["type"]])
    return records
