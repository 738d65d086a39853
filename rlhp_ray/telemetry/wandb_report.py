"""The report on W&B that compares a project's runs by task and condition, as code.

    python -m rlhp_ray.telemetry.wandb_report PROJECT [--entity ENTITY]     saves it there, and prints its address

`wandb.artifacts` logs the same definition with a run, so that it can be read, and saved later, from an offline log.
"""

from __future__ import annotations

import argparse
import sys
from typing import Any

from rlhp_ray.telemetry.lookup import metric

_BY_LABELS = "by_labels/"

# Heading, sentence, charts as (metric, axis); each metric is in the registry.
SECTIONS: tuple[tuple[str, str, tuple[tuple[str, str], ...]], ...] = (
    (
        "What is reached",
        "True return of the newest 20 episodes, which the agent never sees: by env steps, and by what was asked.",
        (("true_return", "env_steps"), ("true_return", "labels")),
    ),
    (
        "What the predictor knows",
        "Accuracy on answers before they are trained on, and on audit answers; agreement of predicted and true return.",
        (
            ("reward/fresh_accuracy", "labels"),
            ("reward/audit_accuracy", "labels"),
            ("return_correlation", "env_steps"),
            ("reward/disagreement", "labels"),
            ("health", "env_steps"),
        ),
    ),
    (
        "How fast it goes",
        "Env steps and labels, and from an answer to the first reward that follows it.",
        (
            ("env_steps_per_second", "env_steps"),
            ("labels_per_minute", "env_steps"),
            ("answer_to_reward_seconds_p50", "env_steps"),
            ("cluster/memory_bytes", "env_steps"),
        ),
    ),
)


def report(project: str, entity: str) -> Any:
    """The report, its runs grouped as `rlhp-ray train` groups them; not saved. wandb_workspaces.reports.v2.Report."""
    from wandb_workspaces.reports import v2

    blocks: list[Any] = []
    for heading, sentence, charts in SECTIONS:
        panels = [
            v2.LinePlot(
                title=f"{name} against {axis}: {metric(name).meaning}",
                x=axis,
                y=[_BY_LABELS + name if axis == "labels" else name],
                groupby_aggfunc="mean",
                groupby_rangefunc="stderr",
                layout=v2.Layout(x=12 * (index % 2), y=8 * (index // 2), w=12, h=8),
            )
            for index, (name, axis) in enumerate(charts)
        ]
        runs = v2.Runset(project=project, entity=entity, name="by task and condition", groupby=["group"])
        blocks += [v2.H2(text=heading), v2.P(text=sentence), v2.PanelGrid(runsets=[runs], panels=panels)]
    return v2.Report(project=project, entity=entity, title="Runs by task and condition", blocks=blocks, width="fluid")


def report_definition(project: str, entity: str) -> dict[str, Any]:
    """The report as W&B keeps it, fit for JSON. Nothing of this asks the network."""
    definition: dict[str, Any] = (
        report(project, entity)._to_model().model_dump(mode="json", by_alias=True, exclude_none=True)
    )
    return definition


def main() -> int:
    """Save the report on W&B."""
    parser = argparse.ArgumentParser(description="Save the report that compares a project's runs on W&B.")
    parser.add_argument("project", help="a W&B project, as wandb.project")
    parser.add_argument("--entity", help="a W&B team or user; the account's own otherwise")
    options = parser.parse_args()
    import wandb

    print(report(options.project, options.entity or wandb.Api().default_entity or "").save().url)
    return 0


if __name__ == "__main__":
    sys.exit(main())
