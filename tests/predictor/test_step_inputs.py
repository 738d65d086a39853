"""What one step looks like to the predictor."""

import gymnasium as gym
import numpy as np
import pytest
import torch

from rlhp_ray.errors import TaskError
from rlhp_ray.predictor import StepInputs


def test_vectors_are_observation_and_action_side_by_side() -> None:
    inputs = StepInputs.of_spaces(gym.spaces.Box(-1, 1, (3,)), gym.spaces.Box(-1, 1, (2,)))
    encoded = inputs.encode(np.array([[[1.0, 2.0, 3.0]]]), np.array([[[4.0, 5.0]]]))
    assert encoded.dtype == np.float32
    assert encoded.tolist() == [[[1, 2, 3, 4, 5]]]


def test_discrete_actions_are_one_hot_from_the_spaces_start() -> None:
    inputs = StepInputs.of_spaces(gym.spaces.Box(-1, 1, (1,)), gym.spaces.Discrete(3, start=5))
    encoded = inputs.encode(np.zeros((1, 3, 1)), np.array([[5, 7, 6]]))
    assert encoded.tolist() == [[[0, 1, 0, 0], [0, 0, 0, 1], [0, 0, 1, 0]]]


def test_images_are_read_without_the_action() -> None:
    inputs = StepInputs.of_spaces(gym.spaces.Box(0, 255, (4, 84, 84), np.uint8), gym.spaces.Discrete(6))
    images = np.zeros((1, 2, 4, 84, 84), np.uint8)
    assert inputs.images and inputs.shape == (4, 84, 84)
    assert inputs.encode(images, np.array([[1, 2]])) is images


@pytest.mark.parametrize(
    ("observation_space", "action_space"),
    [
        (gym.spaces.Dict({"a": gym.spaces.Box(0, 1)}), gym.spaces.Discrete(2)),
        (gym.spaces.Box(0, 1), gym.spaces.MultiDiscrete([2, 2])),
    ],
)
def test_other_spaces_are_refused_with_a_cure(observation_space: gym.Space, action_space: gym.Space) -> None:
    with pytest.raises(TaskError, match="wrap the environment"):
        StepInputs.of_spaces(observation_space, action_space)


def test_a_step_of_stacked_frames_is_the_frames_that_it_saw() -> None:
    inputs = StepInputs.of_spaces(gym.spaces.Box(0, 255, (4, 84, 84), np.uint8), gym.spaces.Discrete(6), frames=4)
    assert inputs.images and inputs.shape == (4, 84, 84) and inputs.frame_shape == (84, 84)
    frames = np.random.default_rng(0).integers(0, 256, (2, 3 + 3, 84, 84), dtype=np.uint8)
    encoded = inputs.encode(frames, np.zeros((2, 3), np.int64))
    steps = inputs.steps_of(torch.from_numpy(encoded)).numpy()
    for t in range(3):
        np.testing.assert_array_equal(steps[:, t], frames[:, t : t + 4])
    assert np.shares_memory(steps, frames)


@pytest.mark.parametrize(
    ("inputs", "observation_shape"),
    [
        (StepInputs((3,), 1, discrete=False), (1, 2, 4)),
        (StepInputs((3,), 1, discrete=False), (1, 3, 3)),
        (
            StepInputs((4, 8, 8), 1, discrete=True, images=True, frames=4),
            (1, 2, 8, 8),
        ),  # no frames before the first step
    ],
)
def test_sequences_that_dont_fit_are_refused(inputs: StepInputs, observation_shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="don't fit"):
        inputs.encode(np.zeros(observation_shape), np.zeros((1, 2, 1)))
