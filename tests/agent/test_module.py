"""The policy module: normalisation, value scale, probabilities."""

from __future__ import annotations

import gymnasium as gym
import numpy as np
import pytest
import torch

from rlhp_ray.agent.build import ALGORITHMS, model_config
from rlhp_ray.agent.learner import MODULE_PREFIX
from rlhp_ray.agent.module import ActorCritic
from rlhp_ray.agent.networks import arrays_of
from rlhp_ray.agent.snapshot import policy_from
from rlhp_ray.config.agent import AgentPart
from rlhp_ray.errors import TaskError
from rlhp_ray.tasks import load_task


def _module(action_space: gym.Space, size: int = 3) -> ActorCritic:
    torch.manual_seed(0)
    return ActorCritic(
        observation_space=gym.spaces.Box(-np.inf, np.inf, (size,)),
        action_space=action_space,
        inference_only=False,
        model_config={"hidden_sizes": (16, 16), "initial_log_std": -0.3, "learned_log_std": True},
    )


def _images(action_space: gym.Space, shape: tuple[int, ...] = (4, 84, 84)) -> ActorCritic:
    torch.manual_seed(0)
    return ActorCritic(
        observation_space=gym.spaces.Box(0, 255, shape, np.uint8),
        action_space=action_space,
        inference_only=False,
        model_config={"hidden_sizes": (16, 16), "initial_log_std": -0.3, "learned_log_std": True},
    )


BOX = gym.spaces.Box(-1, 1, (2,))
DISCRETE = gym.spaces.Discrete(3)


