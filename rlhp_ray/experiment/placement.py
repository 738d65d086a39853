"""Where on its cluster a run's processes go, and what room it has there.

A node that takes a role offers a custom resource of its name (`ray start --resources`), and the role's processes ask
for a trace of that. Where no node offers it, as on a laptop, they go anywhere.
"""

from __future__ import annotations

import dataclasses

import ray
from ray._private.state import available_resources_per_node  # the public ones know sums over all nodes only

from rlhp_ray.config.agent import SizedAgentPart
from rlhp_ray.config.schema import Config, PlacementPart
from rlhp_ray.config.sizing import Room, sized

TRACE = 0.001  # of a node's 1, so that nothing but its CPUs says how many processes it takes

Resources = dict[str, float]


class Placement:
    """The roles' nodes, as the cluster is when this is made."""

    def __init__(self, part: PlacementPart, *, joined: bool) -> None:
        """`joined`: the cluster is others' too, so only what is free counts."""
        self._part = part
        nodes = [node for node in ray.nodes() if node["Alive"]]  # type: ignore[no-untyped-call]  # Ray's
        free: dict[str, Resources] = available_resources_per_node() if joined else {}  # type: ignore[no-untyped-call]
        self._nodes: dict[str, Resources] = {node["NodeID"]: node["Resources"] for node in nodes}
        self._free = {name: free.get(name, {}) if joined else total for name, total in self._nodes.items()}

    def of(self, role: str) -> Resources:
        """What an actor of this role (a field of `placement`) asks for: a trace, or nothing."""
        name: str = getattr(self._part, role)
        return {name: TRACE} if any(name in resources for resources in self._nodes.values()) else {}

    def nodes(self, role: str) -> set[str]:
        """Ids of the nodes that take this role."""
        wanted = self.of(role)
        return {node for node, resources in self._nodes.items() if wanted.keys() <= resources.keys()}

    def room(self) -> Room:
        """What is free for the run."""
        runners, learners = self.nodes("rollouts"), self.nodes("learner")
        return Room(
            runner_cpus=int(self._sum("CPU", runners)),
            learner_cpus=int(self._sum("CPU", learners)),
            shared=bool(runners & learners),
            gpus=self._sum("GPU", learners | self.nodes("trainer")),
        )

    def _sum(self, resource: str, nodes: set[str]) -> float:
        return sum(self._free[node].get(resource, 0.0) for node in nodes)


@dataclasses.dataclass(frozen=True, slots=True)
class Fit:
    """A run's config on its cluster: numbers in place of what was left open, and where the processes go."""

    config: Config
    agent: SizedAgentPart  # the config's
    placement: Placement
    joined: bool  # the cluster was there, and may be others' too

    def __str__(self) -> str:
        roles = PlacementPart.model_fields
        nodes = {role: len(self.placement.nodes(role)) for role in roles if self.placement.of(role)}
        placed = [f"{role} on {_count(count, 'node')}" for role, count in nodes.items()]
        counts = [
            _count(self.agent.num_env_runners, "EnvRunner"),
            _count(self.agent.num_learners, "learner") if self.agent.num_learners else "the driver learns",
            _count(self.config.serving.least_replicas, "predictor replica"),
        ]
        return ", ".join([*counts, *placed])


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def fit(config: Config, *, images: bool, joined: bool) -> Fit:
    """Fit a run into the cluster that this process is connected to. `images`: whether that is what it observes."""
    placement = Placement(config.placement, joined=joined)
    config, agent = sized(config, placement.room(), images=images)
    return Fit(config, agent, placement, joined)
