"""One learner, in this process, fed by a runner in this process."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from agent_data import BUDGET, ENVS, STEPS, agent_part, make_config, make_learner, training_data
from ray.rllib.core import COMPONENT_RL_MODULE, DEFAULT_MODULE_ID

from rlhp_ray.agent.batch import SequenceBatch
from rlhp_ray.agent.networks import arrays_of
from rlhp_ray.rollouts.env_runner import ArrayEnvRunner
from rlhp_ray.rollouts.fragment import Fragment

ALGORITHMS = ("ppo", "appo")


def _weights(learner: Any) -> dict[str, Any]:
    return learner.get_state(components=COMPONENT_RL_MODULE, inference_only=True)


def _update(learner: Any, *fragments: Fragment, env_steps: int = 0) -> dict[str, float]:
    arrays = Fragment.learner_arrays(fragments, learner.columns)
    timesteps = {"num_env_steps_sampled_lifetime": env_steps}
    results = learner.update(training_data=training_data(arrays), timesteps=timesteps)
    return {name: results[DEFAULT_MODULE_ID][name].peek() for name in learner.figures}


@pytest.mark.parametrize("task", ["point", "point-discrete"])
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_learns_to_go_to_the_target(algorithm: str, task: str) -> None:
    """A random policy makes about -33 an episode, the best one -1.8 (discrete moves: about -4)."""
    part = agent_part(algorithm, num_epochs=8)
    runner, learner = ArrayEnvRunner(config=make_config(part, task)), make_learner(part, task)
    returns = []
    for _ in range(50):
        fragment = runner.sample(weights=_weights(learner))
        returns += [episode.true_return for episode in fragment.episodes]
        figures = _update(learner, fragment)
    assert np.mean(returns[:8]) < -25
    assert np.mean(returns[-16:]) > -10
    assert all(np.isfinite(value) for value in figures.values())


def test_appo_on_its_own_steps_takes_ppo_s_step() -> None:
    learners = {algorithm: make_learner(agent_part(algorithm)) for algorithm in ALGORITHMS}
    ppo, appo = learners.values()
    runner = ArrayEnvRunner(config=make_config(agent_part("ppo")))
    _update(ppo, runner.sample(weights=_weights(ppo)))
    appo.restore(ppo.snapshot(), env_steps=0)
    fragment = runner.sample(weights=_weights(ppo))
    for learner in (ppo, appo):
        _update(learner, fragment)
    for name, array in arrays_of(ppo.trained).items():
        np.testing.assert_allclose(arrays_of(appo.trained)[name], array, rtol=1e-3, atol=1e-4, err_msg=name)


def test_appo_corrects_for_an_older_policy() -> None:
    """The same fragment twice: the second time the policy has moved, and PPO doesn't look."""
    changes = {}
    for algorithm in ALGORITHMS:
        learner = make_learner(agent_part(algorithm))
        runner = ArrayEnvRunner(config=make_config(agent_part(algorithm)))
        for _ in range(3):
            fragment = runner.sample(weights=_weights(learner))
            _update(learner, fragment)
        batch = SequenceBatch(Fragment.learner_arrays([fragment], learner.columns), learner.actor_critic)
        batch.normalize()
        advantages, _ = learner.estimate(batch, *learner.evaluate(batch))
        changes[algorithm] = np.abs(advantages.numpy() - fragment.estimates.advantages.ravel()).max()
    assert changes["ppo"] == 0
    assert changes["appo"] > 0.01


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_what_an_older_policy_did_is_clipped_against_the_policy_of_now(algorithm: str) -> None:
    """A step of a whole batch begins at a ratio of one, however far the policy has gone since it acted."""
    part = agent_part(algorithm, num_epochs=1, minibatch_size=ENVS * STEPS)
    learner, runner = make_learner(part), ArrayEnvRunner(config=make_config(part))
    fragment = runner.sample(weights=_weights(learner))
    _update(learner, fragment)  # the first normalises observations, which changes the policy
    old = runner.sample(weights=_weights(learner))
    for _ in range(20):
        learner.trained.policy[-1].bias.data.add_(0.05)
        figures = _update(learner, old)
        assert abs(figures["kl"]) < 1e-6 and figures["clip_fraction"] == 0


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_what_the_policy_would_no_longer_do_does_not_count(algorithm: str) -> None:
    """A step weighs as much as the policy of now makes it likelier than the one that acted."""
    part = agent_part(algorithm, num_epochs=1, minibatch_size=ENVS * STEPS)

    def gradient(away: float) -> float:
        learner, runner = make_learner(part), ArrayEnvRunner(config=make_config(part))
        _update(learner, runner.sample(weights=_weights(learner)))
        fragment = runner.sample(weights=_weights(learner))
        last = learner.trained.policy[-1]
        last.bias.data.add_(away)
        _update(learner, fragment)
        return float(last.weight.grad.abs().max())

    assert gradient(0.0) > 1e-3
    assert gradient(10.0) < 1e-9


