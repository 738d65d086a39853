"""Weights & Biases beside metrics.jsonl: online, offline (files in the run's folder) or off, which is the default.

The driver alone writes it. Every row holds env steps and labels beside the metrics; W&B draws each metric against env
steps, and its twin under `by_labels/` against labels, for a chart has one x-axis by default. A log that can't be
started or written never stops a run; it is said once.
"""

from __future__ import annotations

import json
import os
import pathlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from rlhp_ray.telemetry.registry import METRICS
from rlhp_ray.telemetry.wandb_report import report_definition

ENV_STEPS, LABELS = "env_steps", "labels"
BY_LABELS = "by_labels/"
EVALUATION = "evaluation"
_MAX_TAG, _MAX_GROUP = 64, 128  # characters that W&B takes


class WandbLog:
    """A run's log on W&B. Nothing of it touches the network unless `mode` is online."""

    def __init__(
        self,
        *,
        mode: Literal["off", "offline", "online"],
        project: str,
        entity: str | None,
        name: str,
        group: str,
        tags: Sequence[str],
        folder: pathlib.Path,
        config: Mapping[str, Any],
        say: Callable[[str], None],
    ) -> None:
        """`folder`: where W&B keeps its files; `say`: takes the sentence about a failure.

        `group`: what runs have in common that differ by seed only.
        """
        self._folder, self._say = folder, say
        self._run: Any = None
        if mode == "off":
            return
        # Its own error reports would call out.
        os.environ.setdefault("WANDB_ERROR_REPORTING", "false")
        try:
            self._run = _start(
                folder,
                mode="online" if mode == "online" else "offline",
                project=project,
                entity=entity,
                name=name,
                group=group[:_MAX_GROUP],
                tags=[tag[:_MAX_TAG] for tag in tags],
                job_type="train",
                config=dict(config),
            )
        except Exception as error:  # whatever W&B raises, the run goes on
            self._give_up("started", error)

    def log(self, *, env_steps: int, labels: int, values: Mapping[str, float | None]) -> None:
        """A row of metrics, against env steps and against labels."""
        axes = {ENV_STEPS: env_steps, LABELS: labels}
        known = {name: value for name, value in values.items() if value is not None and name not in axes}
        twins = {BY_LABELS + name: value for name, value in known.items()}
        self._try(lambda: self._run.log({**axes, **known, **twins}))

    def video(self, *, env_steps: int, labels: int, file: pathlib.Path) -> None:
        """A video of the policy, an mp4."""

        def log() -> None:
            import wandb

            video = wandb.Video(str(file), format="mp4")
            self._run.log({ENV_STEPS: env_steps, LABELS: labels, EVALUATION: video})

        self._try(log)

    def artifacts(self, write: Callable[[pathlib.Path], Sequence[str]]) -> None:
        """What a run leaves behind, each an artifact that was made from the one before it, and a report's definition.

        `write` writes a folder for each into the folder that it is given, and returns their names in that order. All
        but the last one are also used by the run, so that W&B draws run, answers, predictor and policy as a line; of an
        offline log once it is synchronised.
        """

        def log() -> None:
            import wandb

            scratch = self._folder / "wandb" / "artifacts"  # stays, so that W&B needs no copy in somebody's home
            names, made_from = write(scratch), None
            for name in names:
                artifact = wandb.Artifact(f"{name}-{self._run.id}", type=name, metadata={"made_from": made_from})
                for file in sorted((scratch / name).iterdir()):
                    artifact.add_file(str(file), name=file.name, skip_cache=True, policy="immutable")
                # The public use_artifact refuses to work offline, and does this very call online.
                self._run._log_artifact(artifact, is_user_created=True, use_after_commit=name != names[-1])
                made_from = artifact.name
            definition = scratch / "report.json"
            definition.write_text(json.dumps(report_definition(self._run.project, self._run.entity or "")))
            artifact = wandb.Artifact(f"report-{self._run.id}", type="report")
            artifact.add_file(str(definition), name=definition.name, skip_cache=True, policy="immutable")
            self._run.log_artifact(artifact)

        self._try(log)

    def finish(self, summary: Mapping[str, Any]) -> None:
        """Write the summary and end the log; all of it is written when this returns."""

        def end() -> None:
            import wandb

            self._run.summary.update(dict(summary))
            self._run.finish()
            # `finish` returns before W&B's process has written the end of the file.
            wandb.teardown()

        self._try(end)
        self._run = None

    def _try(self, action: Callable[[], None]) -> None:
        if self._run is None:
            return
        try:
            action()
        except Exception as error:  # whatever W&B raises, the run goes on
            self._run = None
            self._give_up("written", error)

    def _give_up(self, what: str, error: Exception) -> None:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
        self._say(f"The W&B log could not be {what} ({reason}); the run goes on without it. Look at `rlhp-ray doctor`.")


def _start(folder: pathlib.Path, **run: Any) -> Any:
    import wandb

    folder.mkdir(parents=True, exist_ok=True)
    settings = wandb.Settings(
        silent=True,
        console="off",
        disable_git=True,
        disable_code=True,
        host="",  # nobody's machine is named
        x_disable_meta=True,
        x_disable_machine_info=True,
        # Its statistics ask a cloud's metadata address.
        x_disable_stats=True,
        x_save_requirements=False,
        init_timeout=30,
    )
    started = wandb.init(dir=str(folder), settings=settings, **run)
    for axis in (ENV_STEPS, LABELS):
        started.define_metric(axis, summary="max")
    for metric in METRICS:
        if metric.name not in (ENV_STEPS, LABELS):
            started.define_metric(metric.name, step_metric=ENV_STEPS)
            started.define_metric(BY_LABELS + metric.name, step_metric=LABELS, summary="none")
    started.define_metric(EVALUATION, step_metric=ENV_STEPS)
    return started
