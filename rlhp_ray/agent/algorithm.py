"""What all agents share: RLlib's Algorithm, EnvRunnerGroup and LearnerGroup, fed with fragments.

Each EnvRunner has at most one request on its way. The next ones are asked for before an update, so that sampling and
learning overlap (the loss corrects for the lag by the stored log-probabilities). The weights travel with each request,
so whoever samples has them, a restarted runner too.
"""

from __future__ import annotations

import abc
import dataclasses
from collections.abc import Callable, Iterator
from statistics import fmean
from typing import Any, ClassVar

import numpy as np
import ray
from ray.exceptions import RayError
from ray.rllib.algorithms.algorithm import Algorithm
from ray.rllib.core import COMPONENT_RL_MODULE, DEFAULT_MODULE_ID
from ray.rllib.core.rl_module.rl_module import RLModule
from ray.rllib.policy.sample_batch import MultiAgentBatch, SampleBatch
from ray.rllib.utils.metrics import NUM_ENV_STEPS_SAMPLED_LIFETIME

from rlhp_ray.agent.learner import ArrayLearner
from rlhp_ray.errors import AgentLostError, RlhpRayError
from rlhp_ray.rollouts.env_runner import SETTINGS, RolloutSettings
from rlhp_ray.rollouts.fragment import Fragment
from rlhp_ray.types import Array

SAMPLE = "sample"
OVERLAP = "overlap"  # the key of env_config that says whether the next fragments are asked for before an update
POLL_SECONDS = 0.005  # RLlib waits for all runners, so it is asked again and again
MAX_LOST_REQUESTS = 5  # for each runner, without a fragment in between


@dataclasses.dataclass(frozen=True)
class Update:
    """What one update learned from, and its figures."""

    fragments: tuple[Fragment, ...]
    figures: dict[str, float]  # by the learner's names; none where nothing was learned yet

    @property
    def env_steps(self) -> int:
        """Steps that the learner was given."""
        return sum(map(len, self.fragments))


