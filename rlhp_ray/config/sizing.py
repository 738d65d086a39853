"""How large a run is on its cluster, where the configuration leaves it open: the rule of docs/cluster.md.

A unit is up to 8 EnvRunners and one learner, with 4,096 env steps an update in minibatches of 256. Small clusters get a
part of one, in which the update stays as it is and fragments become shorter; large ones get several, with one learner
actor each, so that no process has more to do than on a small cluster.
"""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

from rlhp_ray.config.agent import BATCH, OFF_POLICY_BATCH, AgentPart, SizedAgentPart
from rlhp_ray.config.schema import Config

UNIT_RUNNERS = 8
UNIT_MINIBATCH = 256
LEAST_FRAGMENT_STEPS = 512  # env steps: a fragment that is shorter costs more to ask rewards for than to take
RUNNERS_A_REPLICA, RUNNERS_A_REPLICA_OF_IMAGES = 8, 2


@dataclasses.dataclass(frozen=True, slots=True)
class Room:
    """What a cluster has free for a run."""

    runner_cpus: int  # on nodes that take EnvRunners
    learner_cpus: int  # on nodes that take learners
    shared: bool  # whether these are the same nodes
    gpus: float  # on nodes that take learners or the reward trainer


def sized(config: Config, room: Room, *, images: bool) -> tuple[Config, SizedAgentPart]:
    """The run's config, and its agent, with numbers in place of nulls. `images`: whether that is what it observes."""
    if config.run.mode == "lockstep":
        room = Room(1, 1, shared=True, gpus=0.0)
    share = (1.0 if room.gpus >= 2 else room.gpus / 2) if images else 0.0  # of a GPU, for each process that uses one
    agent = _agent(config.agent, room, share)
    runners = RUNNERS_A_REPLICA_OF_IMAGES if images else RUNNERS_A_REPLICA
    replicas = config.serving.replicas or -(-agent.num_env_runners // runners)
    gpus = share if config.reward.gpus is None else config.reward.gpus
    update = {
        "agent": agent,
        "serving": config.serving.model_copy(update={"replicas": replicas}),
        "reward": config.reward.model_copy(update={"gpus": gpus}),
    }
    return config.model_copy(update=update), agent


def _agent(part: AgentPart, room: Room, gpus: float) -> SizedAgentPart:
    """`gpus`: for each learner, where nothing else is given."""
    runners, learners, batch = part.num_env_runners, part.num_learners, part.train_batch_size
    minibatch = part.minibatch_size
    gpus = gpus if part.gpus_per_learner is None else part.gpus_per_learner
    if part.algorithm == "ppo" and (runners, learners, batch, minibatch) == (None,) * 4:
        units = _units(room, gpus)
        if units > 1:
            runners, learners = units * UNIT_RUNNERS, units
    if learners is None:
        learners = 1 if gpus else 0  # an actor goes where the GPU is
    decided = functools.partial(_decided, part, gpus if learners else 0.0)
    if part.off_policy:
        batch = batch or _whole(OFF_POLICY_BATCH, (runners or 1) * part.envs_per_runner)
        return decided(runners or 1, learners, batch, minibatch or UNIT_MINIBATCH)
    units = learners or 1
    if runners is None:
        cpus = room.runner_cpus - (1 + learners if room.shared else 0)  # the others are the driver's and the learners'
        most = (batch or units * BATCH) // LEAST_FRAGMENT_STEPS
        if part.algorithm == "appo":  # a runner more is an update more that each fragment is behind
            most = min(most, UNIT_RUNNERS)
        runners = max(1, min(cpus, most))
        while batch is not None and batch % (runners * part.envs_per_runner):
            runners -= 1
    batch = batch or _whole(units * BATCH, runners * part.envs_per_runner)
    return decided(runners, learners, batch, min(batch, minibatch or units * UNIT_MINIBATCH))


def _whole(env_steps: int, per_step: int) -> int:
    """So many env steps, or a few less, as whole steps of all environments; one at least."""
    return max(1, env_steps // per_step) * per_step


def _units(room: Room, gpus: float) -> int:
    units = room.runner_cpus // (UNIT_RUNNERS + 1)
    if not room.shared:
        units = min(room.runner_cpus // UNIT_RUNNERS, room.learner_cpus)
    return min(units, int((room.gpus - 1) / gpus)) if gpus else units  # the reward trainer has one of them


def _decided(part: AgentPart, gpus: float, runners: int, learners: int, batch: int, minibatch: int) -> SizedAgentPart:
    numbers: dict[str, Any] = {
        "gpus_per_learner": gpus,
        "num_env_runners": runners,
        "num_learners": learners,
        "train_batch_size": batch,
        "minibatch_size": minibatch,
    }
    return SizedAgentPart.model_validate(part.model_dump() | numbers)
