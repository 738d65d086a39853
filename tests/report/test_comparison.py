"""What several runs say together."""

from __future__ import annotations

import dataclasses
import json
import pathlib

import numpy as np
import pytest
from made_runs import make_run, summary

from rlhp_ray.errors import UserError
from rlhp_ray.report.columns import EFFICIENCY, RETURNS, WARNINGS
from rlhp_ray.report.comparison import Group, compare
from rlhp_ray.report.losses import fate
from rlhp_ray.report.runs import read_runs
from rlhp_ray.report.statistics import estimate, mean_score, normalized_score


def test_a_bootstrap_interval_is_what_all_resamples_say() -> None:
    """Of three values all 27 resamples can be listed; their mean's quantiles are known."""
    values = [1.0, 2.0, 6.0]
    means = np.sort([np.mean([a, b, c]) for a in values for b in values for c in values])
    found = estimate(values)
    assert found is not None and found.mean == 3.0
    assert found.low == means[0] and found.high == means[-1]  # 1 of 27 is more than 2.5 %
    assert estimate([5.0]) is not None and estimate([5.0]).low is None  # type: ignore[union-attr]
    assert estimate([]) is None


def test_a_score_is_one_where_the_return_is_the_true_reward_agent_s_and_zero_at_random() -> None:
    score = normalized_score([900.0, 1100.0], [1000.0, 1000.0], -100.0)
    assert score is not None and score.mean == 1.0
    assert score.low == pytest.approx(1000 / 1100) and score.high == pytest.approx(1200 / 1100)
    assert normalized_score([-100.0], [1000.0], -100.0).mean == 0.0  # type: ignore[union-attr]
    assert normalized_score([5.0], [-100.0], -100.0) is None  # nothing to measure by
    over = mean_score([([1000.0], [1000.0], 0.0), ([50.0], [100.0], 0.0)])
    assert over is not None and over.mean == pytest.approx(0.75)


def cells(group: Group) -> dict[str, str]:
    return {column.name: column.cell(group) for column in (*RETURNS, *EFFICIENCY, *WARNINGS)}


def test_runs_are_grouped_by_task_and_condition_and_measured_by_the_true_reward(tmp_path: pathlib.Path) -> None:
    learned = [make_run(tmp_path, f"learned-{s}", seed=s, true_return=800.0 + 100 * s) for s in range(3)]
    true = [make_run(tmp_path, f"true-{s}", "reward.source=true", seed=s) for s in range(2)]
    found = compare(read_runs([*learned, *true]))
    one, other = found.groups
    assert (one.condition, other.condition) == ("ppo, 200 labels of oracle", "ppo, true reward")
    shown = cells(one)
    assert shown["seeds"] == "0, 1, 2"
    assert shown["true return"] == "900 (800 to 1,000)"
    assert shown["normalised score"] == "0.91 (0.82 to 1.00)"  # (900 + 100) / (1000 + 100)
    assert shown["labels an hour"] == "2,000" and shown["steps seen"] == "6.0 %"
    assert shown["accuracy"] == "90 %"
    # 80 % of the way from -100 to 1000 is 780; the mean of 800, 900, 1000 is there after 780/900 of the run.
    assert int(shown["env steps to 80 %"].replace(",", "")) == pytest.approx(86_667, rel=0.02)
    assert int(shown["labels to 80 %"]) == pytest.approx(173, abs=4)
    assert cells(other)["normalised score"] == "1.00" and cells(other)["labels"] == "-"


def test_runs_of_one_condition_that_differ_by_a_setting_are_told_apart(tmp_path: pathlib.Path) -> None:
    runs = [
        make_run(tmp_path, "three"),
        make_run(tmp_path, "one", "reward.members=1"),
        make_run(tmp_path, "named", "reward.members=1", "run.condition=a single predictor"),
        make_run(tmp_path, "elsewhere", "ray.num_cpus=7", "evaluation.video=false"),  # no difference to what is learned
    ]
    conditions = [run.condition for run in read_runs(runs)]
    assert conditions == [
        "ppo, 200 labels of oracle",
        "ppo, 200 labels of oracle, reward.members=1",
        "a single predictor",
        "ppo, 200 labels of oracle",
    ]


