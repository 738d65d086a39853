"""`rlhp-ray label`: prints the link that lets somebody in."""

from __future__ import annotations

import pathlib

import pytest
from page_data import BOB, make_run

from rlhp_ray.cli.main import main
from rlhp_ray.config.load import dump
from rlhp_ray.labeling.access import Invitations
from rlhp_ray.labeling.page import ADDRESS_FILE, OWNER
from rlhp_ray.storage import RunFolder


def begun(path: pathlib.Path) -> RunFolder:
    """A run's folder with the config that makes it one."""
    run = make_run(path / "run")
    run.folder.write("config.yaml", dump(run.config).encode())
    return run.folder


def test_links_for_the_owner_and_for_others(tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = begun(tmp_path)
    folder.write(ADDRESS_FILE, b"http://127.0.0.1:8000/taught/")
    for arguments, person in ((), OWNER), (("--name", "bob", "--annotator"), BOB):
        assert main(["label", folder.address, *arguments]) == 0
        address, _, token = capsys.readouterr().out.strip().partition("?token=")
        assert address == "http://127.0.0.1:8000/taught/" and Invitations.of_run(folder).person(token) == person


def test_a_run_without_a_page_says_so(tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = begun(tmp_path)
    assert main(["label", folder.address]) == 2
    assert "has no labelling page" in capsys.readouterr().err
