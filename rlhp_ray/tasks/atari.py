"""Atari games as tasks: the paper's seven, and any other by its Gymnasium id (paper, section 3.1.2 and appendix A.2).

What an agent sees of the seven has the score blanked, BeamRider's count of enemies and Enduro's dashboard too, else the
predictor would read the points instead of learning what the teacher wants. A person sees the whole screen in colour.

The oracle is charged a penalty at the hidden end of an episode, but in Pong. Only the order of two clips' points
matters to it, so the penalty is about what a good player makes in a clip of 25 steps: a clip with the end in it
loses against an ordinary one. A game that isn't one of the seven has neither blanks nor a penalty.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import partial
from typing import Any

import gymnasium
import numpy as np
import numpy.typing as npt
from PIL import Image

from rlhp_ray.interfaces import Environments
from rlhp_ray.tasks.atari_environments import (
    FRAME_SKIP,
    HEIGHT,
    MAX_EPISODE_FRAMES,
    SIZE,
    STACK,
    WIDTH,
    AtariEnvironments,
    Box,
)
from rlhp_ray.tasks.robotics import make_plain
from rlhp_ray.tasks.task import ANY_GOAL, Task
from rlhp_ray.types import Array

CLIP_STEPS = 25  # 1.7 s
STEPS_PER_SECOND = 60.0 / FRAME_SKIP


@dataclasses.dataclass(frozen=True, slots=True)
class Game:
    """What is particular to one game."""

    env_id: str  # Gymnasium's
    description: str = ANY_GOAL
    penalty: float = 0.0  # points that the oracle is charged at the hidden end of an episode
    blanked: tuple[Box, ...] = ()  # what the agent and the predictor don't see


class AtariTask(Task):
    """A game as the method needs it. A state is the colour frame that was on the screen."""

    frames_per_observation = STACK
    state_dtype = np.dtype(np.uint8)

    def __init__(self, game: Game) -> None:
        super().__init__(partial(_make_single, game.env_id), description=game.description)
        self.game = game
        self.observation_space = gymnasium.spaces.Box(0, 255, (STACK, SIZE, SIZE), np.uint8)
        self.state_shape = (HEIGHT, WIDTH, 3)
        self.frames_per_second = STEPS_PER_SECOND
        self.clip_steps = CLIP_STEPS
        self.episode_steps = MAX_EPISODE_FRAMES // FRAME_SKIP

    def environments(self, count: int, rng: np.random.Generator) -> Environments:
        """So many games side by side, seeded from the generator."""
        rom = str(gymnasium.registry[self.game.env_id].kwargs["game"])
        return AtariEnvironments(rom, count, rng, penalty=self.game.penalty, blanked=self.game.blanked)

    def render(self, states: Array, *, width: int, height: int) -> npt.NDArray[np.uint8]:
        """The frames [K, 210, 160, 3] at this size; 4:3 is what a television made of them."""
        if (height, width) == states.shape[1:3]:
            return states.copy()
        pictures = (Image.fromarray(np.ascontiguousarray(state)) for state in states)
        return np.stack([np.asarray(p.resize((width, height), Image.Resampling.BOX)) for p in pictures])


def is_atari(env_id: str) -> bool:
    """Whether Gymnasium's environment of this id is a game of ale-py's that is played from the screen."""
    spec = gymnasium.registry.get(env_id)
    return env_id.startswith("ALE/") and spec is not None and spec.kwargs.get("obs_type", "rgb") == "rgb"


def _make_single(env_id: str) -> gymnasium.Env[Any, Any]:
    """One game as Gymnasium has it, for its actions."""
    import ale_py  # registers the games, and takes a while

    ale_py.ALEInterface.setLoggerMode(ale_py.LoggerMode.Error)
    return make_plain(env_id)


def _task(*game: Any) -> Callable[[], Task]:
    return partial(AtariTask, Game(*game))


# Blanks were found by writing other digits into the games' memory and looking where the screen changed.
ATARI: dict[str, Callable[[], Task]] = {
    "beam-rider": _task(
        "ALE/BeamRider-v5",
        "The yellow ship at the bottom should shoot the white enemies, and not be hit.",
        100.0,  # an enemy of the first sector gives 44
        ((9, 19, 60, 108), (31, 42, 17, 34)),  # score, enemies left
    ),
    "breakout": _task(
        "ALE/Breakout-v5",
        "The paddle should keep the ball in play and break as many bricks as it can.",
        10.0,  # a brick gives 1 to 7
        ((4, 16, 35, 81),),
    ),
    "enduro": _task(
        "ALE/Enduro-v5",
        "The white car should drive fast, pass as many cars as it can, and not crash.",
        10.0,  # a car passed gives 1
        ((160, 192, 48, 112),),  # distance, day, cars left to pass
    ),
    "pong": _task(
        "ALE/Pong-v5",
        "The green paddle on the right should get the ball past the other one, and let no ball through.",
        0.0,  # the paper's exception: every point decides as much
        ((0, 22, 0, 160),),
    ),
    "qbert": _task(
        "ALE/Qbert-v5",
        "The orange figure should hop from cube to cube to change all their tops, and neither fall off nor be caught.",
        100.0,  # a cube gives 25
        ((5, 14, 33, 72),),
    ),
    "seaquest": _task(
        "ALE/Seaquest-v5",
        "The submarine should shoot fish, pick up divers, and come up for air before its oxygen is out.",
        100.0,  # a fish gives 20
        ((8, 18, 58, 106),),
    ),
    "space-invaders": _task(
        "ALE/SpaceInvaders-v5",
        "The green cannon should shoot the invaders and not be hit.",
        60.0,  # an invader gives 5 to 30
        ((9, 21, 0, 160),),  # both players' scores
    ),
}
