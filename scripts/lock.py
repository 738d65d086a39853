"""Writes requirements.lock: the newest version of everything that pyproject.toml asks for, runtime and dev.

And tests/moto.lock and tests/dm-control.lock: what the S3 server of the tests, and the DeepMind Control Suite, need
beside it; each lies in a folder of its own.

No hashes, no local version labels (+cpu) and none of torch's GPU libraries, for torch's wheel differs by machine:
torch pins its own.
"""

from __future__ import annotations

import json
import pathlib
import re
import subprocess
import sys
import tempfile
import tomllib

ROOT = pathlib.Path(__file__).resolve().parent.parent
HEADER = "# Every version, resolved by `make lock` from pyproject.toml for Python 3.11. Don't edit.\n"
MOTO_HEADER = """\
# An S3 server for the tests, in .venv/moto: botocore wants an older python-dateutil than the rest.
# What is missing here comes from requirements.lock. Resolved by `make lock` from pyproject.toml. Don't edit.
"""
DM_CONTROL_HEADER = """\
# The DeepMind Control Suite, in .venv/dm-control: where RLlib finds it, it imports it in every process.
# What is missing here comes from requirements.lock. Resolved by `make lock` from pyproject.toml. Don't edit.
"""
TORCH_GPU = re.compile(r"^(nvidia-|cuda-|triton$|pytorch-triton)")


def main() -> None:
    """Resolve, filter and write."""
    own = resolved(".[dev]")
    write("requirements.lock", HEADER, own)
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    # The main environment stays in front wherever both can have the same version.
    wishes = {name: version for name, version in own.items() if name != "python-dateutil"}
    server = resolved(*extras["moto"], constraints=wishes)
    write("tests/moto.lock", MOTO_HEADER, {n: v for n, v in server.items() if own.get(n) != v})
    suite = resolved(*extras["dm-control"], constraints=own)
    write("tests/dm-control.lock", DM_CONTROL_HEADER, {n: v for n, v in suite.items() if own.get(n) != v})


def resolved(*wanted: str, constraints: dict[str, str] | None = None) -> dict[str, str]:
    """The newest versions of these and of all that they need."""
    command = [sys.executable, "-m", "pip", "install", "--dry-run", "--ignore-installed", "--quiet", "--report", "-"]
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.writelines(lines(constraints or {}))
        file.flush()
        command += ["--constraint", file.name, *wanted]
        report = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout
    versions: dict[str, str] = {}
    for package in json.loads(report)["install"]:
        name = re.sub(r"[-_.]+", "-", package["metadata"]["name"]).lower()
        if name != "rlhp-ray" and not TORCH_GPU.match(name):
            versions[name] = package["metadata"]["version"].partition("+")[0]
    return versions


def write(file: str, header: str, versions: dict[str, str]) -> None:
    """Write a lock."""
    (ROOT / file).write_text(header + "".join(lines(versions)), encoding="utf-8")
    print(f"{file}: {len(versions)} packages")


def lines(versions: dict[str, str]) -> list[str]:
    """A line a package."""
    return [f"{name}=={version}\n" for name, version in sorted(versions.items())]


if __name__ == "__main__":
    main()
