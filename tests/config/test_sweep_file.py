"""A sweep's file: what it makes, and a sentence with the line for each mistake."""

from __future__ import annotations

import pathlib

import pytest

from rlhp_ray.config.sweep import SweepFile
from rlhp_ray.errors import ConfigError

GOOD = """\
results: results
seeds: [0, 1]
tasks:
  point: point.yaml
conditions:
  40 labels: {set: {budget.labels: 40, agent.hidden_sizes: [16]}}
  true reward:
    set:
      reward.source: true
"""


def read(folder: pathlib.Path, text: str) -> SweepFile:
    (folder / "point.yaml").write_text("task: point\n", encoding="utf-8")
    (folder / "sweep.yaml").write_text(text, encoding="utf-8")
    return SweepFile(folder / "sweep.yaml")


def test_a_condition_is_the_config_with_its_fields_set(tmp_path: pathlib.Path) -> None:
    file = read(tmp_path, GOOD)
    config = file.config("point", "40 labels", "seed=1")
    assert (config.task, config.budget.labels, config.agent.hidden_sizes, config.seed) == ("point", 40, (16,), 1)
    assert file.config("point", "true reward").reward.source == "true"
    assert (file.sweep.parallel, file.sweep.runs) == (1, "runs")


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("seeds: [0, 1]", "sedes: [0, 1]", r"line 2: sedes is not a field; did you mean seeds\?"),
        ("seeds: [0, 1]", "seeds: [0, one]", r'line 2: seeds\.1 is "one", but it should be a valid integer\.'),
        ("seeds: [0, 1]", "seeds: []", r"line 2: seeds is \[\], but .* at least 1 item"),
        ("results: results\n", "", r"sweep\.yaml: results is missing\. Folder of the results"),
        ("seeds", "parallel: 0\nseeds", r"line 2: parallel is 0, but it should be greater than 0\."),
        (
            "  true reward:",
            "  true/reward:",
            r'line 7: conditions\.true/reward is "true/reward", but a name should match',
        ),
        ("    set:", "    sett:", r"line 8: conditions\.true reward\.sett is not a field; did you mean set\?"),
        ("    set:", "    tasks: [hopper]\n    set:", r"line 8: hopper is not one of the tasks, which are: point\."),
        ("reward.source", "seed", r"line 9: seed is set by the sweep itself; leave it out\."),
        ("seeds: [0, 1]", "seeds: [", r"sweep\.yaml, line \d, is not valid YAML"),
    ],
)
def test_a_mistake_is_said_with_its_line(tmp_path: pathlib.Path, before: str, after: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        read(tmp_path, GOOD.replace(before, after, 1))


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (
            "budget.labels: 40",
            "budget.label: 40",
            r"line 6: .*budget\.label is not a field; did you mean budget\.labels\?",
        ),
        ("reward.source: true", "reward.source: ture", r"line 9: .*reward\.source is \"ture\", but must be one of"),
        ("point.yaml", "pint.yaml", r"line 4: There is no config file .*pint\.yaml; did you mean .*point\.yaml\?"),
    ],
)
def test_a_mistake_in_a_config_is_said_with_the_sweep_s_line(
    tmp_path: pathlib.Path, before: str, after: str, said: str
) -> None:
    file = read(tmp_path, GOOD.replace(before, after, 1))
    with pytest.raises(ConfigError, match=said):
        for condition in file.sweep.conditions:
            file.config("point", condition)


def test_a_file_that_is_not_there_is_said(tmp_path: pathlib.Path) -> None:
    with pytest.raises(ConfigError, match=r"The sweep .*none\.yaml can't be read: No such file or directory\."):
        SweepFile(tmp_path / "none.yaml")


def test_the_sweeps_of_the_repository_are_valid() -> None:
    files = sorted((pathlib.Path(__file__).parents[2] / "configs" / "sweeps").glob("*.yaml"))
    assert files
    for file in files:
        read_file = SweepFile(file)
        for condition in read_file.sweep.conditions:
            for task in read_file.tasks_of(condition):
                assert read_file.config(task, condition).task