class FragmentAlgorithm(Algorithm, abc.ABC):  # type: ignore[misc]  # RLlib is untyped
    """An RLlib Algorithm whose training step takes fragments. `last_update` is what the newest one did."""

    learner_class: ClassVar[type[ArrayLearner]]
    module_class: ClassVar[type[RLModule]]
    last_update: Update
    env_steps: int = 0  # trained on, over the run's whole life
    updates: int = 0  # likewise; the policy's version
    lost_requests: int = 0  # fragments that never came, since their runner died

    @property
    @abc.abstractmethod
    def least_fragments(self) -> int:
        """How many fragments, each of another runner, an update waits for; it takes all that came by then."""

    def setup(self, config: Any) -> None:
        """Start runners and learners (RLlib calls this)."""
        super().setup(config)
        settings: RolloutSettings = self.config.env_config[SETTINGS]
        self._lockstep = settings.lockstep
        self._arrived: list[tuple[int, Fragment]] = []  # by runner
        self._lost_in_a_row = 0
        self._store_weights()

    def collect(self, *, learned: bool) -> list[Fragment]:
        """A batch of fragments, one of each runner, outside training (the first rollouts)."""
        self._request(learned=learned)
        return self._take(self.config.num_env_runners, learned=learned)

    def training_step(self) -> None:
        """Take what an update needs, ask for more, update."""
        self._request(learned=True)
        fragments = self._take(self.least_fragments, learned=True)
        if self.config.env_config[OVERLAP]:
            self._request(learned=True)
        env_steps = self.env_steps + sum(map(len, fragments))
        parts = [self._update(arrays, env_steps=env_steps) for arrays in self.batches(fragments)]
        if parts:
            self.updates += 1
            self._store_weights()
        self.env_steps = env_steps
        figures = {name: fmean(part[name] for part in parts) for name in self.learner_class.figures if parts}
        self.last_update = Update(tuple(fragments), figures)

    def batches(self, fragments: list[Fragment]) -> Iterator[dict[str, Array]]:
        """What the learner is to learn from now, one after the other."""
        yield Fragment.learner_arrays(fragments, self.learner_class.columns)

    def _update(self, arrays: dict[str, Array], *, env_steps: int) -> dict[str, float]:
        rows = len(next(iter(arrays.values())))
        batch = MultiAgentBatch({DEFAULT_MODULE_ID: SampleBatch(arrays)}, env_steps=rows)
        try:
            results, *_ = self.learner_group.update(batch=batch, timesteps={NUM_ENV_STEPS_SAMPLED_LIFETIME: env_steps})
        except RayError as error:
            raise learner_died() from error
        return {name: float(results[DEFAULT_MODULE_ID][name].peek()) for name in self.learner_class.figures}

    def snapshot(self) -> dict[str, Array]:
        """The agent's state as named arrays: weights with their normalisation, optimiser, counters."""
        arrays: dict[str, Array] = self._of_first_learner(lambda learner: learner.snapshot())
        return {**arrays, "env_steps": np.asarray(self.env_steps), "updates": np.asarray(self.updates)}

    def go_on(self, arrays: dict[str, Array]) -> None:
        """Go on from a snapshot, in the learners and in every runner."""
        self.env_steps, self.updates = int(arrays["env_steps"]), int(arrays["updates"])
        env_steps = self.env_steps
        for outcome in self.learner_group.foreach_learner(lambda learner: learner.restore(arrays, env_steps=env_steps)):
            if not outcome.ok:
                raise learner_died() from outcome.get()
        self._store_weights()

    def restore_env_runners(self, env_runner_group: Any) -> list[int]:
        """Take restarted runners into service again (RLlib calls this); their next request brings the weights."""
        restored: list[int] = env_runner_group.probe_unhealthy_env_runners()
        return restored

    def _store_weights(self) -> None:
        """Put the newest weights where runners read them."""
        state = self._of_first_learner(
            lambda learner: learner.get_state(components=COMPONENT_RL_MODULE, inference_only=True)
        )
        self._weights = ray.put(state)

    def _of_first_learner(self, call: Callable[[ArrayLearner], Any]) -> Any:
        """What this call returns of the first learner; all are equal."""
        outcomes = list(self.learner_group.foreach_learner(call, remote_actor_ids=[0]))
        if not outcomes or not outcomes[0].ok:
            raise learner_died() from (outcomes[0].get() if outcomes else None)
        return outcomes[0].get()

    def _request(self, *, learned: bool) -> None:
        """Ask every runner for a fragment that has none on its way or here."""
        here = {runner for runner, _ in self._arrived}
        idle = [runner for runner in self.env_runner_group.healthy_env_runner_ids() if runner not in here]
        if idle:  # RLlib takes an empty list for all
            kwargs = {"env_steps": self.env_steps, "learned": learned, "weights": self._weights}
            self.env_runner_group.foreach_env_runner_async(SAMPLE, tag=SAMPLE, kwargs=kwargs, remote_worker_ids=idle)

    def _take(self, least: int, *, learned: bool) -> list[Fragment]:
        """So many fragments or more, in the runners' order: what is here, or in lockstep all that were asked for."""
        group = self.env_runner_group
        while len(self._arrived) < least or (self._lockstep and group.num_in_flight_async_reqs(SAMPLE)):
            self._receive(learned=learned)
        taken, self._arrived = sorted(self._arrived, key=lambda pair: pair[0]), []
        return [fragment for _, fragment in taken]

    def _receive(self, *, learned: bool) -> None:
        """Take in what has come, and ask again where a runner died with its fragment."""
        group = self.env_runner_group
        on_their_way = group.num_in_flight_async_reqs(SAMPLE)
        ready = group.fetch_ready_async_reqs(tags=SAMPLE, timeout_seconds=POLL_SECONDS)
        lost = on_their_way - group.num_in_flight_async_reqs(SAMPLE) - len(ready)
        for _, outcome in ready:
            if isinstance(outcome, RlhpRayError):
                raise outcome
        self._arrived += ready
        self.lost_requests += lost
        self._lost_in_a_row = 0 if ready else self._lost_in_a_row + lost
        if self._lost_in_a_row > MAX_LOST_REQUESTS * self.config.num_env_runners:
            raise AgentLostError(
                f"The EnvRunners died {self._lost_in_a_row} times without giving a fragment in between; "
                "look for the cause in Ray's logs, and go on with `rlhp-ray resume`."
            )
        if len(self._arrived) + group.num_in_flight_async_reqs(SAMPLE) < self.config.num_env_runners:
            group.probe_unhealthy_env_runners()
            self._request(learned=learned)


def learner_died() -> AgentLostError:
    """What is raised where a learner doesn't answer any more."""
    return AgentLostError(
        "A learner of the agent died; the run can go on from its last checkpoint, with `rlhp-ray resume`."
    )
