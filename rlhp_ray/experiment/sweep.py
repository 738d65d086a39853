"""`rlhp-ray sweep FILE`: the runs of a sweep, one after the other or some at once, each a command of its own.

Where it was stopped, in whatever way, the same command goes on: a run whose result is there is done, one that has
begun is resumed from its checkpoint, any other begins.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from typing import IO, Any

from rlhp_ray.config.schema import Config
from rlhp_ray.config.sweep import SweepFile
from rlhp_ray.errors import ConfigError, RlhpRayError, Stopped, UserError
from rlhp_ray.experiment.finish import SUMMARY
from rlhp_ray.experiment.interrupt import Interrupt
from rlhp_ray.experiment.results import MANIFEST, result, settings, write_result
from rlhp_ray.experiment.run import check
from rlhp_ray.experiment.run_config import CONFIG, read_config
from rlhp_ray.storage import RunFolder

LOOK_SECONDS = 0.2  # between two looks at the runs


@dataclasses.dataclass(frozen=True)
class Cell:
    """A run of the sweep."""

    name: str
    config: Config
    arguments: tuple[str, ...]  # of `rlhp-ray train`
    result: pathlib.Path

    @property
    def folder(self) -> RunFolder:
        """Its run's."""
        return RunFolder(f"{self.config.run.dir.rstrip('/')}/{self.name}")


@dataclasses.dataclass
class _Begun:
    """A run that goes on."""

    cell: Cell
    process: subprocess.Popen[bytes]
    said: IO[bytes]
    slot: int
    since: float


def cells(read: SweepFile) -> list[Cell]:
    """The runs of a sweep: one seed of everything first, in the order of the file. ConfigError, TaskError."""
    found: dict[str, Cell] = {}
    for seed in read.sweep.seeds:
        for condition in read.sweep.conditions:
            for task in read.tasks_of(condition):
                slug = re.sub(r"[^A-Za-z0-9._-]+", "-", f"{task}-{condition}")
                name = f"{slug}-{seed}"
                if name in found:
                    raise ConfigError(f"{read.file}: two of its runs would both be called {name}; rename a condition.")
                own = [f"run.name={name}", f"run.dir={json.dumps(read.sweep.runs)}", f"seed={seed}"]
                own.append(f"run.condition={json.dumps(condition)}")
                config = read.config(task, condition, *own)
                if seed == read.sweep.seeds[0]:
                    _check(read, config, task, condition)
                arguments = (os.path.normpath(read.config_file(task)), *read.overrides(condition), *own)
                found[name] = Cell(name, config, arguments, pathlib.Path(read.sweep.results, task, f"{name}.json"))
    return list(found.values())


def sweep(file: pathlib.Path, say: Callable[[str], None]) -> None:
    """Run what isn't done. UserError for a mistake; RlhpRayError where a run failed, after the others; Stopped."""
    read = SweepFile(file)
    todo = [cell for cell in cells(read) if not _is_done(cell)]
    with Interrupt() as interrupt, contextlib.ExitStack() as stack:
        runs = _Runs(read.sweep.parallel, say, lambda: interrupt.received)
        stack.callback(runs.kill)
        failed = runs.all(todo)
    if interrupt.received:
        raise Stopped(f"The sweep was stopped; `rlhp-ray sweep {file}` goes on with it.")
    if failed:
        raise RlhpRayError(
            f"{len(failed)} of {len(todo)} runs failed: {', '.join(failed)}; `rlhp-ray sweep {file}` tries them again."
        )


