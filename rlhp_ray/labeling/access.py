"""Who may open the labelling page: invitations by link, signed with a secret of the run.

A token is `name.role.signature`; the link carries it once, then it is a cookie. Nothing is stored but the secret, in
the run folder, so that links go on working after a restart and a resume.
"""

from __future__ import annotations

import base64
import contextlib
import dataclasses
import enum
import hashlib
import hmac
import re
import secrets

from rlhp_ray.errors import RlhpRayError
from rlhp_ray.storage import RunFolder

SECRET_FILE = "labeling/secret"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}")


class Role(enum.StrEnum):
    """What somebody may see and do."""

    ANNOTATOR = "annotator"  # answers
    RESEARCHER = "researcher"  # answers, invites, excludes, and sees true returns and others' figures


@dataclasses.dataclass(frozen=True, slots=True)
class Person:
    """Somebody with an invitation."""

    name: str  # that their answers are signed with
    role: Role


class Invitations:
    """Writes and reads tokens."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    @staticmethod
    def of_run(folder: RunFolder) -> Invitations:
        """Those of a run, whose secret is made when it is asked for first."""
        try:
            return Invitations(folder.read(SECRET_FILE))
        except FileNotFoundError:
            pass
        with contextlib.suppress(FileExistsError):  # somebody else was faster
            folder.write_new(SECRET_FILE, secrets.token_hex(32).encode())
        return Invitations(folder.read(SECRET_FILE))

    def token(self, person: Person) -> str:
        """What lets this person in. RlhpRayError where the name isn't one."""
        if not NAME.fullmatch(person.name):
            raise RlhpRayError(
                f"{person.name!r} can't be a name: use 1 to 40 letters, digits, hyphens and underscores, "
                "a letter or digit first"
            )
        return f"{person.name}.{person.role}.{self._signature(person.name, person.role)}"

    def person(self, token: str) -> Person | None:
        """Whose token it is; None where it is nobody's. Compared in constant time."""
        name, _, rest = token.partition(".")
        role, _, signature = rest.partition(".")
        expected = self._signature(name, role)
        if not hmac.compare_digest(signature.encode(), expected.encode()) or role not in set(Role):
            return None
        return Person(name, Role(role))

    def _signature(self, name: str, role: str) -> str:
        digest = hmac.digest(self._secret, f"{name}.{role}".encode(), hashlib.sha256)
        return base64.urlsafe_b64encode(digest).decode().rstrip("=")
