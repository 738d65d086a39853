"""A served predictor of random weights, for what is measured without a run."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterator

import ray
import torch

from rlhp_ray.config.schema import ServingPart
from rlhp_ray.predictor import Architecture, PublishedEnsemble, StepInputs, make_ensemble
from rlhp_ray.predictor.versions import PublishedVersions
from rlhp_ray.serving import ServedPredictor, broadcast, delete, deploy
from rlhp_ray.storage import RunFolder

HALF_CHEETAH = (17, 6)  # numbers of an observation, of an action
APP = "benchmark"


@contextlib.contextmanager
def served_predictor(replicas: int = 1) -> Iterator[tuple[ServedPredictor, Callable[[int], None]]]:
    """A client, and what publishes and broadcasts a version."""
    part = ServingPart(replicas=replicas)
    with tempfile.TemporaryDirectory() as scratch:
        ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
        folder = RunFolder.create(f"{scratch}/run")
        versions = PublishedVersions(folder)

        def swap(version: int) -> None:
            broadcast(APP, versions.publish(_version(version)))

        try:
            versions.publish(_version(1))
            deploy(APP, folder.address, part)
            yield ServedPredictor(APP, part), swap
            delete(APP)
        finally:
            ray.shutdown()


def _version(version: int) -> PublishedEnsemble:
    observation, action = HALF_CHEETAH
    architecture = Architecture(StepInputs((observation,), action, discrete=False), 3, (64, 64), 0.0)
    ensemble = make_ensemble(architecture, torch.Generator().manual_seed(version))
    return PublishedEnsemble(
        version, ensemble, output_mean=torch.zeros(3), output_std=torch.ones(3), normalized_std=1.0
    )
