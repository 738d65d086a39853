"""Fixtures of the serving room."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from rlhp_ray.config.schema import ServingPart
from rlhp_ray.serving import delete, deploy
from rlhp_ray.storage.run_folder import RunFolder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    return RunFolder(str(tmp_path_factory.mktemp("run")))


@pytest.fixture(scope="module")
def deploy_app(ray_cluster: None) -> Iterator[Callable[[str, RunFolder, ServingPart], str]]:
    """Deploys an application and deletes it in the end."""
    apps: list[str] = []

    def start(name: str, folder: RunFolder, part: ServingPart) -> str:
        deploy(name, folder.address, part)
        apps.append(name)
        return name

    yield start
    for name in apps:
        delete(name)
