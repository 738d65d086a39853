"""A replica of the reward predictor: answers with the newest version that it knows, by what the caller accepts."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch

from rlhp_ray.actors import keep_freed_memory
from rlhp_ray.serving.loopback import listen_on_loopback
from rlhp_ray.serving.newest import NewestEnsemble
from rlhp_ray.storage.run_folder import RunFolder
from rlhp_ray.types import Array, FloatArray


class Reply(NamedTuple):
    """What a replica answers."""

    values: FloatArray | None  # rewards [Q, K] or member returns [M, Q]; None: it has no version that is new enough
    version: int  # that made them, or the newest that it has
    trouble: str  # why it has none, where it knows


class Predictor:
    """The Serve deployment's class. All state is the newest ensemble, which the run folder can give back."""

    def __init__(self, folder_address: str, threads: int) -> None:
        """Start with the newest version in the run folder, if there is one yet."""
        listen_on_loopback()
        torch.set_num_threads(threads)
        keep_freed_memory()
        self._newest = NewestEnsemble(RunFolder(folder_address))

    def swap(self, payload: bytes) -> int:
        """Take a newly published version; the version held then, which is never older than before."""
        return self._newest.swap(payload)

    def rewards(self, observations: Array, actions: Array, min_version: int) -> Reply:
        """Rewards [Q, K] by a version of at least `min_version`."""
        ensemble = self._newest.at_least(min_version)
        if ensemble is None or ensemble.version < min_version:
            return Reply(None, self._newest.version, self._newest.trouble)
        return Reply(ensemble.rewards(observations, actions), ensemble.version, "")

    def member_returns(self, observations: Array, actions: Array, min_version: int) -> Reply:
        """Returns [M, Q] of sequences by each member, by a version of at least `min_version`.

        Before the first version: zeros by version 0, since the first queries are chosen without a predictor.
        """
        ensemble = self._newest.at_least(min_version)
        if ensemble is None and not min_version and not self._newest.trouble:
            return Reply(np.zeros((1, len(actions)), dtype=np.float32), 0, "")
        if ensemble is None or ensemble.version < min_version:
            return Reply(None, self._newest.version, self._newest.trouble)
        return Reply(ensemble.member_returns(observations, actions), ensemble.version, "")

    def check_health(self) -> None:
        """Called by Serve now and then: a look into the folder, since a broadcast may have missed this replica."""
        self._newest.refresh()
