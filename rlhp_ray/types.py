"""The nouns of the method, as plain immutable data.

Shapes: S segments, K steps a segment, F frames an observation, Q sequences, M members of the ensemble.
Christiano et al. 2017 (arXiv 1706.03741), section 2.2: segments, queries, preferences.
"""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
BoolArray = npt.NDArray[np.bool_]
FloatArray = npt.NDArray[np.float32]
IntArray = npt.NDArray[np.int64]


class Choice(enum.StrEnum):
    """What a teacher said of two clips. Equal trains with (1/2, 1/2); can't tell trains nothing."""

    LEFT = "left"
    RIGHT = "right"
    EQUAL = "equal"
    CANT_TELL = "cant_tell"


@dataclasses.dataclass(frozen=True, slots=True)
class Segments:
    """S segments of K consecutive steps of one environment each, never across an episode's end.

    Every field has the segment as its first axis, so that hundreds travel as one object. Frames are stored once: the
    observation of step t is observations[:, t : t + F], where F = observations.shape[1] - K + 1 (1 but for stacks).
    """

    segment_ids: IntArray  # [S]; the segment store gives them, -1 before
    observations: Array  # [S, K + F - 1, *frame_shape], as the environment gave them (not normalised)
    actions: Array  # [S, K, *action_shape], as the environment saw them (clipped)
    true_rewards: FloatArray  # [S, K]; for oracles and metrics only
    render_states: Array  # [S, K, *state_shape]; MuJoCo: qpos then qvel; Atari: colour frames; (0,): nothing to draw
    episode_ids: IntArray  # [S]
    first_steps: IntArray  # [S]; the step of the episode that the segment begins with
    env_steps: IntArray  # [S]; the run's env steps when the segment was taken
    policy_versions: IntArray  # [S]; the policy that acted

    def __len__(self) -> int:
        return len(self.segment_ids)

    @property
    def clip_steps(self) -> int:
        """K."""
        return int(self.true_rewards.shape[1])

    def take(self, rows: Sequence[int] | IntArray | slice) -> Segments:
        """The segments at these rows, in this order."""
        index = rows if isinstance(rows, slice) else np.asarray(rows, dtype=np.int64)
        return Segments(**{f.name: getattr(self, f.name)[index] for f in dataclasses.fields(self)})

    @staticmethod
    def concatenate(parts: Sequence[Segments]) -> Segments:
        """All segments of the parts, in order. Needs at least one part."""
        return Segments(
            **{f.name: np.concatenate([getattr(p, f.name) for p in parts]) for f in dataclasses.fields(Segments)}
        )


@dataclasses.dataclass(frozen=True, slots=True)
class Query:
    """Two different segments of one task, to be compared. The pair names it, so a pair is asked once."""

    first: int  # segment id
    second: int  # segment id
    created_at: float  # unix seconds
    method: str  # the selection that chose it
    reward_version: int  # the predictor that it was chosen with, 0 before the first
    env_steps: int  # of the run, when it was asked

    @property
    def query_id(self) -> str:
        """The smaller id first: one name for a pair, however it is turned."""
        low, high = sorted((self.first, self.second))
        return f"{low}-{high}"


@dataclasses.dataclass(frozen=True, slots=True)
class Answer:
    """What a teacher said of a query. Never changed; undo is one more record."""

    answer_id: str  # the giver's, for idempotence
    query_id: str
    left: int  # segment id of the clip that stood left
    right: int
    choice: Choice
    teacher: str  # who
    answered_at: float  # unix seconds
    seconds: float  # how long it took


@dataclasses.dataclass(frozen=True, slots=True)
class Undo:
    """Takes an answer back; its query is open again."""

    answer_id: str
    teacher: str
    undone_at: float  # unix seconds


@dataclasses.dataclass(frozen=True, slots=True)
class Exclusion:
    """From here on a teacher's answers, the earlier ones too, train nothing; or do so again."""

    teacher: str  # whose answers
    excluded: bool
    by: str  # who decided it
    decided_at: float  # unix seconds


@dataclasses.dataclass(frozen=True, slots=True)
class Withdrawal:
    """An open query isn't asked any more: its answer would teach nothing. One that is given nevertheless counts."""

    query_id: str
    withdrawn_at: float  # unix seconds


@dataclasses.dataclass(frozen=True, slots=True)
class Preference:
    """An answer made ready for the loss."""

    preference_id: str  # the answer's id
    first: int  # segment id
    second: int
    target: float  # probability that the first is better: 1, 0 or 1/2
    audit: bool  # never trained on: it measures the predictor
    answered_at: float  # unix seconds


@dataclasses.dataclass(frozen=True, slots=True)
class PredictedRewards:
    """Predicted rewards of Q sequences of K steps and the version of the ensemble that made them."""

    rewards: FloatArray  # [Q, K]; the mean of the normalised members
    version: int


@dataclasses.dataclass(frozen=True, slots=True)
class MemberReturns:
    """Undiscounted predicted returns of Q sequences by each member, before normalisation."""

    returns: FloatArray  # [M, Q]
    version: int
