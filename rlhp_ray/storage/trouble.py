"""What a file system's error means to a person, in a few words."""

from __future__ import annotations

import os
import re

_BUCKET = re.compile(r"[Bb]ucket '([^']+)' (not found|does not exist)")
_AWS = re.compile(r"AWS Error (\w+) during \w+ operation(?: \(HTTP status (\d+)\))?: (.*)")
_DENIED = ("ACCESS_DENIED", "INVALID_ACCESS_KEY_ID", "SIGNATURE_DOES_NOT_MATCH", "MISSING_AUTHENTICATION_TOKEN")


def reason(error: OSError) -> str:
    """The cause, fit to stand in a sentence."""
    said = str(error).splitlines()[0] if str(error) else type(error).__name__
    if bucket := _BUCKET.search(said):
        return f"the bucket {bucket[1]} doesn't exist"
    if aws := _AWS.search(said):
        kind, status, details = aws.groups()
        if kind in _DENIED or status == "403":
            return "S3 denies access with the credentials of the environment (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY)"
        if kind == "NETWORK_CONNECTION":
            return f"no S3 server answers ({details.rpartition('; Details: ')[2]}; AWS_ENDPOINT_URL names another one)"
        return f"S3 answers {kind}: {details}"
    return os.strerror(error.errno) if error.errno else said
