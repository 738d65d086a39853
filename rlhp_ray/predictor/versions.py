"""The published versions in the run folder, under predictor/.

    version-00000012.safetensors      a self-describing payload; the last few are kept
    newest.json                       which one is the newest, with its checksum; written after it

The trainer publishes; replicas that missed a broadcast, and those that start, read the newest. Versions only grow,
across restarts too, since a new one counts on from the highest file there is.
"""

from __future__ import annotations

import hashlib
import json
import re

from rlhp_ray.errors import CorruptDataError
from rlhp_ray.predictor.published import PublishedEnsemble
from rlhp_ray.storage.run_folder import RunFolder

FOLDER = "predictor"
KEPT_VERSIONS = 5
_POINTER = f"{FOLDER}/newest.json"
_FILE = re.compile(r"version-(\d+)\.safetensors")


class PublishedVersions:
    """Reads and writes a run's published ensembles."""

    def __init__(self, folder: RunFolder) -> None:
        self._folder = folder

    def publish(self, ensemble: PublishedEnsemble) -> bytes:
        """Make this the newest version, durable before it returns; its payload. Older ones are thinned out."""
        payload = ensemble.to_bytes()
        version = ensemble.version
        self._folder.write(_path(version), payload)
        pointer = {"version": version, "sha256": hashlib.sha256(payload).hexdigest()}
        self._folder.write(_POINTER, json.dumps(pointer).encode())
        self._folder.remove(_path(version - KEPT_VERSIONS))
        return payload

    def newest_version(self) -> int:
        """The newest version's number; 0 before the first. CorruptDataError."""
        return self._pointer()[0]

    def newest(self) -> bytes | None:
        """The newest version's payload; None before the first. CorruptDataError where it isn't what was published."""
        while True:
            version, checksum = self._pointer()
            if version == 0:
                return None
            try:
                payload = self._folder.read(_path(version))
            except FileNotFoundError:
                if self.newest_version() != version:
                    continue  # thinned out between the two reads
                raise CorruptDataError(
                    f"{_path(version)} is missing from the run folder though newest.json names it; put it back, or "
                    "remove predictor/newest.json and resume the run, which publishes a new version."
                ) from None
            if hashlib.sha256(payload).hexdigest() != checksum:
                raise CorruptDataError(
                    f"{_path(version)} in the run folder is damaged: its checksum isn't the published one; remove "
                    "it and predictor/newest.json and resume the run, which publishes a new version."
                )
            return payload

    def highest_version(self) -> int:
        """The highest number that was ever given, published to the end or not; 0 before the first."""
        files = (_FILE.fullmatch(name) for name in self._folder.list(FOLDER))
        return max([self.newest_version(), *(int(match[1]) for match in files if match)])

    def _pointer(self) -> tuple[int, str]:
        try:
            pointer = json.loads(self._folder.read(_POINTER))
            return int(pointer["version"]), str(pointer["sha256"])
        except FileNotFoundError:
            return 0, ""
        except (ValueError, KeyError, TypeError) as error:
            raise CorruptDataError(
                f"{_POINTER} in the run folder is damaged ({error}); remove it and resume the run, which publishes a "
                "new version."
            ) from error


def _path(version: int) -> str:
    return f"{FOLDER}/version-{version:08d}.safetensors"
