"""The resolved config in a run's folder, and what it makes the run an example of."""

from __future__ import annotations

from collections.abc import Sequence

from rlhp_ray.config.load import parse_config
from rlhp_ray.config.schema import Config
from rlhp_ray.errors import ConfigError
from rlhp_ray.storage import RunFolder

CONFIG = "config.yaml"


def read_config(folder: RunFolder, overrides: Sequence[str] = ()) -> Config:
    """The resolved config of a run, with what is different on another cluster. ConfigError."""
    for override in overrides:
        if not override.startswith("ray."):
            raise ConfigError(
                f"{override} can't be given here: a run goes on with its own config, and only its `ray` part says "
                "where, such as ray.address=host:port."
            )
    return parse_config(folder.read(CONFIG).decode(), source=folder.address_of(CONFIG), overrides=overrides)


def condition(config: Config) -> str:
    """What a run is an example of, beside its task and seed: algorithm, where its reward comes from, who teaches.

    Such as `ppo, 700 labels of oracle (answers_per_minute=20.0)`: what isn't by default of the teacher is named.
    `run.condition` instead, where it is set.
    """
    if config.run.condition is not None:
        return config.run.condition
    if config.reward.source == "true":
        return f"{config.agent.algorithm}, true reward"
    fields = config.teacher.model_dump(exclude_defaults=True, exclude={"kind", "path"})
    special = ", ".join(f"{name}={value}" for name, value in fields.items())
    teacher = f"{config.teacher.kind} ({special})" if special else config.teacher.kind
    return f"{config.agent.algorithm}, {config.budget.labels} labels of {teacher}"
