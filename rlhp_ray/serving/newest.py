"""The newest ensemble that a process knows of: one attribute, swapped as a whole.

Each replica holds one of these, and so does the in-process twin. A broadcast brings new versions; whoever missed it, or
is asked for a newer version than it has, looks in the run folder itself.
"""

from __future__ import annotations

import logging
import threading

from rlhp_ray.errors import RlhpRayError
from rlhp_ray.predictor.published import PublishedEnsemble
from rlhp_ray.predictor.versions import PublishedVersions
from rlhp_ray.storage.run_folder import RunFolder

_log = logging.getLogger(__name__)


class NewestEnsemble:
    """Holds a version and never an older one after it. Safe for concurrent callers."""

    def __init__(self, folder: RunFolder) -> None:
        self._versions = PublishedVersions(folder)
        self._lock = threading.Lock()
        self._current: PublishedEnsemble | None = None
        self.trouble = ""  # why the last look into the folder brought nothing, where it failed
        self.refresh()

    @property
    def version(self) -> int:
        """Held now; 0 before the first."""
        current = self._current
        return current.version if current else 0

    def swap(self, payload: bytes) -> int:
        """Hold this version unless a newer one is held already; the version held then. CorruptDataError."""
        offered = PublishedEnsemble.from_bytes(payload)
        with self._lock:
            if offered.version > self.version:
                self._current = offered
        return self.version

    def refresh(self) -> int:
        """Look into the run folder; the version held then. A folder that can't be read is noted, and stops nothing."""
        try:
            if self._versions.newest_version() > self.version:
                payload = self._versions.newest()
                if payload is not None:
                    self.swap(payload)
            self.trouble = ""
        except (OSError, RlhpRayError) as error:
            self.trouble = str(error)
            _log.warning("Still at version %d of the reward predictor: %s", self.version, error)
        return self.version

    def at_least(self, min_version: int) -> PublishedEnsemble | None:
        """The ensemble held, after a look into the folder if it is older than this; None before the first."""
        current = self._current
        if current is None or current.version < min_version:
            self.refresh()
            current = self._current
        return current
