"""The labelled segments and their preferences as flat tensors that minibatches are gathered from.

It stands between the collector's preferences with the store's segments, and the optimiser. Each segment is stored
once, however many preferences name it, already encoded as the network's input. Space is preallocated and doubled, and
reused where the label window or an undo freed it.
Shapes: M members, B preferences, K steps a segment.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable

import torch
from torch import Tensor

from rlhp_ray.errors import CorruptDataError
from rlhp_ray.predictor.inputs import StepInputs
from rlhp_ray.reward.bootstrap import bootstrap_weights
from rlhp_ray.types import Preference, Segments

_FIRST_CAPACITY = 256
NORMAL_QUARTILES = 1.349  # from one quartile to the other, in standard deviations of a normal distribution
LEAST_SHARE = 1 / 20
SCALE_STEPS = 16_384  # that the scale is taken of, at most


@dataclasses.dataclass(frozen=True, slots=True)
class Minibatch:
    """B preferences, ready for the loss."""

    encoded: Tensor  # [B, 2, K + F - 1, ...] as StepInputs.encode gives them: first and second segment
    targets: Tensor  # [B]
    weights: Tensor  # [M, B]; 0: held out for the member

    def window(self, first: int, frames: int) -> Minibatch:
        """The same preferences by so many of their frames only, from this one on."""
        return dataclasses.replace(self, encoded=self.encoded[:, :, first : first + frames])


class _Slots:
    """Which rows of a growing tensor are taken."""

    def __init__(self) -> None:
        self.capacity = _FIRST_CAPACITY
        self._free = list(range(self.capacity))[::-1]

    def take(self) -> int:
        if not self._free:
            self._free = list(range(self.capacity, 2 * self.capacity))[::-1]
            self.capacity *= 2
        return self._free.pop()

    def give_back(self, slot: int) -> None:
        self._free.append(slot)


class TrainingSet:
    """Preferences in force in the label window, and the audit preferences apart, which are never in a minibatch."""

    def __init__(self, inputs: StepInputs, *, members: int, seed: int, window: int | None) -> None:
        self._inputs = inputs
        self._members = members
        self._seed = seed
        self._window = window
        self._encoded = torch.empty(0)  # [segment slots, K + F - 1, ...] of StepInputs; allocated when K is known
        self._segment_slots = _Slots()
        self._segments: dict[int, int] = {}  # segment id -> slot
        self._uses: dict[int, int] = {}  # segment id -> preferences that name it
        self._slots = _Slots()
        self._pairs = torch.empty((0, 2), dtype=torch.int64)  # [slots, 2] of segment slots
        self._targets = torch.empty(0)  # [slots]
        self._weights = torch.empty((0, members))  # [slots, M]
        self._taken: dict[str, tuple[int, Preference]] = {}  # preference id -> slot, preference
        self._training: dict[str, int] = {}  # oldest first
        self._audit: dict[str, int] = {}
        self._training_slots: Tensor | None = None  # of the dict above, made when asked for

    def __len__(self) -> int:
        """Labels that train."""
        return len(self._training)

    def __contains__(self, preference_id: str) -> bool:
        return preference_id in self._taken

    @property
    def segment_count(self) -> int:
        """Different segments that the preferences name."""
        return len(self._segments)

    @property
    def clip_steps(self) -> int:
        """K, known from the first segment on."""
        return int(self._encoded.shape[1]) - self._inputs.frames + 1

    def preference(self, preference_id: str) -> Preference:
        """The preference of this id, which must be here."""
        return self._taken[preference_id][1]

    def window_of(self, preferences: list[Preference]) -> list[Preference]:
        """Those that the label window can hold, and all for audit: the others' segments needn't be fetched."""
        training = [p for p in preferences if not p.audit]
        outside = {p.preference_id for p in training[: -self._window]} if self._window is not None else set()
        return [p for p in preferences if p.preference_id not in outside]

    def missing(self, preferences: Iterable[Preference]) -> list[int]:
        """Ids of the segments that `add` needs and that aren't here, each once, sorted."""
        named = {segment_id for p in preferences for segment_id in (p.first, p.second)}
        return sorted(named - self._segments.keys())

    def add(self, preferences: list[Preference], segments: Segments) -> None:
        """Take the preferences in, newest last, with the segments that were missing; the window drops the oldest."""
        self._add_segments(segments)
        for preference in preferences:
            slot = self._slots.take()
            self._grow_preferences()
            for column, segment_id in enumerate((preference.first, preference.second)):
                self._pairs[slot, column] = self._segments[segment_id]
                self._uses[segment_id] += 1
            self._targets[slot] = preference.target
            weights = bootstrap_weights(self._seed, self._members, preference.preference_id)
            self._weights[slot] = torch.from_numpy(weights)
            self._taken[preference.preference_id] = (slot, preference)
            (self._audit if preference.audit else self._training)[preference.preference_id] = slot
        self._training_slots = None
        if self._window is not None:
            self.remove(list(self._training)[: max(0, len(self._training) - self._window)])

    def remove(self, preference_ids: Iterable[str]) -> None:
        """Forget these preferences, and the segments that no other names; unknown ids (out of the window) are fine."""
        for preference_id in preference_ids:
            if preference_id not in self._taken:
                continue
            slot, preference = self._taken.pop(preference_id)
            self._slots.give_back(slot)
            (self._audit if preference.audit else self._training).pop(preference_id)
            for segment_id in (preference.first, preference.second):
                self._uses[segment_id] -= 1
                if not self._uses[segment_id]:
                    del self._uses[segment_id]
                    self._segment_slots.give_back(self._segments.pop(segment_id))
        self._training_slots = None

    def slots_of(self, preference_ids: Iterable[str]) -> Tensor:
        """Slots [B] of these preferences, which must be here."""
        return torch.tensor([self._taken[preference_id][0] for preference_id in preference_ids], dtype=torch.int64)

    def training_slots(self) -> Tensor:
        """Slots of all that train, oldest first."""
        if self._training_slots is None:
            self._training_slots = torch.tensor(list(self._training.values()), dtype=torch.int64)
        return self._training_slots

    def audit_slots(self) -> Tensor:
        """Slots of the audit preferences, oldest first."""
        return torch.tensor(list(self._audit.values()), dtype=torch.int64)

    def targets(self, slots: Tensor) -> Tensor:
        """Targets [B] of these slots."""
        return self._targets[slots]

    def minibatch(self, slots: Tensor) -> Minibatch:
        """The preferences in these slots [B]."""
        return Minibatch(self._encoded[self._pairs[slots]], self._targets[slots], self._weights[slots].t())

    def newest_steps(self, count: int) -> Tensor:
        """Inputs [at most count, *inputs.shape] of the newest labelled segments, whole segments, each once."""
        if not self._segments:
            return torch.empty((0, *self._inputs.shape))
        segments = max(1, count // self.clip_steps)
        newest = torch.tensor(list(self._segments.values())[-segments:], dtype=torch.int64)
        return self._inputs.steps_of(self._encoded[newest]).flatten(0, 1)

    def spread_steps(self, count: int) -> Tensor:
        """Inputs [at most count, K, *inputs.shape] of labelled segments, evenly spread over their age."""
        slots = torch.tensor(list(self._segments.values()), dtype=torch.int64)
        some = slots[torch.linspace(0, len(slots) - 1, min(count, len(slots))).round().to(torch.int64)]
        return self._inputs.steps_of(self._encoded[some])

    def observation_scale(self) -> tuple[Tensor, Tensor]:
        """Center and scale [observation_size] of the observations of all segments here, each once.

        Median and quartiles (the scale is a normal distribution's standard deviation), since a few falls spread the
        moments so far that what matters while standing lies within a tenth of a standard deviation. A twentieth of the
        standard deviation is the least scale.
        """
        slots = torch.tensor(list(self._segments.values()), dtype=torch.int64)
        observations = self._encoded[slots][..., : self._inputs.observation_size].flatten(0, 1).to(torch.float64)
        observations = observations[:: math.ceil(len(observations) / SCALE_STEPS)]
        ordered = observations.sort(dim=0).values
        low, center, high = (ordered[round(share * (len(ordered) - 1))] for share in (0.25, 0.5, 0.75))
        return center, ((high - low) / NORMAL_QUARTILES).maximum(LEAST_SHARE * observations.std(dim=0, correction=0))

    def steps_of(self, segments: Segments) -> Tensor:
        """The network's inputs [S * K, *inputs.shape] of segments: float32 for vectors, uint8 for images."""
        return self._inputs.steps_of(self._encode(segments)).flatten(0, 1)

    def _encode(self, segments: Segments) -> Tensor:
        encoded = self._inputs.encode(segments.observations, segments.actions)
        # what came from the object store is read-only, which torch doesn't take
        return torch.from_numpy(encoded if encoded.flags.writeable else encoded.copy())

    def _add_segments(self, segments: Segments) -> None:
        if not len(segments):
            return
        encoded = self._encode(segments)
        if not self._encoded.numel():
            self._encoded = torch.empty((0, *encoded.shape[1:]), dtype=encoded.dtype)
        if encoded.shape[1:] != self._encoded.shape[1:]:
            raise CorruptDataError(
                f"labelled segments are of {segments.clip_steps} steps and earlier ones of {self.clip_steps}; "
                "a run's clips must all have the same length, so start a new run for another segments.clip_steps."
            )
        slots = [self._segment_slots.take() for _ in range(len(segments))]
        self._encoded = _grown(self._encoded, self._segment_slots.capacity)
        self._encoded[torch.tensor(slots)] = encoded
        for segment_id, slot in zip(segments.segment_ids.tolist(), slots, strict=True):
            self._segments[segment_id] = slot
            self._uses[segment_id] = 0

    def _grow_preferences(self) -> None:
        capacity = self._slots.capacity
        self._pairs = _grown(self._pairs, capacity)
        self._targets = _grown(self._targets, capacity)
        self._weights = _grown(self._weights, capacity)


def _grown(rows: Tensor, capacity: int) -> Tensor:
    """The tensor with room for so many rows; itself where it has it."""
    if len(rows) >= capacity:
        return rows
    grown = rows.new_empty((capacity, *rows.shape[1:]))
    grown[: len(rows)] = rows
    return grown
