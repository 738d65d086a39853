"""A policy from a snapshot's arrays alone, without Ray: for evaluation and export."""

from __future__ import annotations

from rlhp_ray.agent.learner import MODULE_PREFIX
from rlhp_ray.agent.module import ActorCritic
from rlhp_ray.tasks import Task
from rlhp_ray.types import Array


def policy_arrays(snapshot: dict[str, Array]) -> dict[str, Array]:
    """The module's part of a snapshot, under the module's own names."""
    return {
        name.removeprefix(MODULE_PREFIX): array for name, array in snapshot.items() if name.startswith(MODULE_PREFIX)
    }


def policy_from(snapshot: dict[str, Array], task: Task) -> ActorCritic:
    """The policy that a snapshot holds; its layers' sizes are read from the arrays."""
    arrays = policy_arrays(snapshot)
    layers = sorted(
        int(name.split(".")[1]) for name in arrays if name.startswith("policy.") and name.endswith("weight")
    )
    hidden = tuple(arrays[f"policy.{layer}.weight"].shape[0] for layer in layers[:-1])
    module = ActorCritic(
        observation_space=task.observation_space,
        action_space=task.action_space,
        inference_only=False,
        model_config={"hidden_sizes": hidden, "initial_log_std": 0.0},
    )
    module.load_arrays(arrays)
    module.eval()
    return module