class _Runs:
    """The processes of runs, so many at once."""

    def __init__(self, parallel: int, say: Callable[[str], None], stopped: Callable[[], bool]) -> None:
        self._say, self._stopped = say, stopped
        self._cores = _shares(parallel)
        self._begun: list[_Begun] = []

    def all(self, todo: list[Cell]) -> list[str]:
        """Run them; the names of those that failed. Where it is stopped, those that go on are stopped too."""
        waiting, failed, told = list(todo), [], False
        while self._begun or (waiting and not self._stopped()):
            if waiting and len(self._begun) < len(self._cores) and not self._stopped():
                self._begin(waiting.pop(0), len(todo) - len(waiting), len(todo))
                continue
            if self._stopped() and not told:
                told = True
                for run in self._begun:
                    run.process.send_signal(signal.SIGTERM)  # it stops at a checkpoint
            for run in [run for run in self._begun if run.process.poll() is not None]:
                self._begun.remove(run)
                if not self._ended(run):
                    failed.append(run.cell.name)
            time.sleep(LOOK_SECONDS)
        return failed

    def kill(self) -> None:
        """End what is left, at once."""
        for run in self._begun:
            run.process.kill()

    def _begin(self, cell: Cell, number: int, of: int) -> None:
        folder = cell.folder
        if folder.exists(SUMMARY):  # the sweep was killed before it wrote the result
            _keep(cell)
            self._say(f"{cell.name}: was finished already ({number} of {of})")
            return
        goes_on = folder.exists(CONFIG) and folder.exists(MANIFEST)
        command = ["resume", folder.address] if goes_on else ["train", *cell.arguments, "run.overwrite=true"]
        self._say(f"{cell.name}: {'goes on' if goes_on else 'begins'} ({number} of {of})")
        slot = min(set(range(len(self._cores))) - {run.slot for run in self._begun})
        said = tempfile.TemporaryFile()  # noqa: SIM115  # closed when the process has ended
        with _on_cores(self._cores[slot]):
            process = subprocess.Popen(
                [sys.executable, sys.argv[0], *command],
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is for the sweep, which then stops its runs
            )
        self._begun.append(_Begun(cell, process, said, slot, time.monotonic()))

    def _ended(self, run: _Begun) -> bool:
        """Keep its result, or say why there is none; whether all is well."""
        run.said.seek(0)
        said = run.said.read().decode(errors="replace").splitlines()
        run.said.close()
        if run.process.returncode == 0:
            reached = _keep(run.cell)["summary"]["true_return_mean"]
            self._say(f"{run.cell.name}: true return {reached:,.1f}, {time.monotonic() - run.since:.0f} s")
            return True
        if self._stopped():
            self._say(f"{run.cell.name}: stopped")
            return True
        self._say(f"{run.cell.name}: failed with exit status {run.process.returncode}: {said[-1] if said else ''}")
        return False


def _keep(cell: Cell) -> dict[str, Any]:
    """Write the result of a run that has finished; its record. The command is the one that began it."""
    record = result(cell.folder) | {"command": ["rlhp-ray", "train", *cell.arguments]}
    write_result(record, cell.result)
    return record


def _is_done(cell: Cell) -> bool:
    """Whether its result is there; UserError where that, or the run that has begun, was made with other settings."""
    wanted = settings(cell.config)
    try:
        kept = json.loads(cell.result.read_text(encoding="utf-8"))
        _same(kept["settings"], wanted, str(cell.result))
        return True
    except FileNotFoundError:
        pass
    except (ValueError, KeyError, TypeError):
        raise UserError(f"{cell.result} is not a run's result; remove it, and the run is made again.") from None
    if cell.folder.exists(CONFIG):
        _same(settings(read_config(cell.folder)), wanted, cell.folder.address)
    return False


def _same(made: dict[str, object], wanted: dict[str, object], where: str) -> None:
    differing = sorted(name for name in {*made, *wanted} if made.get(name) != wanted.get(name))
    if differing:
        raise UserError(
            f"{where} was made with another {differing[0]} than the sweep's: remove it, or give the condition another "
            "name."
        )


def _check(read: SweepFile, config: Config, task: str, condition: str) -> None:
    try:
        check(config)
    except UserError as error:
        raise read.misplaced(str(error), task, condition) from None


def _shares(parallel: int) -> list[set[int]]:
    """The machine's cores in equal shares; several runs to a core where there are more runs than cores."""
    cores = sorted(os.sched_getaffinity(0))
    if parallel == 1:
        return [set(cores)]
    size = max(1, len(cores) // parallel)
    return [{cores[(slot * size + index) % len(cores)] for index in range(size)} for slot in range(parallel)]


@contextlib.contextmanager
def _on_cores(cores: set[int]) -> Iterator[None]:
    """What is started meanwhile runs on these cores."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
