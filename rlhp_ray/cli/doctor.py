"""`rlhp-ray doctor`: looks at what a run needs from this machine, and says what to do about each thing.

Every check is a function that returns findings; none of them changes anything or leaves this machine, but for the
cluster that is named.
"""

from __future__ import annotations

import dataclasses
import enum
import importlib.metadata
import os
import pathlib
import platform
import shutil
import socket
import subprocess
import sys
import tempfile
import urllib.parse
from collections.abc import Iterator

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from rich.console import Console
from rich.table import Table

from rlhp_ray.config.schema import RayPart, RunPart
from rlhp_ray.errors import RlhpRayError

PACKAGE = "rlhp-ray"
LOCK = pathlib.Path(__file__).parents[2] / "requirements.lock"  # there in a clone only
SERVE_PORT = 8000
FEW_BYTES, TOO_FEW_BYTES = 5_000_000_000, 500_000_000  # on the disk of runs/
RENDER_SECONDS = 60
RENDER = """
import os, numpy, rlhp_ray.tasks
task = rlhp_ray.tasks.load_task("inverted-pendulum")
task.render(numpy.zeros((1, *task.state_shape)), width=16, height=16)
print(os.environ.get("MUJOCO_GL", "a display"))
"""


class State(enum.Enum):
    """What a finding means for a run."""

    OK = "[green]ok[/green]"
    WARNING = "[yellow]look[/yellow]"  # a run works, but not as well as it could
    FAILED = "[red]failed[/red]"  # a run needs it


@dataclasses.dataclass(frozen=True, slots=True)
class Finding:
    """What one check found."""

    name: str
    state: State
    found: str
    advice: str = ""  # what to do, where it isn't ok


def run_doctor(address: str | None) -> int:
    """Check everything, and the cluster at `address` if one is named; 0, or 1 if something necessary fails."""
    findings = [
        check_python(),
        *check_packages(),
        check_rendering(),
        check_shared_memory(pathlib.Path("/dev/shm")),
        *check_ports(),
        check_runs(pathlib.Path(RunPart().dir)),
        check_wandb(),
    ]
    if address is not None:
        findings.append(check_cluster(address))
    table = Table(title="What a run needs", title_justify="left")
    for column in ("check", "", "found", "what to do"):
        table.add_column(column, overflow="fold")
    for finding in findings:
        table.add_row(finding.name, finding.state.value, finding.found, finding.advice)
    Console(highlight=False).print(table)
    return int(any(finding.state is State.FAILED for finding in findings))


def check_python() -> Finding:
    """The version that the package asks for."""
    wanted = importlib.metadata.metadata(PACKAGE)["Requires-Python"]
    found = platform.python_version()
    if SpecifierSet(wanted).contains(found):
        return Finding("Python", State.OK, found)
    return Finding("Python", State.FAILED, found, f"It must be {wanted}: install Python 3.11, then `make setup`.")


def check_packages() -> Iterator[Finding]:
    """What the package requires, and in a clone what the lock pins."""
    wrong = []
    for text in importlib.metadata.requires(PACKAGE) or []:
        requirement = Requirement(text)
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            installed = _installed(requirement.name)
            if installed is None or not requirement.specifier.contains(installed, prereleases=True):
                wrong.append(f"{requirement.name} {installed or 'missing'} (needs {requirement.specifier or 'any'})")
    if wrong:
        yield Finding("packages", State.FAILED, ", ".join(wrong), "Type `make clean setup`.")
    else:
        yield Finding("packages", State.OK, f"ray {_installed('ray')}, torch {_installed('torch')}")
    if LOCK.is_file():
        pins = [line.split("==") for line in LOCK.read_text(encoding="utf-8").splitlines() if "==" in line]
        other = [f"{name} {_installed(name)} (lock: {pin})" for name, pin in pins if not _is(pin, _installed(name))]
        if other:
            shown = ", ".join(other[:5]) + (f" and {len(other) - 5} more" if len(other) > 5 else "")
            yield Finding("requirements.lock", State.WARNING, shown, "Type `make clean setup` to get what was tested.")
        else:
            yield Finding("requirements.lock", State.OK, f"{len(pins)} packages as pinned")


