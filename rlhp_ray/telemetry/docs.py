"""docs/metrics.md, generated from the registry: `python -m rlhp_ray.telemetry.docs [--check]`."""

from __future__ import annotations

import argparse
import pathlib
import sys

from rlhp_ray.telemetry.metric import Metric
from rlhp_ray.telemetry.registry import METRICS

FILE = pathlib.Path("docs/metrics.md")

_HEAD = """# Metrics

Generated from `rlhp_ray/telemetry/registry.py` by `make docs`: change it there.

The driver writes all of them at an interval (`run.report_seconds`): a line of the run folder's `metrics.jsonl` (the
last one is told by `rlhp-ray status RUN`, which warns of each that is outside of its healthy range), and a row on
Weights & Biases where `wandb.mode` is `offline` or `online`. W&B draws each against env steps, and once more, as
`by_labels/NAME`, against labels; every row has both columns.

Those with a Prometheus name are on the metrics page that Ray has on every node (`MetricsExportPort` of `ray.nodes()`;
a cluster started here picks a free port), tagged with `run` and `task`, about ten seconds after they are written.
CPUs, GPUs, disks and networks are on the same page by Ray itself. `cluster/observability/` has a configuration for
Prometheus and a dashboard for Grafana over them.
"""

_GROUPS = {
    "": "The run",
    "answers": "Answers",
    "people": "People who answer",
    "reward": "The reward predictor",
    "novelty": "The newest behaviour beside the labelled",
    "agent": "The agent",
    "segments": "Segments",
    "cluster": "The cluster",
}


def metrics_markdown() -> str:
    """The page: a table for each group, with every metric, its unit, meaning, healthy range and Prometheus name."""
    groups: dict[str, list[Metric]] = {group: [] for group in _GROUPS}
    for metric in METRICS:
        groups[metric.name.rpartition("/")[0]].append(metric)
    return "\n".join([_HEAD, *(_section(_GROUPS[group], metrics) for group, metrics in groups.items())])


def _section(title: str, metrics: list[Metric]) -> str:
    head = ["| metric | unit | meaning | healthy | Prometheus |", "|---|---|---|---|---|"]
    return "\n".join([f"## {title}", "", *head, *map(_row, metrics), ""])


def _row(metric: Metric) -> str:
    healthy = f"{metric.healthy}; otherwise {metric.otherwise}" if metric.healthy else ""
    prometheus = f"`{metric.series}`" if metric.prometheus else ""
    cells = [f"`{metric.name}`", metric.unit, metric.meaning, healthy, prometheus]
    return "| " + " | ".join(cells) + " |"


def main() -> int:
    """Write the page, or with --check only compare; exit status 1 where it differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if the page isn't up to date")
    if not parser.parse_args().check:
        FILE.write_text(metrics_markdown(), encoding="utf-8")
        return 0
    if FILE.is_file() and FILE.read_text(encoding="utf-8") == metrics_markdown():
        return 0
    print(f"{FILE} is not what the registry says: type `make docs`.", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
