"""manifest.json: what a run was made with, so that it can be made again. No host names and no user's paths."""

from __future__ import annotations

import importlib.metadata
import os
import pathlib
import platform
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

import rlhp_ray

PACKAGES = ("ray", "torch", "numpy", "gymnasium", "mujoco", "ale-py", "pyarrow", "pydantic", "safetensors")


def manifest(*, seeds: Mapping[str, int], command: Sequence[str] | None = None) -> dict[str, Any]:
    """Commit, versions, machine, seeds and command line, fit for JSON. `command`: sys.argv unless told."""
    return {
        "created_at": time.time(),
        "commit": commit(),
        "command": _without_paths(sys.argv if command is None else command),
        "seeds": dict(seeds),
        "versions": {
            "rlhp_ray": rlhp_ray.__version__,
            "python": platform.python_version(),
            **{name: _version(name) for name in PACKAGES},
        },
        "machine": {
            "platform": f"{platform.system()} {platform.machine()}",
            "cpus": len(os.sched_getaffinity(0)),
            "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        },
    }


def commit() -> dict[str, Any] | None:
    """The commit that the package was run from and whether anything was changed since; None outside a git clone."""
    root = pathlib.Path(rlhp_ray.__file__).parents[1]
    # An installed package may lie inside some other repository: only its own counts.
    if not (root / ".git").exists():
        return None
    try:
        found = _git(root, "rev-parse", "HEAD")
        return {"id": found, "changed": bool(_git(root, "status", "--porcelain", "--untracked-files=no"))}
    except (OSError, subprocess.SubprocessError):
        return None


def _git(root: pathlib.Path, *command: str) -> str:
    result = subprocess.run(["git", *command], cwd=root, check=True, capture_output=True, text=True, timeout=10)
    return result.stdout.strip()


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _without_paths(command: Sequence[str]) -> list[str]:
    """The command line with the program's own folder left out and the home folder as `~`."""
    home = str(pathlib.Path.home())
    program, *arguments = command or [""]
    return [pathlib.PurePath(program).name, *(argument.replace(home, "~") for argument in arguments)]