def test_a_condition_on_several_tasks_has_a_score_over_them(tmp_path: pathlib.Path) -> None:
    runs = []
    for task, reached in (("half-cheetah", 1000.0), ("reacher", 450.0)):
        runs.append(make_run(tmp_path, f"{task}-true", "reward.source=true", task=task))
        runs.append(make_run(tmp_path, task, task=task, true_return=reached))
    ((condition, tasks, score),) = compare(read_runs(runs)).scores_over_tasks()
    assert (condition, tasks) == ("ppo, 200 labels of oracle", 2)
    assert score.mean == pytest.approx((1.0 + 0.5) / 2)


def test_a_loss_is_counted_with_the_warning_that_came_before_it(tmp_path: pathlib.Path) -> None:
    runs = [
        make_run(tmp_path, "in-time", seed=0, falls_at=60_000, hacked_at=50_000),
        make_run(tmp_path, "too-late", seed=1, falls_at=60_000, hacked_at=70_000),
        make_run(tmp_path, "not-at-all", seed=2, falls_at=60_000),
        make_run(tmp_path, "wrongly", seed=3, hacked_at=50_000),
        make_run(tmp_path, "healthy", seed=4),
        make_run(tmp_path, "by-truth", "reward.source=true", falls_at=60_000),
    ]
    found = compare(
        read_runs([*runs, make_run(tmp_path, "reacher", task="reacher", falls_at=60_000, hacked_at=40_000)])
    )
    one, baseline, _ = found.groups
    shown = cells(one)
    assert shown["lost a fifth"] == "3 of 5"
    assert shown["warned before"] == "1 of 3" and shown["env steps ahead"] == "12,000"  # lost at the line after 60,000
    assert shown["warned wrongly"] == "1 of 2"
    assert {cells(baseline)[column.name] for column in WARNINGS} == {"-"}
    (over,) = found.over_tasks()
    assert cells(over)["warned before"] == "2 of 4" and cells(over)["env steps ahead"] == "17,000"


def test_a_return_that_came_back_is_no_loss(tmp_path: pathlib.Path) -> None:
    """Neither is a fall of less than a fifth of the way from a random policy, which makes -100."""
    (run,) = read_runs([make_run(tmp_path, "one", true_return=1000.0)])
    for last, lost_at in ((0.0, 100_000), (779.0, 100_000), (781.0, None)):
        curve = dict(run.curve)
        returns = [*curve["true_return"]]
        returns[-1], returns[-2], returns[20] = last, 1000.0, 0.0
        found = fate(dataclasses.replace(run, curve={**curve, "true_return": returns}))
        assert found is not None and found.lost_at == lost_at


def test_what_never_was_above_random_has_nothing_to_lose(tmp_path: pathlib.Path) -> None:
    (run,) = read_runs([make_run(tmp_path, "one", true_return=-150.0, falls_at=60_000)])
    curve = {**run.curve, "true_return": [-100.0 - at / 1_000 for at in run.curve["env_steps"] if at is not None]}
    found = fate(dataclasses.replace(run, curve=curve))
    assert found is not None and found.lost_at is None


def test_warnings_and_unfinished_runs_are_said(tmp_path: pathlib.Path) -> None:
    runs = read_runs(
        [make_run(tmp_path, "hacked", correlation=-0.5), make_run(tmp_path, "half", finished=False, seed=1)]
    )
    (warning,) = runs[0].notes
    assert "return_correlation was -0.5 in the end" in warning and "reward hacking" in warning
    assert runs[1].notes == ("It has not finished (stopped), so it has no evaluation: only its curves are shown.",)
    (group,) = compare(runs).groups
    assert cells(group)["seeds"] == "0, 1 (1 not finished)"


def test_a_result_s_json_counts_like_a_folder(tmp_path: pathlib.Path) -> None:
    """Also of an earlier version, which says no condition."""
    file = tmp_path / "cheetah-few-labels-1.json"
    file.write_text(json.dumps({"summary": summary("half-cheetah", 1, 500.0, learned=True)}), encoding="utf-8")
    (run,) = read_runs([str(file), str(file)])
    assert (run.name, run.condition, run.seed, run.state) == (file.stem, "cheetah-few-labels", 1, "finished")


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"summary": null}', '{"summary": {"task": "a"}}'])
def test_what_is_no_result_is_said(tmp_path: pathlib.Path, text: str) -> None:
    file = tmp_path / "bad.json"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=r"bad\.json is not a run's result, which `rlhp-ray sweep` writes"):
        read_runs([str(file)])


def test_a_result_that_is_not_there_is_said(tmp_path: pathlib.Path) -> None:
    with pytest.raises(UserError, match=r"none\.json can't be read: No such file or directory\."):
        read_runs([str(tmp_path / "none.json")])