def _installed(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _is(pin: str, installed: str | None) -> bool:
    # torch's local label (+cpu) differs by machine.
    return installed is not None and installed.partition("+")[0] == pin


def check_rendering() -> Finding:
    """Whether MuJoCo can draw; in a process of its own, since a broken library can end a process."""
    # scripts/setup.sh asks this function too.
    cure = "Install a library to draw without a screen: as root, `apt-get install libegl1 libgl1-mesa-dri libopengl0`."
    try:
        result = subprocess.run([sys.executable, "-c", RENDER], capture_output=True, text=True, timeout=RENDER_SECONDS)
    except subprocess.TimeoutExpired:
        return Finding("rendering", State.FAILED, f"no picture within {RENDER_SECONDS} s", cure)
    if result.returncode == 0:
        return Finding("rendering", State.OK, f"MuJoCo draws with {result.stdout.strip()}")
    last = result.stderr.strip().splitlines()[-1:] or [f"ended with status {result.returncode}"]
    return Finding("rendering", State.FAILED, last[0].removeprefix("rlhp_ray.errors.TaskError: "), cure)


def check_shared_memory(folder: pathlib.Path) -> Finding:
    """Room for the object store of a cluster started here."""
    name, wanted = "shared memory", RayPart().object_store_bytes
    if not folder.is_dir():
        return Finding(name, State.WARNING, f"no {folder}", "Ray keeps objects on disk, which is slower.")
    free = shutil.disk_usage(folder).free
    if free >= wanted:
        return Finding(name, State.OK, f"{_gigabytes(free)} free in {folder}")
    return Finding(
        name,
        State.WARNING,
        f"{_gigabytes(free)} free in {folder}, and the object store takes up to {_gigabytes(wanted)}",
        f"Start the container with --shm-size={wanted * 3 // 2 // 10**9}g, or set ray.object_store_bytes={free // 2}.",
    )


def check_ports() -> Iterator[Finding]:
    """Loopback, which Ray's processes talk over, and the port that Ray Serve's HTTP listens at."""
    try:
        with socket.socket() as server:
            server.bind(("127.0.0.1", 0))
            server.listen()
            with socket.create_connection(server.getsockname(), timeout=5):
                yield Finding("loopback", State.OK, "127.0.0.1 listens and answers")
    except OSError as error:
        advice = "Ray's processes talk over it: bring the loopback interface up, and look at the firewall's rules."
        yield Finding("loopback", State.FAILED, f"127.0.0.1: {error.strerror or error}", advice)
        return
    yield check_port(SERVE_PORT)


def check_port(port: int) -> Finding:
    """Whether the port on loopback is free."""
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            server.bind(("127.0.0.1", port))
        except OSError as error:
            advice = "Fine if that is Ray Serve of another run; else end the program that listens there."
            return Finding(f"port {port}", State.WARNING, f"{error.strerror or error}", advice)
    return Finding(f"port {port}", State.OK, "free")


def check_runs(folder: pathlib.Path) -> Finding:
    """Whether runs can be written, and room for them."""
    name = f"{folder}/"
    there = folder.absolute()
    while not there.exists():
        there = there.parent
    try:
        with tempfile.TemporaryFile(dir=there):
            pass
    except OSError as error:
        advice = "Make it writable, or set run.dir to a folder that is."
        return Finding(name, State.FAILED, f"can't be written: {error.strerror or error}", advice)
    free = shutil.disk_usage(there).free
    if free >= FEW_BYTES:
        return Finding(name, State.OK, f"can be written, {_gigabytes(free)} free")
    state = State.FAILED if free < TOO_FEW_BYTES else State.WARNING
    return Finding(name, state, f"only {_gigabytes(free)} free", "Remove old runs, or set run.dir to a larger disk.")


def check_wandb() -> Finding:
    """W&B is off unless a config or WANDB_MODE says online; only then it needs a login."""
    version = _installed("wandb")
    if os.environ.get("WANDB_MODE") != "online":
        return Finding("W&B", State.OK, f"{version}; nothing leaves this machine unless wandb.mode=online")
    netrc = pathlib.Path(os.environ.get("NETRC", pathlib.Path.home() / ".netrc"))
    if os.environ.get("WANDB_API_KEY") or netrc.is_file():
        return Finding("W&B", State.OK, f"{version}, online, with a login")
    return Finding(
        "W&B", State.WARNING, f"{version}, online, without a login", "Type `wandb login`, or set wandb.mode."
    )


def check_cluster(address: str) -> Finding:
    """Whether the cluster answers, and what it has."""
    # Imported here, so that a broken Ray doesn't keep the other checks from speaking.
    import ray

    from rlhp_ray.experiment.cluster import connect

    name = f"cluster {address}"
    endpoint = urllib.parse.urlsplit(address if "://" in address else f"//{address}")
    try:
        if endpoint.port is not None:
            with socket.create_connection((endpoint.hostname or "", endpoint.port), timeout=5):
                pass
    except (OSError, ValueError) as error:
        advice = "Check host and port, that `ray start --head` runs there, and the firewall between."
        return Finding(name, State.FAILED, f"no connection: {error}", advice)
    try:
        connect(RayPart(address=address))
    except RlhpRayError as error:
        advice = "Ray's version and RAY_AUTH_MODE must be the same here and there."
        return Finding(name, State.FAILED, str(error), advice)
    try:
        resources = ray.cluster_resources()  # type: ignore[no-untyped-call]  # Ray's own lack
        nodes = sum(node["Alive"] for node in ray.nodes())  # type: ignore[no-untyped-call]  # Ray's own lack
    finally:
        ray.shutdown()
    cpus, gpus = resources.get("CPU", 0), resources.get("GPU", 0)
    return Finding(name, State.OK, f"{nodes} nodes, {cpus:g} CPUs, {gpus:g} GPUs")


def _gigabytes(count: int) -> str:
    return f"{count / 1e9:.1f} GB"