def test_moments_of_batches_are_those_of_all_rows() -> None:
    module = _module(BOX)
    rows = torch.randn(1000, 3, generator=torch.Generator().manual_seed(1)) * torch.tensor([1.0, 5.0, 0.1]) + 3.0
    for part in rows.split([10, 400, 590]):
        module.observe(len(part), part.mean(0), part.var(0, correction=0))
    torch.testing.assert_close(module.obs_mean, rows.mean(0), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(module.obs_var, rows.var(0, correction=0), rtol=1e-4, atol=1e-5)
    normalized = module.normalize(rows)
    assert normalized.mean(0).abs().max() < 1e-4
    assert (normalized.std(0) - 1).abs().max() < 1e-2


def test_rescaling_values_leaves_the_value_function_as_it_is() -> None:
    module = _module(BOX)
    observations = torch.randn(20, 3)
    before = module.values(observations)
    module.rescale_values(mean=12.0, std=34.0)
    torch.testing.assert_close(module.values(observations), before, rtol=1e-4, atol=1e-4)
    assert float(module.value_std) == 34.0


@pytest.mark.parametrize("space", [BOX, DISCRETE])
def test_the_learner_s_probabilities_are_those_of_acting(space: gym.Space) -> None:
    module = _module(space)
    observations = torch.randn(64, 3)
    actions, logp, _ = module.act(observations, torch.Generator().manual_seed(0))
    again, entropy, values, _ = module.evaluate_actions(module.normalize(observations), actions)
    torch.testing.assert_close(again, logp, rtol=1e-4, atol=1e-5)
    assert entropy.shape == values.shape == (64,)


def test_probabilities_are_torch_s_own() -> None:
    module = _module(BOX)
    observations = torch.randn(8, 3)
    actions, logp, _ = module.act(observations, torch.Generator().manual_seed(0))
    mean = module.act_greedily(observations)
    normal = torch.distributions.Normal(mean, module.log_std.exp())
    torch.testing.assert_close(logp, normal.log_prob(actions).sum(-1), rtol=1e-4, atol=1e-5)
    _, entropy, _, _ = module.evaluate_actions(module.normalize(observations), actions)
    torch.testing.assert_close(entropy, normal.entropy().sum(-1), rtol=1e-4, atol=1e-5)


def test_state_carries_the_normalisation() -> None:
    module, other = _module(BOX), _module(BOX)
    module.observe(100, torch.full((3,), 1.0), torch.full((3,), 4.0))
    module.rescale_values(1.0, 2.0)
    other.set_state(module.get_state())
    observations = torch.randn(5, 3)
    torch.testing.assert_close(other.act_greedily(observations), module.act_greedily(observations))
    torch.testing.assert_close(other.values(observations), module.values(observations))


def test_images_go_through_the_nature_network() -> None:
    """Mnih et al. 2015: 32 filters of 8 x 8 every 4 pixels, 64 of 4 x 4 every 2, 64 of 3 x 3, 512 features."""
    shapes = {name: tuple(tensor.shape) for name, tensor in _images(DISCRETE).state_dict().items()}
    weights = [shape for name, shape in shapes.items() if name.startswith("trunk") and name.endswith("weight")]
    assert weights == [(32, 4, 8, 8), (64, 32, 4, 4), (64, 64, 3, 3), (512, 3136)]
    assert shapes["policy.0.weight"] == (3, 512) and shapes["value.0.weight"] == (1, 512)
    assert not any(name.startswith("obs_") for name in shapes)  # images have no moments


def test_an_image_is_scaled_to_one_and_its_weights_are_orthogonal() -> None:
    module = _images(DISCRETE)
    images = torch.tensor([0, 51, 255], dtype=torch.uint8)[:, None, None, None].expand(3, 4, 84, 84)
    assert module.normalize(images)[:, 0, 0, 0].tolist() == pytest.approx([0.0, 0.2, 1.0])
    flat = module.trunk[0].weight.detach().flatten(1)
    torch.testing.assert_close(flat @ flat.T, 2 * torch.eye(32), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("space", [BOX, DISCRETE])
def test_values_and_probabilities_of_images_are_those_of_acting(space: gym.Space) -> None:
    module = _images(space)
    module.rescale_values(3.0, 2.0)
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (8, 4, 84, 84), dtype=torch.uint8, generator=generator)
    actions, logp, values = module.act(images, generator)
    assert values is not None
    torch.testing.assert_close(module.values(images), values, rtol=1e-4, atol=1e-4)
    again, _, normalized, _ = module.evaluate_actions(module.normalize(images), actions)
    torch.testing.assert_close(again, logp, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(module.in_reward_units(normalized), values, rtol=1e-4, atol=1e-4)


def test_policy_and_value_share_the_convolutions() -> None:
    module = _images(DISCRETE)
    images = torch.randint(0, 256, (2, 4, 84, 84), dtype=torch.uint8)
    for loss in (module.values(images).sum(), module._forward({"obs": images})["action_dist_inputs"][:, 0].sum()):
        module.zero_grad()
        loss.backward()
        assert all(weight.grad.abs().sum() > 0 for weight in module.trunk.parameters())


def test_an_image_that_is_too_small_is_refused() -> None:
    assert _images(DISCRETE, (1, 36, 36)) is not None
    with pytest.raises(TaskError, match="at least 36 pixels"):
        _images(DISCRETE, (3, 35, 64))


@pytest.mark.parametrize(
    ("algorithm", "name"),
    [("ppo", "point"), ("ppo", "point-discrete"), ("ppo", "pong"), ("sac", "point"), ("dqn", "point-discrete")],
)
def test_a_policy_comes_back_from_its_arrays(algorithm: str, name: str) -> None:
    task, part = load_task(name), AgentPart(algorithm=algorithm, hidden_sizes=(16, 8))
    module = ALGORITHMS[algorithm].module_class(
        observation_space=task.observation_space,
        action_space=task.action_space,
        inference_only=False,
        model_config=model_config(part),
    )
    snapshot = {f"{MODULE_PREFIX}{key}": array for key, array in arrays_of(module).items()}
    policy = policy_from(snapshot | {"env_steps": np.asarray(3)}, task, part)
    observations = torch.from_numpy(np.stack([task.observation_space.sample() for _ in range(5)]))
    torch.testing.assert_close(policy.act_greedily(observations), module.act_greedily(observations))
    acted = [one.act(observations, torch.Generator().manual_seed(1)) for one in (policy, module)]
    torch.testing.assert_close(acted[0].actions, acted[1].actions)


def test_only_what_is_beyond_a_bound_is_far_from_it() -> None:
    space = gym.spaces.Box(np.array([-1, -np.inf], np.float32), np.array([2, np.inf], np.float32))
    means = torch.tensor([[0.5, 100.0], [3.0, -100.0], [-4.0, 0.0]])
    assert _module(space).beyond_bounds(means).tolist() == [0.0, 1.0, 9.0]
