"""Invitations: a token opens the page for one name in one role, and for nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlhp_ray.errors import RlhpRayError
from rlhp_ray.labeling.access import Invitations, Person, Role
from rlhp_ray.storage import RunFolder

ANN = Person("ann", Role.ANNOTATOR)


def test_a_link_works_after_a_restart_and_in_no_other_run(tmp_path: Path) -> None:
    folder = RunFolder(str(tmp_path / "one"))
    token = Invitations.of_run(folder).token(ANN)
    assert Invitations.of_run(folder).person(token) == ANN
    assert Invitations.of_run(RunFolder(str(tmp_path / "other"))).person(token) is None


def test_an_annotator_can_t_make_themselves_a_researcher_or_somebody_else() -> None:
    invitations = Invitations(b"secret")
    token = invitations.token(ANN)
    assert invitations.person(token.replace("annotator", "researcher")) is None
    assert invitations.person(token.replace("ann.", "bob.")) is None
    assert invitations.person(token[:-1]) is None
    assert invitations.person(token + "A") is None


@given(st.text())
def test_whatever_else_is_tried_lets_nobody_in(token: str) -> None:
    assert Invitations(b"secret").person(token) is None


@pytest.mark.parametrize("name", ["", "a b", "-a", "ä", "a.b", "x" * 41, "a/b", "a\n"])
def test_a_name_that_isn_t_one_is_refused(name: str) -> None:
    with pytest.raises(RlhpRayError, match="can't be a name"):
        Invitations(b"secret").token(Person(name, Role.ANNOTATOR))
