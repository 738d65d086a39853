"""Sweeps in a report: their results so far, a section each, with what made every run."""

from __future__ import annotations

import pathlib
import re

import pytest
from made_runs import make_run

from rlhp_ray.cli.main import main
from rlhp_ray.experiment.results import result, write_result
from rlhp_ray.report.sections import read_sections
from rlhp_ray.storage import RunFolder

SWEEP = """\
title: Few labels & many
text: |
  What was asked, and **what came out**.
results: {results}
seeds: [0, 1]
tasks:
  half-cheetah: cheetah.yaml
conditions:
  200 labels: {{set: {{budget.labels: 200}}}}
  {second}: {{set: {{reward.source: true}}}}
"""


def a_sweep(folder: pathlib.Path, name: str, second: str = "true reward", results: str = "results") -> str:
    (folder / "cheetah.yaml").write_text("task: half-cheetah\n", encoding="utf-8")
    file = folder / f"{name}.yaml"
    file.write_text(SWEEP.format(results=folder / results, second=second), encoding="utf-8")
    return str(file)


@pytest.fixture
def folder(tmp_path: pathlib.Path) -> pathlib.Path:
    """Three of the four results of a sweep."""
    made = (("200 labels", 0, ()), ("200 labels", 1, ()), ("true reward", 0, ("reward.source=true",)))
    for condition, seed, own in made:
        name = f"half-cheetah-{condition.replace(' ', '-')}-{seed}"
        address = make_run(tmp_path / "runs", name, *own, f"run.condition={condition}", seed=seed)
        record = result(RunFolder.open(address))
        write_result(record, tmp_path / "results" / "half-cheetah" / f"{name}.json")
    return tmp_path


def test_a_sweep_is_a_section_of_its_results_so_far(folder: pathlib.Path) -> None:
    loose = make_run(folder / "runs", "loose")
    named, of_sweep = read_sections([a_sweep(folder, "one"), loose])
    assert [run.name for run in named.runs] == ["loose"]
    assert of_sweep.title == "Few labels & many"
    assert [run.name for run in of_sweep.runs] == [
        "half-cheetah-200-labels-0",
        "half-cheetah-true-reward-0",
        "half-cheetah-200-labels-1",
    ]


def test_markdown_has_its_text_its_tables_and_what_made_each_run(folder: pathlib.Path) -> None:
    """A run that two sweeps share counts once."""
    sweeps = [a_sweep(folder, "one"), a_sweep(folder, "two", second="the truth")]
    assert main(["report", *sweeps, "-o", str(folder / "all.md")]) == 0
    text = (folder / "all.md").read_text(encoding="utf-8")
    assert text.startswith("# Results of 3 runs\n")
    assert text.count("\n## Few labels &amp; many\n") == 2
    assert text.count("What was asked, and **what came out**.") == 2
    assert "| 200 labels | 0, 1 | 1,000 (1,000 to 1,000) |" in text
    assert (
        "| half-cheetah-true-reward-0 | `rlhp-ray train x.yaml run.name=half-cheetah-true-reward-0` | 0123456789ab | "
        "2023-11-14 |"
    ) in text
    pictures = re.findall(r"!\[.*\]\((all-charts/.*\.svg)\)", text)
    assert len(pictures) == len(set(pictures)) and all((folder / picture).exists() for picture in pictures)


def test_one_sweep_is_the_whole_page(folder: pathlib.Path) -> None:
    for name in ("one.md", "one.html"):
        assert main(["report", a_sweep(folder, "one"), "-o", str(folder / name)]) == 0
    assert (folder / "one.md").read_text(encoding="utf-8").startswith("# Few labels &amp; many\n")
    assert "3 runs of half-cheetah" in (folder / "one.html").read_text(encoding="utf-8")


def test_a_sweep_without_results_is_said(folder: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    sweep = a_sweep(folder, "none", results="elsewhere")
    assert main(["report", sweep, "-o", str(folder / "none.md")]) == 2
    assert capsys.readouterr().err == f"rlhp-ray: {sweep} has no results yet; `rlhp-ray sweep {sweep}` makes them.\n"
