"""Minibatches are gathered from frames that are kept once."""

from __future__ import annotations

import gymnasium as gym
import numpy as np
import pytest
import torch

from rlhp_ray.agent.batch import CHUNK_ROWS, SequenceBatch
from rlhp_ray.agent.module import ActorCritic

SEQUENCES, STEPS, STACK = 3, 500, 4


def _module(space: gym.spaces.Box) -> ActorCritic:
    return ActorCritic(
        observation_space=space,
        action_space=gym.spaces.Discrete(3),
        inference_only=False,
        model_config={"hidden_sizes": (8,), "initial_log_std": 0.0, "learned_log_std": True},
    )


def _arrays(frames: np.ndarray) -> dict[str, np.ndarray]:
    logp = np.arange(SEQUENCES * STEPS, dtype=np.float32).reshape(SEQUENCES, STEPS)
    return {"observations": frames, "action_logp": logp}


@pytest.fixture
def stacked() -> tuple[SequenceBatch, np.ndarray]:
    """A batch of stacks of 36 x 36 pixels and what each step's stack is, copied out: [N, T + 1, F, H, W]."""
    frames = np.random.default_rng(0).integers(0, 256, (SEQUENCES, STEPS + STACK, 36, 36), dtype=np.uint8)
    frames.flags.writeable = False  # as the object store hands them out
    module = _module(gym.spaces.Box(0, 255, (STACK, 36, 36), np.uint8))
    stacks = np.stack([frames[:, t : t + STACK] for t in range(STEPS + 1)], axis=1)
    return SequenceBatch(_arrays(frames), module), stacks


def test_a_row_s_observation_is_its_step_s_stack(stacked: tuple[SequenceBatch, np.ndarray]) -> None:
    batch, stacks = stacked
    rows = torch.randperm(len(batch), generator=torch.Generator().manual_seed(0))[:64]
    got = batch.observations(rows) * 255
    expected = stacks[:, :-1].reshape(-1, STACK, 36, 36)[rows.numpy()]
    np.testing.assert_allclose(got.numpy(), expected, atol=1e-3)
    assert batch.tensors["action_logp"][rows].tolist() == rows.tolist()


def test_all_observations_come_in_order_with_the_one_after_the_last_step(
    stacked: tuple[SequenceBatch, np.ndarray],
) -> None:
    batch, stacks = stacked
    chunks = list(batch.all_observations())
    assert max(map(len, chunks)) <= CHUNK_ROWS < sum(map(len, chunks))
    np.testing.assert_allclose(torch.cat(chunks).numpy() * 255, stacks.reshape(-1, STACK, 36, 36), atol=1e-3)


def test_vectors_are_normalised_once_by_the_moments_of_then() -> None:
    module = _module(gym.spaces.Box(-np.inf, np.inf, (5,)))
    module.observe(10, torch.full((5,), 3.0), torch.full((5,), 4.0))
    frames = np.random.default_rng(0).normal(size=(SEQUENCES, STEPS + 1, 5)).astype(np.float32)
    batch = SequenceBatch(_arrays(frames), module)
    batch.normalize()
    module.observe(1000, torch.zeros(5), torch.ones(5))  # later moments change nothing
    rows = torch.tensor([0, STEPS - 1, STEPS, len(batch) - 1])
    expected = (frames[[0, 0, 1, 2], [0, STEPS - 1, 0, STEPS - 1]] - 3.0) / 2.0
    np.testing.assert_allclose(batch.observations(rows).numpy(), expected, rtol=1e-4, atol=1e-5)
    (everything,) = batch.all_observations()
    assert everything.shape == (SEQUENCES * (STEPS + 1), 5)


@pytest.mark.parametrize("space", [gym.spaces.Box(0, 255, (STACK, 36, 36), np.uint8), gym.spaces.Box(-1, 1, (5,))])
def test_everything_is_where_the_module_is(space: gym.spaces.Box) -> None:
    """torch's meta device, for a GPU's: it has no values, but refuses to mix with a CPU's tensors."""
    module = _module(space).to("meta")
    frame_shape, stack = (space.shape[1:], STACK) if module.images else (space.shape, 1)
    frames = np.zeros((SEQUENCES, STEPS + stack, *frame_shape), dtype=space.dtype)
    batch = SequenceBatch(_arrays(frames), module)
    batch.normalize()
    rows = torch.arange(8, device="meta")
    actions = torch.zeros(8, dtype=torch.int64, device="meta")
    evaluated = module.evaluate_actions(batch.observations(rows), actions)
    gathered = [*batch.tensors.values(), *evaluated, *batch.all_observations()]
    assert {tensor.device.type for tensor in gathered} == {"meta"}
