"""Versions to serve: untrained ensembles whose number shows in every reward."""

from __future__ import annotations

import numpy as np
import torch

from rlhp_ray.predictor import Architecture, PublishedEnsemble, StepInputs, make_ensemble
from rlhp_ray.predictor.versions import PublishedVersions
from rlhp_ray.storage.run_folder import RunFolder

OBSERVATIONS = np.random.default_rng(0).normal(size=(4, 10, 5)).astype(np.float32)
ACTIONS = np.random.default_rng(1).normal(size=(4, 10, 2)).astype(np.float32)


def make_version(version: int) -> PublishedEnsemble:
    """Its mean reward is about 1000 x version, so that rewards and version can't be of different ensembles."""
    architecture = Architecture(StepInputs((5,), 2, discrete=False), 3, (16, 16), 0.5)
    return PublishedEnsemble(
        version,
        make_ensemble(architecture, torch.Generator().manual_seed(version)),
        output_mean=torch.full((3,), -1000.0 * version),
        output_std=torch.ones(3),
        normalized_std=1.0,
    )


def publish(folder: RunFolder, version: int) -> bytes:
    """Publish the version into the run folder; its payload."""
    return PublishedVersions(folder).publish(make_version(version))
