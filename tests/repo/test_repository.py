"""The repository's frame: the lock, the Makefile, the set-up script, the generated page, names that must not appear."""

from __future__ import annotations

import ast
import importlib.metadata
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tomllib

import pytest

ROOT = pathlib.Path(__file__).parents[2]
LOCK = ROOT / "requirements.lock"


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def pins(lock: pathlib.Path = LOCK) -> dict[str, str]:
    lines = [line for line in lock.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
    return dict(line.split("==") for line in lines)


def test_the_lock_is_plain_pins_without_labels_hashes_or_addresses() -> None:
    for name, version in pins().items():
        assert canonical(name) == name
        assert re.fullmatch(r"[0-9][0-9a-z.!]*", version), f"{name}=={version}"
    assert pins()["torch"] == "2.13.0"
    assert pins()["ray"] == "2.60.0"


def test_the_lock_pins_everything_that_is_imported() -> None:
    owners = importlib.metadata.packages_distributions()
    beside = pins(ROOT / "tests" / "dm-control.lock")  # in a folder of its own, so that nobody owns them here
    files = [file for folder in ("rlhp_ray", "tests", "scripts") for file in (ROOT / folder).rglob("*.py")]
    own = {"rlhp_ray", *(file.stem for file in files)}
    for file in files:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names = [node.module]
            for top in {name.partition(".")[0] for name in names} - set(sys.stdlib_module_names) - own:
                owned = {canonical(owner) for owner in owners.get(top, [])} & set(pins())
                assert owned or canonical(top) in beside, f"{top}, imported by {file}"


def test_the_lock_holds_what_pyproject_asks_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for requirement in project["dependencies"] + project["optional-dependencies"]["dev"]:
        name = canonical(re.split(r"[\[=<>]", requirement)[0])
        assert name in pins()
        if "==" in requirement:
            assert pins()[name] == requirement.partition("==")[2]


def test_the_version_is_said_in_one_place() -> None:
    import rlhp_ray

    assert importlib.metadata.version("rlhp-ray") == rlhp_ray.__version__
    assert f"## [{rlhp_ray.__version__}]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("target", ["demo", "test", "test-all", "lint", "bench", "lock", "docs", "clean"])
def test_make_knows_the_target(target: str) -> None:
    said = subprocess.run(["make", "-n", target], cwd=ROOT, capture_output=True, text=True)
    assert said.returncode == 0, said.stderr
    help_text = subprocess.run(["make"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    assert f"make {target} " in help_text


def test_ci_runs_lint_and_tests() -> None:
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    commands = [line for line in script.read_text(encoding="utf-8").splitlines() if line.startswith("make ")]
    assert commands == ["make lint", "make test"]


def test_no_file_names_a_machine_s_path(tmp_path: pathlib.Path) -> None:
    (tmp_path / "scripts").mkdir()
    shutil.copy(ROOT / "scripts" / "check_paths.sh", tmp_path / "scripts")
    check = [str(tmp_path / "scripts" / "check_paths.sh")]
    (tmp_path / "fine.md").write_text("runs/demo, s3://bucket/home/x, /home/ray/app, /rooted\n", encoding="utf-8")
    assert subprocess.run(check, capture_output=True).returncode == 0
    for text in ("/" + "home/someone/x", "(/" + "root/x)"):
        (tmp_path / "bad.md").write_text(f"see {text} there\n", encoding="utf-8")
        found = subprocess.run(check, capture_output=True, text=True)
        assert found.returncode == 1 and "bad.md" in found.stderr, text


class TestSetup:
    """scripts/setup.sh in a folder of its own, with stand-ins for the programs that it calls."""

    @pytest.fixture
    def folder(self, tmp_path: pathlib.Path) -> pathlib.Path:
        (tmp_path / "scripts").mkdir()
        (tmp_path / "bin").mkdir()
        shutil.copy(ROOT / "scripts" / "setup.sh", tmp_path / "scripts")
        (tmp_path / "requirements.lock").write_text("a==1\n", encoding="utf-8")
        (tmp_path / "tests").mkdir()
        for lock in ("moto.lock", "dm-control.lock"):
            (tmp_path / "tests" / lock).write_text("b==1\n", encoding="utf-8")
        for tool in (
            "bash",
            "sh",
            "dirname",
            "id",
            "rm",
            "touch",
            "sha256sum",
            "cut",
            "grep",
            "flock",
            "mkdir",
            "cp",
            "env",
        ):
            found = shutil.which(tool)
            assert found
            (tmp_path / "bin" / tool).symlink_to(found)
        return tmp_path

    def program(self, folder: pathlib.Path, name: str, body: str) -> None:
        file = folder / "bin" / name
        file.unlink(missing_ok=True)
        file.write_text(f'#!/usr/bin/env bash\necho "{name} $*" >> calls\n{body}\n', encoding="utf-8")
        file.chmod(0o755)

    def python(
        self, folder: pathlib.Path, *, venv: str = "exit 0", pip: str = "exit 0", renders: str = "exit 0"
    ) -> None:
        """A Python 3.11 whose venv holds a copy of itself."""
        body = f"""case "$*" in
            *ensurepip*) {venv};;
            "-m venv .venv") mkdir -p .venv/bin; cp "$0" .venv/bin/python;;
            "-m pip"*) {pip};;
            *check_rendering*) {renders};;
        esac"""
        self.program(folder, "python3.11", body)

    def run(self, folder: pathlib.Path, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [str(folder / "scripts" / "setup.sh"), "make demo", *arguments]
        return subprocess.run(command, env={"PATH": str(folder / "bin")}, capture_output=True, text=True)

    def calls(self, folder: pathlib.Path) -> str:
        file = folder / "calls"
        text = file.read_text(encoding="utf-8") if file.exists() else ""
        file.unlink(missing_ok=True)
        return text

    def as_user(self, folder: pathlib.Path) -> None:
        self.program(folder, "id", "echo 1000")

    def test_once_done_nothing_is_done_again(self, folder: pathlib.Path) -> None:
        self.python(folder)
        assert self.run(folder).returncode == 0
        assert "install" in self.calls(folder)
        assert self.run(folder).returncode == 0
        assert "pip" not in self.calls(folder)
        for lock in ("requirements.lock", "tests/moto.lock", "tests/dm-control.lock"):
            (folder / lock).write_text("a==2\n", encoding="utf-8")
            assert self.run(folder).returncode == 0
            assert "install" in self.calls(folder)

    def test_a_half_made_venv_is_made_again(self, folder: pathlib.Path) -> None:
        self.python(folder, pip="exit 1")
        failed = self.run(folder)
        assert failed.returncode == 1 and "check the network" in failed.stderr and "`make demo` again" in failed.stderr
        (folder / ".venv" / "leftover").write_text("", encoding="utf-8")
        self.python(folder)
        assert self.run(folder).returncode == 0
        assert not (folder / ".venv" / "leftover").exists()

    def test_no_python(self, folder: pathlib.Path) -> None:
        failed = self.run(folder)
        assert failed.returncode == 1
        assert failed.stderr.startswith("Python 3.11 is missing: install it") and len(failed.stderr.splitlines()) == 1

    def test_no_venv_module_without_root_and_with(self, folder: pathlib.Path) -> None:
        self.as_user(folder)
        self.python(folder, venv="exit 1")
        failed = self.run(folder)
        assert failed.returncode == 1
        missing, cure = failed.stderr.split(": ", 1)
        assert missing == "Python's venv module is missing"
        assert cure == "as root, type `apt-get install python3.11-venv`, then type `make demo` again.\n"
        self.program(folder, "id", "echo 0")
        self.program(folder, "apt-get", "exit 0")
        assert self.run(folder).returncode == 0
        assert re.search(r"apt-get install .*python3\.11-venv", self.calls(folder))

    def test_no_rendering_without_root_and_with(self, folder: pathlib.Path) -> None:
        self.as_user(folder)
        self.python(folder, renders="[ -e drawing ]")
        failed = self.run(folder)
        assert failed.returncode == 1
        assert failed.stderr.splitlines()[-1].startswith(
            "A library to render without a screen is missing: as root, type"
        )
        assert self.run(folder, "--packages-only").returncode == 0
        self.calls(folder)
        self.program(folder, "id", "echo 0")
        self.program(folder, "apt-get", "touch drawing")
        assert self.run(folder).returncode == 0
        calls = self.calls(folder)
        assert re.search(r"apt-get install .*libegl1", calls)
        assert "pip" not in calls  # the packages are there already


def test_the_contracts_on_imports_catch_what_they_forbid(tmp_path: pathlib.Path) -> None:
    lint = [str(pathlib.Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    shutil.copytree(ROOT / "rlhp_ray", tmp_path / "rlhp_ray", ignore=shutil.ignore_patterns("__pycache__"))
    with (tmp_path / "rlhp_ray" / "types.py").open("a", encoding="utf-8") as file:
        file.write("import ray\nimport rlhp_ray.cli.main\n")
    broken = subprocess.run(lint, cwd=tmp_path, capture_output=True, text=True)
    assert broken.returncode == 1
    assert "rlhp_ray.types is not allowed to import ray" in broken.stdout
    assert "rlhp_ray.types is not allowed to import rlhp_ray.cli" in broken.stdout
