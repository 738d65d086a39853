"""Fixtures that several rooms share."""

from __future__ import annotations

import os
import shutil

os.environ.setdefault("RAY_AUTH_MODE", "disabled")
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright
from s3_server import S3Server


@pytest.fixture(scope="session")
def ray_cluster() -> Iterator[None]:
    """A Ray cluster on loopback that all tests of a session share."""
    import ray

    ray.init(
        num_cpus=4,
        include_dashboard=False,
        log_to_driver=False,
        _node_ip_address="127.0.0.1",
        _system_config={"metrics_report_interval_ms": 1000},  # to the metrics page; by default every 10 s
    )
    yield
    ray.shutdown()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A headless browser. While it is open Playwright's event loop runs in this thread, so other rooms go without."""
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("Chromium isn't installed: `make test` installs it as root on Debian")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def s3_server() -> Iterator[S3Server]:
    """An S3 server that the tests of a session share; see `s3`."""
    server = S3Server()
    yield server
    server.kill()


@pytest.fixture
def s3(s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> S3Server:
    """An S3 server, and the environment to come there."""
    for name, value in s3_server.environment.items():
        monkeypatch.setenv(name, value)
    return s3_server