@pytest.mark.parametrize("task", ["point", "counting_task:counting"])
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_restored_learner_takes_the_same_steps(algorithm: str, task: str) -> None:
    part = agent_part(algorithm, envs_per_runner=2, train_batch_size=32, minibatch_size=16)
    runner, learner = ArrayEnvRunner(config=make_config(part, task)), make_learner(part, task)
    fragments = [runner.sample(weights=_weights(learner)) for _ in range(3)]
    _update(learner, fragments[0])
    other = make_learner(part, task)
    other.restore(learner.snapshot(), env_steps=32)
    for fragment in fragments[1:]:
        assert _update(learner, fragment)["value_loss"] == _update(other, fragment)["value_loss"]
    before, after = learner.snapshot(), other.snapshot()
    assert before.keys() == after.keys()
    for name, array in before.items():
        np.testing.assert_array_equal(after[name], array, err_msg=name)
    assert int(before["weights_seq_no"]) == 3


def test_a_linear_rate_falls_to_zero_and_goes_on_where_it_was() -> None:
    part = agent_part("ppo", learning_rate_schedule="linear")
    runner, learner = ArrayEnvRunner(config=make_config(part)), make_learner(part)
    fragment = runner.sample()

    def rate(of: Any) -> float:
        return float(of.get_optimizer(DEFAULT_MODULE_ID).param_groups[0]["lr"])

    rates = [rate(learner)]
    for share in (0.25, 0.5, 1.0):
        _update(learner, fragment, env_steps=int(share * BUDGET))
        rates.append(rate(learner))
    assert rates == pytest.approx([3e-3, 0.75 * 3e-3, 0.5 * 3e-3, 0.0])
    weights = arrays_of(learner.trained)["policy.0.weight"]
    _update(learner, fragment, env_steps=BUDGET)  # a step of rate zero
    np.testing.assert_array_equal(arrays_of(learner.trained)["policy.0.weight"], weights)
    other = make_learner(part)
    other.restore(learner.snapshot(), env_steps=BUDGET // 2)
    assert rate(other) == pytest.approx(0.5 * 3e-3)
    assert rate(make_learner(agent_part("ppo"))) == pytest.approx(3e-3)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_policy_beyond_the_bounds_of_its_actions_comes_back(algorithm: str) -> None:
    """Where all of its actions are clipped to 1, which reward it gets doesn't depend on them."""

    def mean_after(coefficient: float) -> float:
        part = agent_part(algorithm, initial_log_std=-1.5, bounds_coefficient=coefficient)
        runner, learner = ArrayEnvRunner(config=make_config(part)), make_learner(part)
        with torch.no_grad():
            learner.trained.policy[-1].bias.fill_(3.0)
        for _ in range(40):
            _update(learner, fragment := runner.sample(weights=_weights(learner)))
        return float(np.mean(fragment.actions))

    assert mean_after(1.0) < 1.2
    assert mean_after(0.0) > 2.5


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_noise_that_is_not_learned_falls_in_a_line_and_goes_on_where_it_was(algorithm: str) -> None:
    part = agent_part(algorithm, initial_log_std=0.5, final_log_std=-1.5)
    runner, learner = ArrayEnvRunner(config=make_config(part)), make_learner(part)
    seen = [float(runner.module.log_std[0])]
    for share in (0.25, 0.5, 2.0):
        fragment = runner.sample(weights=_weights(learner))
        _update(learner, fragment, env_steps=int(share * BUDGET))
        runner.set_state(_weights(learner))
        seen.append(float(runner.module.log_std[0]))
    assert seen == pytest.approx([0.5, 0.0, -0.5, -1.5])
    other = make_learner(part)
    other.restore(learner.snapshot(), env_steps=BUDGET // 2)
    assert float(other.trained.log_std[0]) == pytest.approx(-0.5)
    _update(make_learner(part, "point-discrete"), ArrayEnvRunner(config=make_config(part, "point-discrete")).sample())


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_networks_begin_anew_once_after_so_many_env_steps(algorithm: str) -> None:
    part = agent_part(algorithm, reset_env_steps=(500, 900))
    runner, learner = ArrayEnvRunner(config=make_config(part)), make_learner(part)
    fragment = runner.sample()
    moved = []

    def update(of: Any, env_steps: int) -> float:
        before = arrays_of(of.trained)["policy.0.weight"]
        _update(of, fragment, env_steps=env_steps)
        return float(np.abs(arrays_of(of.trained)["policy.0.weight"] - before).max())

    for env_steps in (256, 512, 768, 1_024):
        moved.append(update(learner, env_steps))
    assert [change > 0.2 for change in moved] == [False, True, False, True]  # an update's own steps are of some 0.05
    arrays = learner.snapshot()
    assert not any(name.startswith("optimizer/") for name in arrays)  # Adam's moments were of the old networks
    assert arrays["module/obs_count"] > 0 and arrays["module/value_std"] != 1
    other = make_learner(part)
    other.restore(arrays, env_steps=1_024)
    assert update(other, 1_280) < 0.2
