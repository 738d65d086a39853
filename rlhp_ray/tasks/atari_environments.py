"""N games of Atari, stepped together by ale-py: what the agent sees, what a person sees, and what the oracle is told.

Christiano et al. 2017, appendix A.2: action repeated 4 times, maximum over 2 frames, 84x84 grey, 4 frames stacked, 0-30
no-ops at the start; scores blanked; neither the loss of a life nor the end of an episode is shown to the agent. No
sticky actions and no clipped rewards: predicted rewards stand in their place.

The games are played in native colour, which a person is shown as it is; the agent's grey frames are made of it here.
That costs 6 % more than ale-py's own grey frames, which leave no colour.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rlhp_ray.types import Array, BoolArray, FloatArray, IntArray

Box = tuple[int, int, int, int]  # top, bottom, left, right in native pixels, the second of each not in it

HEIGHT, WIDTH = 210, 160  # native; the few games of another height are scaled to it by ale-py
SIZE = 84  # of the agent's frames, each way
STACK = 4  # frames of an observation
FRAME_SKIP = 4
MAX_EPISODE_FRAMES = 108_000  # half an hour of play
_LUMA = (0.299, 0.587, 0.114)  # of red, green, blue in grey


class AtariEnvironments:
    """N games; Environments. Terminated and truncated are always False: only `ended` tells of an episode's end.

    An episode that ends begins anew in the same step, and the stack of frames runs on. `penalty` points are taken from
    the reward of its last step, and not from the score.
    """

    def __init__(
        self, rom: str, count: int, rng: np.random.Generator, *, penalty: float, blanked: Sequence[Box]
    ) -> None:
        from ale_py.vector_env import AtariVectorEnv  # a second to import, for those who play
        from gymnasium.vector import AutoresetMode

        self._env = AtariVectorEnv(
            rom,
            count,
            num_threads=1,  # more EnvRunners use more cores
            img_height=HEIGHT,
            img_width=WIDTH,
            grayscale=False,
            stack_num=1,
            frameskip=FRAME_SKIP,
            maxpool=True,
            noop_max=30,
            max_num_frames_per_episode=MAX_EPISODE_FRAMES,
            repeat_action_probability=0.0,
            reward_clipping=False,
            episodic_life=False,
            use_fire_reset=True,
            autoreset_mode=AutoresetMode.SAME_STEP,
        )
        self._rng = rng
        self._penalty = penalty
        self._blanked = blanked
        colour: Array = self._env.reset(seed=rng.integers(2**31, size=count))[0]
        self.states: Array = colour[:, 0]
        self.observations: Array = np.repeat(agent_frames(self.states, blanked)[:, None], STACK, axis=1)
        self.final_observations = self.observations  # never valid: nothing is truncated
        self.episode_ids: IntArray = rng.integers(2**62, size=count)
        self.episode_steps: IntArray = np.zeros(count, dtype=np.int64)
        self.rewards: FloatArray = np.zeros(count, dtype=np.float32)
        self.scores: FloatArray = np.zeros(count, dtype=np.float32)
        self.ended: BoolArray = np.zeros(count, dtype=np.bool_)
        self.terminated: BoolArray = np.zeros(count, dtype=np.bool_)
        self.truncated: BoolArray = np.zeros(count, dtype=np.bool_)

    def __len__(self) -> int:
        return len(self.ended)

    @property
    def frames(self) -> Array:
        """The newest frame of each [N, 84, 84]."""
        newest: Array = self.observations[:, -1]
        return newest

    def step(self, actions: Array) -> None:
        """Play four frames in each game with these actions [N]."""
        colour, points, terminated, truncated, _ = self._env.step(np.asarray(actions, dtype=np.int64))
        self.states = colour[:, 0]
        self.observations[:, :-1] = self.observations[:, 1:]
        self.observations[:, -1] = agent_frames(self.states, self._blanked)
        self.ended = terminated | truncated
        self.scores = points.astype(np.float32)
        self.rewards = self.scores - self.ended.astype(np.float32) * np.float32(self._penalty)
        self.episode_steps = np.where(self.ended, 0, self.episode_steps + 1)
        for index in np.flatnonzero(self.ended):
            self.episode_ids[index] = self._rng.integers(2**62)

    def close(self) -> None:
        """Stop the games."""
        self._env.close()


def agent_frames(colour: Array, blanked: Sequence[Box]) -> Array:
    """What the agent sees [N, 84, 84] of native colour frames [N, 210, 160, 3]: the boxes black, grey, areas averaged.

    Rounded once, at the end. Five rows become two (1 + 1 + 1/2 and 1/2 + 1 + 1) and forty columns 21, so small matrix
    products do it, that BLAS doesn't spread over threads: several runners would get in each other's way.
    """
    count = len(colour)
    pixels = colour.copy()
    for top, bottom, left, right in blanked:
        pixels[:, top:bottom, left:right] = 0
    fives = pixels.reshape(count * HEIGHT // 5, 5, WIDTH * 3)
    twos = np.empty((len(fives), 2, WIDTH * 3), dtype=np.uint16)
    np.add(fives[:, 0], fives[:, 1], out=twos[:, 0], dtype=np.uint16)
    np.add(fives[:, 3], fives[:, 4], out=twos[:, 1], dtype=np.uint16)
    twos += twos
    twos += fives[:, 2, None]
    grey = twos.astype(np.float32).reshape(count, SIZE * WIDTH // 40, 40 * 3) @ _FORTY_COLUMNS
    grey += 0.5
    frames: Array = grey.astype(np.uint8).reshape(count, SIZE, SIZE)
    return frames


def _forty_columns() -> FloatArray:
    """Weights [40 * 3, 21] from colours to grey areas of 40 columns; the rows' share of 1/5 is in them."""
    edges = np.linspace(0, 40, 22)
    pixel = np.arange(40)[:, None]
    covered = np.minimum(edges[1:], pixel + 1) - np.maximum(edges[:-1], pixel)  # [40, 21], negative where outside
    areas = np.maximum(covered, 0.0) * 21 / 40
    weights: FloatArray = (areas[:, None] * np.array(_LUMA)[:, None] / 5).reshape(40 * 3, 21).astype(np.float32)
    return weights


_FORTY_COLUMNS = _forty_columns()
