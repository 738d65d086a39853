"""Writes requirements.lock: the newest version of everything that pyproject.toml asks for, runtime and dev.

No hashes, no local version labels (+cpu) and none of torch's GPU libraries, for torch's wheel differs by machine:
torch pins its own.
"""

from __future__ import annotations

import json
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
HEADER = "# Every version, resolved by `make lock` from pyproject.toml for Python 3.11. Don't edit.\n"
TORCH_GPU = re.compile(r"^(nvidia-|cuda-|triton$|pytorch-triton)")


def main() -> None:
    """Resolve, filter and write."""
    command = [sys.executable, "-m", "pip", "install", "--dry-run", "--ignore-installed", "--quiet", "--report", "-"]
    report = subprocess.run([*command, ".[dev]"], cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout
    versions: dict[str, str] = {}
    for package in json.loads(report)["install"]:
        name = re.sub(r"[-_.]+", "-", package["metadata"]["name"]).lower()
        if name != "rlhp-ray" and not TORCH_GPU.match(name):
            versions[name] = package["metadata"]["version"].partition("+")[0]
    lines = [f"{name}=={version}\n" for name, version in sorted(versions.items())]
    (ROOT / "requirements.lock").write_text(HEADER + "".join(lines), encoding="utf-8")
    print(f"requirements.lock: {len(lines)} packages")


if __name__ == "__main__":
    main()
