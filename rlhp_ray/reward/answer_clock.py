"""How long the predictor has been without a new answer, by the run's own clock, its env steps."""

from __future__ import annotations


class AnswerClock:
    """Since the newest answer that trains; after a restart, since that."""

    def __init__(self) -> None:
        self._env_steps = 0
        self._answered_at: int | None = None

    def advance(self, env_steps: int) -> None:
        """So many env steps have been taken in all."""
        self._env_steps = env_steps
        if self._answered_at is None:
            self._answered_at = env_steps

    def answered(self) -> None:
        """An answer has come."""
        self._answered_at = self._env_steps

    @property
    def unanswered(self) -> float:
        """The share of all env steps since then."""
        if self._answered_at is None or not self._env_steps:
            return 0.0
        return (self._env_steps - self._answered_at) / self._env_steps
