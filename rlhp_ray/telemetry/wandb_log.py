"""Weights & Biases beside metrics.jsonl: online, offline (files in the run's folder) or off, which is the default.

A log that can't be started or written never stops a run; it is said once.
"""

from __future__ import annotations

import os
import pathlib
from collections.abc import Callable, Mapping
from typing import Any, Literal


class WandbLog:
    """A run's log on W&B. Nothing of it touches the network unless `mode` is online."""

    def __init__(
        self,
        *,
        mode: Literal["off", "offline", "online"],
        project: str,
        entity: str | None,
        name: str,
        folder: pathlib.Path,
        config: Mapping[str, Any],
        say: Callable[[str], None],
    ) -> None:
        """`folder`: where W&B keeps its files; `say`: takes the sentence about a failure."""
        self._say = say
        self._run: Any = None
        if mode == "off":
            return
        # Its own error reports would call out.
        os.environ.setdefault("WANDB_ERROR_REPORTING", "false")
        try:
            self._run = _start(mode, project, entity, name, folder, config)
        except Exception as error:  # whatever W&B raises, the run goes on
            self._give_up("started", error)

    def log(self, *, env_steps: int, labels: int, values: Mapping[str, float | None]) -> None:
        """Metrics against env steps."""
        known = {name: value for name, value in values.items() if value is not None}
        self._try(lambda: self._run.log({"env_steps": env_steps, "labels": labels, **known}))

    def video(self, *, env_steps: int, file: pathlib.Path) -> None:
        """The evaluation's video, an mp4."""

        def log() -> None:
            import wandb

            self._run.log({"env_steps": env_steps, "evaluation": wandb.Video(str(file), format="mp4")})

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


def _start(
    mode: str, project: str, entity: str | None, name: str, folder: pathlib.Path, config: Mapping[str, Any]
) -> Any:
    import wandb

    folder.mkdir(parents=True, exist_ok=True)
    settings = wandb.Settings(
        silent=True,
        console="off",
        disable_git=True,
        disable_code=True,
        x_disable_meta=True,
        x_disable_machine_info=True,
        # Its statistics ask a cloud's metadata address.
        x_disable_stats=True,
        x_save_requirements=False,
        init_timeout=30,
    )
    run = wandb.init(
        mode="online" if mode == "online" else "offline",
        project=project,
        entity=entity,
        name=name,
        dir=str(folder),
        config=dict(config),
        settings=settings,
    )
    run.define_metric("env_steps", hidden=True)
    run.define_metric("*", step_metric="env_steps")
    return run
