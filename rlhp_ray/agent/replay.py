"""The replay buffer: flat preallocated arrays, a ring of steps for each environment.

Every frame is kept once: the observation before the step at a place is the F newest frames up to there, the one after
it those up to the next place. So a million steps of a half-cheetah take 100 MB. A step counts as usable when all its
frames are there: not the newest one of a ring, whose next frame isn't there yet, nor one that a time limit cut, nor one
on either side of a gap (a runner that died). Shapes: E environments, P places a ring, F frames an observation.
"""

from __future__ import annotations

import dataclasses
import math
import threading
from collections.abc import Iterator

import numpy as np

from rlhp_ray.rollouts.fragment import Fragment
from rlhp_ray.types import Array, FloatArray, IntArray

MAX_DRAWS = 1_000  # rounds of drawing for one batch: where all but nothing is unusable, there is a mistake


@dataclasses.dataclass(frozen=True)
class Block:
    """Consecutive places of all rings of a runner, as the predictor reads them."""

    rings: slice
    places: IntArray  # [K]
    observations: Array  # [E of the runner, K + F - 1, *frame_shape]
    actions: Array  # [E of the runner, K, *action_shape]
    written: IntArray  # [K], how often each place had been written when this was taken


class ReplayBuffer:
    """Steps of `runners` EnvRunners with `envs` environments each; the oldest are overwritten. Safe between threads."""

    def __init__(self, *, runners: int, envs: int, steps: int, stack: int, rng: np.random.Generator) -> None:
        """`steps`: how many all rings hold together; `stack`: F. The arrays are made with the first fragment."""
        self._envs, self._stack, self._rng = envs, stack, rng
        self._places = max(1, steps // (runners * envs))
        self._shape = (runners * envs, self._places)
        self._head = np.zeros(runners, dtype=np.int64)  # where each runner's next step goes
        self._filled = np.zeros(runners, dtype=np.int64)
        self._usable = np.zeros(self._shape, dtype=np.bool_)
        self._terminated = np.zeros(self._shape, dtype=np.bool_)
        self._rewards = np.zeros(self._shape, dtype=np.float32)
        self._written = np.zeros((runners, self._places), dtype=np.int64)
        self._frames = self._actions = np.zeros(0)
        self._last: dict[int, tuple[Array, Array]] = {}  # a runner's newest frames [E, F, ...], and whether it was cut
        self._lock = threading.Lock()

    def __len__(self) -> int:
        """Steps in it, usable or not."""
        return int(self._filled.sum()) * self._envs

    @property
    def usable(self) -> int:
        """Steps that may be sampled."""
        return int(self._usable.sum())

    @property
    def row_bytes(self) -> int:
        """Of a step as `sample` gives it, but for its reward and end; with the first fragment."""
        frame, action = (int(math.prod(a.shape[2:])) * a.itemsize for a in (self._frames, self._actions))
        return 2 * self._stack * frame + action

    def add(self, fragment: Fragment) -> None:
        """Take a runner's next fragment in, of at most as many steps as a ring has places."""
        with self._lock:
            self._make_arrays(fragment)
            self._add(fragment)

    def sample(self, count: int) -> dict[str, Array]:
        """So many usable steps, drawn uniformly with replacement: observations and next_observations [B, ...] (stacked
        where F is more than one), actions, rewards and terminated."""
        with self._lock:
            rows = self._draw(count)
            return {
                "observations": self._observations(rows, 0),
                "actions": self._actions.reshape(-1, *self._actions.shape[2:]).take(rows, axis=0),
                "rewards": self._rewards.take(rows),
                "next_observations": self._observations(rows, 1),
                "terminated": self._terminated.take(rows),
            }

    def blocks(self, steps: int) -> Iterator[Block]:
        """All that is in it, in blocks of about so many steps; each is copied when it is asked for."""
        length = max(1, steps // self._envs)
        for runner in range(len(self._head)):
            rings = slice(runner * self._envs, (runner + 1) * self._envs)
            for first in range(0, int(self._filled[runner]), length):
                with self._lock:
                    places = np.arange(first, min(first + length, int(self._filled[runner])))
                    before = np.arange(first - self._stack + 1, first)
                    frames = self._frames[rings, np.concatenate([before, places]) % self._places]
                    actions, written = self._actions[rings, places], self._written[runner, places]
                yield Block(rings, places, frames, actions, written)

    def relabel(self, block: Block, rewards: FloatArray) -> None:
        """Put these rewards [E, K] in place of a block's, but where steps were written since it was taken."""
        runner = block.rings.start // self._envs
        with self._lock:
            same = self._written[runner, block.places] == block.written
            self._rewards[block.rings, block.places[same]] = rewards[:, same]

    # Checkpoints ------------------------------------------------------------------------------------------------------

    def snapshot(self) -> dict[str, Array]:
        """Everything in it as named arrays; nothing of the places that were never written."""
        with self._lock:
            filled = int(self._filled.max())
            arrays = {name: getattr(self, f"_{name}")[:, :filled].copy() for name in _BY_PLACE} if filled else {}
            return arrays | {"head": self._head.copy(), "filled": self._filled.copy()}

    def restore(self, arrays: dict[str, Array]) -> None:
        """Take up a snapshot of a buffer of the same size. A runner's next fragment begins after a gap."""
        filled = int(arrays["filled"].max())
        with self._lock:
            self._head[:], self._filled[:] = arrays["head"], arrays["filled"]
            self._last.clear()
            if not filled:
                return
            self._frames = np.zeros((*self._shape, *arrays["frames"].shape[2:]), arrays["frames"].dtype)
            self._actions = np.zeros((*self._shape, *arrays["actions"].shape[2:]), arrays["actions"].dtype)
            for name in _BY_PLACE:
                getattr(self, f"_{name}")[:, :filled] = arrays[name]
            self._written += 1

    # Within -----------------------------------------------------------------------------------------------------------

    def _make_arrays(self, fragment: Fragment) -> None:
        if self._frames.ndim == 1:
            frames, actions = fragment.observations, fragment.actions
            self._frames = np.zeros((*self._shape, *frames.shape[2:]), frames.dtype)
            self._actions = np.zeros((*self._shape, *actions.shape[2:]), actions.dtype)

    def _add(self, fragment: Fragment) -> None:
        runner, stack = fragment.runner - 1, self._stack
        rings = slice(runner * self._envs, (runner + 1) * self._envs)
        steps = fragment.rewards.shape[1]
        head = int(self._head[runner])
        places = (head + np.arange(steps)) % self._places

        frames = fragment.observations  # [E, T + F, ...]
        self._frames[rings, places] = frames[:, stack - 1 : -1]
        self._actions[rings, places] = fragment.actions
        self._rewards[rings, places] = fragment.rewards
        self._terminated[rings, places] = fragment.terminated
        self._usable[rings, places] = ~fragment.truncated
        self._usable[rings, places[-1]] = False  # what it led to isn't here yet
        self._written[runner, places] += 1

        before = self._last.get(runner)
        if before is not None and np.array_equal(frames[:, :stack], before[0]):
            self._usable[rings, (head - 1) % self._places] = ~before[1]
        else:  # the frames before the first new step aren't this stream's
            self._usable[rings, places[: stack - 1]] = False
        after = (head + steps + np.arange(stack - 1)) % self._places  # their older frames were overwritten
        self._usable[rings, after] = False
        self._last[runner] = (frames[:, -stack:].copy(), fragment.truncated[:, -1].copy())
        self._head[runner] = (head + steps) % self._places
        self._filled[runner] = min(self._places, int(self._filled[runner]) + steps)

    def _draw(self, count: int) -> IntArray:
        """Rows (ring x P + place) of `count` usable steps."""
        usable = self._usable.reshape(-1)
        filled = int(self._filled.max())
        drawn: list[IntArray] = []
        have = 0
        for _ in range(MAX_DRAWS):
            rings = self._rng.integers(self._shape[0], size=count)
            rows = rings * self._places + self._rng.integers(max(1, filled), size=count)
            drawn.append(rows[usable[rows]])
            have += len(drawn[-1])
            if have >= count:
                return np.concatenate(drawn)[:count]
        raise RuntimeError("the replay buffer has no steps that can be sampled")

    def _observations(self, rows: IntArray, later: int) -> Array:
        """The observations before (later = 0) or after (1) the steps at these rows."""
        rings, places = rows // self._places, rows % self._places + later
        flat = self._frames.reshape(-1, *self._frames.shape[2:])
        if self._stack == 1:
            return flat.take(rings * self._places + places % self._places, axis=0)
        every = (places[:, None] + np.arange(1 - self._stack, 1)) % self._places
        return flat.take(rings[:, None] * self._places + every, axis=0)


_BY_PLACE = ("frames", "actions", "rewards", "terminated", "usable")
