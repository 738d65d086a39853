"""`doctor` finds what is wrong, and says what to do."""

from __future__ import annotations

import pathlib
import socket
import subprocess
import sys

import pytest

from rlhp_ray.cli import doctor
from rlhp_ray.cli.doctor import State


def test_this_machine_is_fine(capsys: pytest.CaptureFixture[str]) -> None:
    assert doctor.run_doctor(None) == 0
    shown = capsys.readouterr().out
    for name in ("Python", "packages", "requirements.lock", "rendering", "shared memory", "loopback", "runs/", "W&B"):
        assert name in shown


def test_an_unreachable_cluster_fails_and_says_why(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as server:  # bound, not listening: refused
        server.bind(("127.0.0.1", 0))
        assert doctor.run_doctor(f"127.0.0.1:{server.getsockname()[1]}") == 1
    assert "refused" in capsys.readouterr().out
    assert doctor.check_cluster("127.0.0.1:no-port").state is State.FAILED


def test_a_cluster_that_answers(ray_cluster: None) -> None:
    import ray

    address = ray.get_runtime_context().gcs_address
    program = f"from rlhp_ray.cli.doctor import check_cluster; print(check_cluster({address!r}))"
    found = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout
    assert "State.OK" in found and "1 nodes, 4 CPUs" in found


def test_a_wrong_python(monkeypatch: pytest.MonkeyPatch) -> None:
    assert doctor.check_python().state is State.OK
    monkeypatch.setattr("platform.python_version", lambda: "3.9.1")
    finding = doctor.check_python()
    assert finding.state is State.FAILED and "install Python 3.11" in finding.advice


def test_wrong_packages(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> None:
    lock = tmp_path / "requirements.lock"
    lock.write_text("# comment\nray==2.60.0\nrich==0.0.1\nno-such-package-of-ours==1.0\n", encoding="utf-8")
    monkeypatch.setattr(doctor, "LOCK", lock)
    packages, locked = doctor.check_packages()
    assert packages.state is State.OK
    assert locked.state is State.WARNING
    assert (
        "rich" in locked.found
        and "no-such-package-of-ours None (lock: 1.0)" in locked.found
        and "ray " not in locked.found
    )
    monkeypatch.setattr("importlib.metadata.requires", lambda name: ["ray==1.0", "dev-only==1; extra == 'dev'"])
    failed = next(iter(doctor.check_packages()))
    assert failed.state is State.FAILED and failed.found == "ray 2.60.0 (needs ==1.0)"


def test_rendering_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUJOCO_GL", "no-such-way")
    finding = doctor.check_rendering()
    assert finding.state is State.FAILED and "libegl1" in finding.advice


def test_little_shared_memory(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda folder: type("Usage", (), {"free": 64_000_000}))
    finding = doctor.check_shared_memory(tmp_path)
    assert finding.state is State.WARNING and "--shm-size=3g" in finding.advice
    assert "ray.object_store_bytes=32000000" in finding.advice
    assert doctor.check_shared_memory(tmp_path / "none").state is State.WARNING


def test_a_taken_port() -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        port = server.getsockname()[1]
        assert doctor.check_port(port).state is State.WARNING
    assert doctor.check_port(port).state is State.OK


def test_runs_that_cannot_be_written(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> None:
    assert doctor.check_runs(tmp_path / "runs").state is State.OK
    (tmp_path / "file").write_text("", encoding="utf-8")
    finding = doctor.check_runs(tmp_path / "file")
    assert finding.state is State.FAILED and "set run.dir" in finding.advice
    for free, state in ((4_000_000_000, State.WARNING), (1_000_000, State.FAILED)):
        monkeypatch.setattr("shutil.disk_usage", lambda folder, free=free: type("Usage", (), {"free": free}))
        assert doctor.check_runs(tmp_path).state is state


def test_wandb_needs_a_login_only_online(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> None:
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "none"))
    monkeypatch.setenv("WANDB_MODE", "offline")
    assert doctor.check_wandb().state is State.OK
    monkeypatch.setenv("WANDB_MODE", "online")
    assert doctor.check_wandb().state is State.WARNING
    monkeypatch.setenv("WANDB_API_KEY", "x")
    assert doctor.check_wandb().state is State.OK
