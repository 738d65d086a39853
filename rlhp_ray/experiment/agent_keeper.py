"""The run's agent on the cluster: built, and built again from the last checkpoint where it was lost."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

from rlhp_ray.agent.algorithm import FragmentAlgorithm
from rlhp_ray.errors import AgentLostError
from rlhp_ray.experiment import checkpoint
from rlhp_ray.storage import RunFolder

MAX_REBUILDS = 3  # without a checkpoint in between
REBUILT_EPOCHS = 1_000_000  # more than any run has: one that is built again takes other random numbers


class AgentKeeper:
    """Holds the one agent that there is of a run at a time."""

    def __init__(
        self,
        folder: RunFolder,
        *,
        make: Callable[[int], FragmentAlgorithm],
        follow: Callable[[FragmentAlgorithm], None],
        note: Callable[[str], None],
    ) -> None:
        """`make`: one whose random numbers are an epoch's; `follow` is told each; `note` takes what happened."""
        self._folder, self._make, self._follow, self._note = folder, make, follow, note
        self._agent: FragmentAlgorithm | None = None
        self._rebuilds = 0
        self._rebuilds_in_a_row = 0  # without a checkpoint in between

    def build(self) -> FragmentAlgorithm:
        """A new agent."""
        self._agent = self._make((self._folder.epoch or 0) + REBUILT_EPOCHS * self._rebuilds)
        self._follow(self._agent)
        return self._agent

    def in_place_of(self, lost: FragmentAlgorithm, error: AgentLostError) -> FragmentAlgorithm:
        """An agent that goes on from the last checkpoint; raises the error where agents are lost again and again."""
        agent: FragmentAlgorithm | None = None
        cause: Exception | None = None
        while agent is None:
            self._rebuilds += 1
            self._rebuilds_in_a_row += 1
            if self._rebuilds_in_a_row > MAX_REBUILDS:
                raise error from cause
            self.stop()
            try:
                agent = self._rebuilt()
            except Exception as while_built:  # lost again: RLlib fails in ways of its own where a learner dies then
                cause = while_built
        self._note(
            f"The agent was lost after {lost.env_steps:,} env steps (a learner or its EnvRunners died) and goes on "
            f"from {agent.env_steps:,}, its last checkpoint's."
        )
        return agent

    def _rebuilt(self) -> FragmentAlgorithm:
        agent = self.build()
        loaded = checkpoint.load_newest(self._folder)
        if loaded is not None:
            agent.go_on(loaded[0])
        return agent

    def save(self, counters: dict[str, Any]) -> None:
        """A checkpoint of the agent, with the run's counters."""
        assert self._agent is not None
        checkpoint.save(self._folder, self._agent.snapshot(), counters)
        self._rebuilds_in_a_row = 0

    def stop(self) -> None:
        """Take it off the cluster; nothing where there is none."""
        if self._agent is not None:
            with contextlib.suppress(Exception):  # RLlib stumbles over learners and runners that died
                self._agent.stop()
            self._agent = None
