"""A folder's address: a path, or what `pyarrow.fs` reads, such as `s3://bucket/runs?endpoint_override=host:port`.

Credentials come from the environment (or the machine's role), never from an address: addresses stand in configs,
manifests, messages and the list of processes.
"""

from __future__ import annotations

import re
from pathlib import Path

from pyarrow import fs

from rlhp_ray.errors import RunFolderError

_SECRET = re.compile(r"://[^/@]*:[^/@]*@")


def absolute(address: str) -> str:
    """The address in one spelling; a relative path is made absolute, for an actor may run in another directory."""
    if "://" not in address:
        return str(Path(address).expanduser().absolute())
    place, mark, options = address.partition("?")
    return f"{place.rstrip('/') if not place.endswith('://') else place}{mark}{options}"


def below(address: str, path: str) -> str:
    """The address of what lies at `path` below this one."""
    place, mark, options = address.partition("?") if "://" in address else (address, "", "")
    return f"{place.rstrip('/')}/{path}{mark}{options}" if path else address


def resolve(address: str) -> tuple[fs.FileSystem | None, str]:
    """The file system (None: this machine's) and the folder's path on it. RunFolderError where it can't be used."""
    if "://" not in address:
        return None, address
    if _SECRET.search(address):
        raise RunFolderError(
            f"{_SECRET.sub('://***@', address)} holds credentials, which others could read; leave them out and give "
            "them by the environment (AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or the machine's role)."
        )
    try:
        file_system, path = fs.FileSystem.from_uri(_in_one_request(address))
    except (ValueError, OSError, ImportError, NotImplementedError) as error:
        raise RunFolderError(
            f"{address} is no address of a folder that can be used ({error}); give a path or an address like "
            "s3://bucket/folder."
        ) from error
    if not path.strip("/"):
        raise RunFolderError(f"{address} names no folder; add one, like {below(address, 'runs')}.")
    return (None if isinstance(file_system, fs.LocalFileSystem) else file_system), path


def _in_one_request(address: str) -> str:
    """S3 takes a small object in one request instead of three where pyarrow may wait with it until it is whole."""
    if not address.startswith("s3://") or "allow_delayed_open" in address:
        return address
    return f"{address}{'&' if '?' in address else '?'}allow_delayed_open=true"
