"""What SECURITY.md says of the code and of the packages: no pickle, safe YAML, a reviewed lock."""

from __future__ import annotations

import ast
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).parents[2]
SOURCES = sorted((ROOT / "rlhp_ray").rglob("*.py"))
UNPICKLERS = ("pickle", "cloudpickle", "dill", "joblib", "shelve", "marshal")


def called(tree: ast.AST) -> set[str]:
    """Names of what is called, as they are written."""
    return {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}


def test_nothing_that_runs_code_is_read() -> None:
    for file in SOURCES:
        tree = ast.parse(file.read_text())
        imported = {
            name.split(".")[0]
            for node in ast.walk(tree)
            for name in (
                [alias.name for alias in node.names]
                if isinstance(node, ast.Import)
                else [node.module or ""]
                if isinstance(node, ast.ImportFrom)
                else []
            )
        }
        assert not imported & {*UNPICKLERS}, file
        calls = called(tree)
        assert not calls & {"torch.load", "eval", "exec", "yaml.load", "yaml.unsafe_load", "os.system"}, file
        assert not any(re.search(r"allow_pickle|shell=True", line) for line in file.read_text().splitlines()), file


def test_each_test_that_the_page_names_is_there() -> None:
    named = re.findall(r"`(tests/\S+\.py)`", (ROOT / "SECURITY.md").read_text())
    assert len(named) >= 2
    for file in named:
        assert (ROOT / file).is_file(), file


def test_each_package_of_the_lock_was_looked_at() -> None:
    check = subprocess.run(
        [sys.executable, "scripts/dependencies.py", "--check"], cwd=ROOT, capture_output=True, text=True
    )
    assert check.returncode == 0, check.stdout


def test_a_package_that_was_not_looked_at_is_named(tmp_path: pathlib.Path) -> None:
    for name in ("scripts/dependencies.py", "docs/dependencies.md", "requirements.lock"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text((ROOT / name).read_text())
    lock = tmp_path / "requirements.lock"
    lock.write_text(lock.read_text().replace("ray==2.60.0", "ray==2.60.1") + "zzz==1\n")
    command = [sys.executable, str(tmp_path / "scripts" / "dependencies.py"), "--check"]
    check = subprocess.run(command, capture_output=True, text=True)
    assert check.returncode == 1 and "ray, zzz" in check.stdout
