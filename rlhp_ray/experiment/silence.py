"""What the watch makes of a process that doesn't answer, and of a loop that doesn't turn. No Ray in here."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

CLOCK_SECONDS = 10.0  # that a node's clock may differ from the driver's


@dataclasses.dataclass(frozen=True)
class Limits:
    """When a silence is said, and when it is ended; both in seconds."""

    said: float
    ended: float


class Silence:
    """One process as the watch sees it: when it was asked, what it answered, what was said of it."""

    def __init__(self, name: str, meaning: str, limits: Limits, say: Callable[[str], None]) -> None:
        """`name` begins a sentence; `meaning`: what doesn't happen while it is silent."""
        self.name = name
        self._meaning = meaning
        self._limits = limits
        self._say = say
        self._asked_at: float | None = None
        self._silent_since = 0.0
        self._said = ""  # of this silence
        self._kills = 0  # since it answered last
        self._answered = False  # ever
        self._waits_for = ""
        self._clock_said = False

    @property
    def troubled(self) -> bool:
        """Whether it is silent or waits for something, and that was said."""
        return bool(self._said or self._waits_for)

    def asked(self, now: float) -> None:
        """It was asked whether it lives."""
        self._asked_at = self._silent_since = now

    def answered(self, now: float, waits_for: str) -> None:
        """It lives."""
        if self._said:
            self._say(f"{self.name} answers again after {now - self._silent_since:.0f} s.")
        if waits_for and waits_for != self._waits_for:
            self._say(f"{self.name} waits: {waits_for}")
        elif self._waits_for and not waits_for:
            self._say(f"{self.name} goes on.")
        self._asked_at, self._answered, self._waits_for = None, True, waits_for
        self._said, self._kills = "", 0

    def clock(self, theirs: float, *, asked: float, now: float) -> None:
        """Its clock, and the driver's when it was asked and now [unix seconds]: one that is wrong is said once."""
        ahead = theirs - now if theirs > now else min(0.0, theirs - asked)
        wrong = abs(ahead) > CLOCK_SECONDS
        if wrong and not self._clock_said:
            self._say(
                f"The clock of {self.name[0].lower()}{self.name[1:]}'s node is {abs(ahead):.0f} s "
                f"{'ahead of' if ahead > 0 else 'behind'} the driver's: times of answers and metrics are off by as "
                "much; set the clocks (NTP)."
            )
        self._clock_said = wrong

    def look(self, now: float) -> bool:
        """Say what is to be said; whether it shall be killed now. What never answered yet is still starting."""
        if self._asked_at is None or not self._answered:
            return False
        silent = now - self._asked_at
        # What doesn't come back within the time either is given twice as long each time: it may be starting.
        limit = self._limits.ended * 2**self._kills
        if silent >= limit:
            self._say(f"{self.name} has not answered for {now - self._silent_since:.0f} s and is started again.")
            self._asked_at = now
            self._kills += 1
            self._said = "killed"
            return True
        if silent >= self._limits.said and not self._said:
            self._said = "silent"
            self._say(
                f"{self.name} has not answered for {silent:.0f} s (its process is stopped, or its machine is too "
                f"busy): {self._meaning} meanwhile; it is started again after {limit:.0f} s."
            )
        return False

    def lost(self) -> None:
        """The question was lost with its process; it can be asked again."""
        self._asked_at = None

    def restarted(self) -> None:
        """It died, and Ray starts it again."""
        self._say(f"{self.name} died and is started again.")

    def gone(self, meaning: str) -> None:
        """It is there no more, and isn't asked again."""
        self._say(f"{self.name} is gone: {meaning}.")

    def stood_still(self, seconds: float) -> None:
        """The watch itself stood still for so long, so it is no silence of this process's."""
        if self._asked_at is not None:
            self._asked_at += seconds
            self._silent_since += seconds


class Progress:
    """The driver's own loop: how long each turn takes, and that one takes much too long."""

    USUAL = 10  # a turn may take so many times the longest one before

    def __init__(self, limits: Limits, say: Callable[[str], None]) -> None:
        self._limits = limits
        self._say = say
        self._begun_at: float | None = None
        self._longest = 0.0
        self._kills = 0
        self._said = False

    def turned(self, now: float) -> None:
        """A turn ended, and the next one begins."""
        if self._begun_at is not None:
            took = now - self._begun_at
            if self._said:
                self._say(f"The agent goes on after {took:.0f} s.")
            elif not self._kills:
                self._longest = max(self._longest, took)
        self._begun_at, self._said, self._kills = now, False, 0

    def paused(self) -> None:
        """No turn is on its way."""
        self._begun_at = None

    def look(self, now: float, waits_on: list[str]) -> bool:
        """Say what is to be said; whether those that it waits on shall be killed now."""
        if self._begun_at is None:
            return False
        taken = now - self._begun_at
        if taken >= max(self._limits.ended, self.USUAL * self._longest) * 2**self._kills:
            if waits_on:
                self._say(f"{' and '.join(waits_on)} kept the agent waiting for {taken:.0f} s: started again.")
                self._kills += 1
                self._said = True
                return True
        elif taken >= max(self._limits.said, self.USUAL / 2 * self._longest) and not self._said:
            self._said = True
            names = " and ".join(waits_on) or "the learner"
            self._say(
                f"The agent has made no step for {taken:.0f} s and waits for {names} (its process is stopped, or its "
                "machine is too busy)."
            )
        return False

    def stood_still(self, seconds: float) -> None:
        """The driver itself stood still for so long."""
        if self._begun_at is not None:
            self._begun_at += seconds
