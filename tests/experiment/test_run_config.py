"""What a run is an example of: the same for every seed, another for every teacher."""

from __future__ import annotations

import pytest

from rlhp_ray.config import parse_config
from rlhp_ray.experiment.run_config import condition


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (["seed=3"], "ppo, 700 labels of oracle"),
        (["budget.labels=350"], "ppo, 350 labels of oracle"),
        (
            ["teacher.answers_per_minute=20", "teacher.tie_tolerance=0.5"],
            "ppo, 700 labels of oracle (answers_per_minute=20.0, tie_tolerance=0.5)",
        ),
        (["teacher.kind=recorded", "teacher.path=out"], "ppo, 700 labels of recorded"),
        (["reward.source=true"], "ppo, true reward"),
    ],
)
def test_condition(overrides: list[str], said: str) -> None:
    assert condition(parse_config("task: point", source="test", overrides=overrides)) == said
