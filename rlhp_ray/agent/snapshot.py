"""A policy from a snapshot's arrays alone, without Ray: for evaluation and export."""

from __future__ import annotations

import logging
from typing import Any

from rlhp_ray.agent.build import ALGORITHMS, model_config
from rlhp_ray.agent.learner import MODULE_PREFIX
from rlhp_ray.agent.networks import PolicyModule, load_arrays
from rlhp_ray.config.agent import AgentPart
from rlhp_ray.tasks import Task
from rlhp_ray.types import Array


def policy_arrays(snapshot: dict[str, Array]) -> dict[str, Array]:
    """The module's part of a snapshot, under the module's own names."""
    return {
        name.removeprefix(MODULE_PREFIX): array for name, array in snapshot.items() if name.startswith(MODULE_PREFIX)
    }


def policy_from(snapshot: dict[str, Array], task: Task, part: AgentPart) -> PolicyModule:
    """The policy that a snapshot of such an agent holds."""
    logging.getLogger("ray.rllib").setLevel(logging.CRITICAL)  # it warns of its own ways
    module: Any = ALGORITHMS[part.algorithm].module_class(
        observation_space=task.observation_space,
        action_space=task.action_space,
        inference_only=False,
        model_config=model_config(part),
    )
    load_arrays(module, policy_arrays(snapshot))
    module.eval()
    policy: PolicyModule = module
    return policy
