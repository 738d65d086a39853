"""An exported reward predictor in place of an environment's own reward, for any library that takes Gymnasium's."""

from __future__ import annotations

import os
import pathlib
from typing import Any

import gymnasium
import numpy as np

from rlhp_ray.errors import TaskError, UserError
from rlhp_ray.predictor import PublishedEnsemble, StepInputs
from rlhp_ray.types import Array

PREDICTOR = "predictor.safetensors"
ENVIRONMENT_REWARD = "environment_reward"


class LearnedReward(gymnasium.Wrapper[Any, Any, Any, Any]):
    """Rewards by the exported predictor; the environment's own one is in `info["environment_reward"]`.

    The predictor is asked, as in its run, with the observation that the action was chosen by and with the action as
    the environment takes it, clipped to its bounds. Its rewards have mean 0 and standard deviation 1 over the run's
    recent behaviour.
    """

    def __init__(self, env: gymnasium.Env[Any, Any], folder: str | os.PathLike[str]) -> None:
        """`folder`: the export's `predictor/`. UserError where there is none, TaskError where the spaces differ."""
        super().__init__(env)
        file = pathlib.Path(folder, PREDICTOR)
        try:
            payload = file.read_bytes()
        except OSError as error:
            raise UserError(
                f"There is no exported predictor at {file} ({error.strerror}): `rlhp-ray export RUN -o DIR` writes "
                "DIR/predictor."
            ) from None
        self.predictor = PublishedEnsemble.from_bytes(payload)
        self._check(self.predictor.inputs)
        space = env.action_space
        self._bounds = (space.low, space.high) if isinstance(space, gymnasium.spaces.Box) else None
        self._observation: Array = np.empty(0)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """As the environment's."""
        observation, info = self.env.reset(seed=seed, options=options)
        self._observation = np.asarray(observation)
        return observation, info

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """As the environment's, but for the reward."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        taken = np.asarray(action)
        if self._bounds is not None:
            taken = np.clip(taken, *self._bounds)
        asked, learned = self._observation, self.predictor
        if learned.inputs.frames == 1:
            asked = asked[None]  # else its frames are already in a row
        predicted = float(learned.rewards(asked[None], taken[None, None])[0, 0])
        self._observation = np.asarray(observation)
        return observation, predicted, terminated, truncated, info | {ENVIRONMENT_REWARD: reward}

    def _check(self, inputs: StepInputs) -> None:
        own = StepInputs.of_spaces(self.env.observation_space, self.env.action_space, inputs.frames)
        if own != inputs:
            raise TaskError(
                f"The predictor was trained on {_words(inputs)}, and this environment has {_words(own)}: wrap the "
                "environment that it was trained in."
            )


def _words(inputs: StepInputs) -> str:
    actions = "discrete actions" if inputs.discrete else "numbers an action"
    return f"observations of shape {inputs.observation_shape} and {inputs.action_size} {actions}"
