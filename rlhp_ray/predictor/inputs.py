"""What one step looks like to the reward predictor.

Vectors: observation and action side by side, discrete actions one-hot. Images: the observation alone, the action is no
input (Christiano et al. 2017, appendix A.1 and A.2). Both the trainer and the serving replicas encode steps here.
Shapes: Q sequences of K steps, F frames an observation.
"""

from __future__ import annotations

import dataclasses

import gymnasium as gym
import numpy as np
from torch import Tensor

from rlhp_ray.errors import TaskError
from rlhp_ray.types import Array, FloatArray


@dataclasses.dataclass(frozen=True, slots=True)
class StepInputs:
    """Shapes of a task's observations and actions, and how they become the network's input."""

    observation_shape: tuple[int, ...]
    action_size: int  # numbers in an action, or how many discrete actions there are
    discrete: bool  # the actions are `first_action` .. `first_action + action_size - 1`
    first_action: int = 0
    images: bool = False  # uint8 [channels, height, width]
    frames: int = 1  # F, the frames stacked in an observation; they are its channels

    @staticmethod
    def of_spaces(observation_space: gym.Space[object], action_space: gym.Space[object], frames: int = 1) -> StepInputs:
        """For a Gymnasium environment. TaskError where a space isn't supported."""
        if not isinstance(observation_space, gym.spaces.Box):
            raise TaskError(
                f"The reward predictor reads observations of a Box space, and the task's is {observation_space}; "
                "wrap the environment with gymnasium.wrappers.FlattenObservation."
            )
        images = observation_space.dtype == np.uint8 and len(observation_space.shape) == 3
        if isinstance(action_space, gym.spaces.Discrete):
            size, discrete, first = int(action_space.n), True, int(action_space.start)
        elif isinstance(action_space, gym.spaces.Box):
            size, discrete, first = int(np.prod(action_space.shape)), False, 0
        else:
            raise TaskError(
                f"The reward predictor reads actions of a Box or Discrete space, and the task's is {action_space}; "
                "wrap the environment so that it takes one of these."
            )
        return StepInputs(tuple(observation_space.shape), size, discrete, first, images, frames)

    @property
    def observation_size(self) -> int:
        """Numbers in an observation."""
        return int(np.prod(self.observation_shape))

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one step's input: [observation_size + action_size] float32, or the image's own [C, H, W] uint8."""
        return self.observation_shape if self.images else (self.observation_size + self.action_size,)

    @property
    def frame_shape(self) -> tuple[int, ...]:
        """Of one frame, of which a sequence keeps each once."""
        return self.observation_shape if self.frames == 1 else self.observation_shape[1:]

    def encode(self, observations: Array, actions: Array) -> Array:
        """What is kept of sequences: observations [Q, K + F - 1, *frame_shape], actions [Q, K, *action_shape].

        Vectors come as a new float32 array [Q, K, *shape], images as they are. ValueError where the shapes don't fit.
        """
        sequences, steps = actions.shape[:2]
        if observations.shape != (sequences, steps + self.frames - 1, *self.frame_shape):
            raise ValueError(
                f"observations {observations.shape}, actions {actions.shape} don't fit sequences of "
                f"{self.frame_shape} with {self.frames} frames an observation"
            )
        if self.images:
            return observations
        inputs: FloatArray = np.empty((sequences, steps, *self.shape), dtype=np.float32)
        size = self.observation_size
        inputs[..., :size] = observations.reshape(sequences, steps, size)
        if self.discrete:
            one_hot = actions.reshape(sequences, steps, 1) == np.arange(self.action_size) + self.first_action
            inputs[..., size:] = one_hot
        else:
            inputs[..., size:] = actions.reshape(sequences, steps, self.action_size)
        return inputs

    def steps_of(self, encoded: Tensor) -> Tensor:
        """The network's inputs [..., K, *shape] of encoded sequences; a stack is a view of the frames kept once."""
        if self.frames == 1:
            return encoded
        frame_axes = len(self.frame_shape)
        stacked = encoded.unfold(encoded.dim() - frame_axes - 1, self.frames, 1)  # [..., K, *frame_shape, F]
        return stacked.movedim(-1, -1 - frame_axes)
