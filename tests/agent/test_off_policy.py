"""SAC and DQN: one learner in this process, fed from a replay buffer; and the whole agent on Ray."""

from __future__ import annotations

import dataclasses
import threading
from typing import Any

import numpy as np
import pytest
import torch
from agent_data import agent_part, make_config, make_learner, training_data
from ray.rllib.core import COMPONENT_RL_MODULE, DEFAULT_MODULE_ID

from rlhp_ray.agent import off_policy
from rlhp_ray.agent.build import ALGORITHMS, model_config
from rlhp_ray.agent.networks import arrays_of
from rlhp_ray.agent.relabeling import Relabeler
from rlhp_ray.agent.replay import ReplayBuffer
from rlhp_ray.errors import PredictorUnavailableError, TaskError
from rlhp_ray.rollouts.env_runner import ArrayEnvRunner
from rlhp_ray.tasks import load_task
from rlhp_ray.types import PredictedRewards

OFF_POLICY = (("sac", "point"), ("dqn", "point-discrete"))
SMALL = {
    "train_batch_size": 64,
    "minibatch_size": 64,
    "hidden_sizes": (32, 32),
    "learning_starts": 500,
    "replay_env_steps": 20_000,
    "exploration_env_steps": 5_000,
    "target_rate": 0.02,
    "learning_rate": 2e-3,
}


def small(algorithm: str, **fields: Any) -> Any:
    return agent_part(algorithm, **(SMALL | fields))


def rows(part: Any, task: str, count: int) -> dict[str, np.ndarray]:
    """Steps of a random policy, as a buffer gives them."""
    runner = ArrayEnvRunner(config=make_config(part, task))
    replay = ReplayBuffer(runners=1, envs=part.envs_per_runner, steps=4_000, stack=1, rng=np.random.default_rng(0))
    for _ in range(20):
        fragment = runner.sample()
        replay.add(_as_runner_1(fragment))
    return replay.sample(count)


def _as_runner_1(fragment: Any) -> Any:
    return dataclasses.replace(fragment, runner=1)


@pytest.mark.parametrize(("algorithm", "task"), OFF_POLICY)
def test_learns_to_go_to_the_target(algorithms: Any, algorithm: str, task: str) -> None:
    """A random policy makes about -33 an episode, the best one -1.8 (discrete moves: about -4)."""
    agent = algorithms(small(algorithm, updates_per_env_step=0.5), task, lockstep=True)
    returns: list[float] = []
    while agent.env_steps < 8_192:
        agent.train()
        returns += [episode.true_return for f in agent.last_update.fragments for episode in f.episodes]
    assert np.mean(returns[:8]) < -20
    assert np.mean(returns[-16:]) > -10
    assert all(np.isfinite(value) for value in agent.last_update.figures.values())


@pytest.mark.parametrize(("algorithm", "task"), OFF_POLICY)
def test_updates_follow_env_steps_and_a_snapshot_goes_on_with_its_buffer(
    algorithms: Any, algorithm: str, task: str
) -> None:
    agent = algorithms(small(algorithm, updates_per_env_step=0.25), task, lockstep=True)
    taken = []
    agent._update, real = lambda arrays, **kw: taken.append(len(arrays["rewards"])) or real(arrays, **kw), agent._update
    while agent.env_steps < 1_024:
        agent.train()
        assert bool(agent.last_update.figures) == (agent.env_steps >= 500)
    learning_updates = (1_024 - 512) // 64 + 1
    assert taken == [64 * 16] * learning_updates

    snapshot = agent.snapshot()
    assert sum(name.startswith("replay/") for name in snapshot) == 7
    other = algorithms(small(algorithm, updates_per_env_step=0.25), task)
    other.go_on(snapshot)
    assert other.env_steps == agent.env_steps and other.updates == agent.updates
    for name, array in other.snapshot().items():
        np.testing.assert_array_equal(array, snapshot[name], err_msg=name)
    other.train()
    assert other.last_update.figures  # it learns at once


def test_rows_come_in_parts_of_bounded_memory_and_whole_gradient_steps(
    algorithms: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent = algorithms(small("dqn", updates_per_env_step=0.25), "point-discrete", lockstep=True)
    taken = []
    agent._update, real = lambda arrays, **kw: taken.append(arrays) or real(arrays, **kw), agent._update
    monkeypatch.setattr(off_policy, "MAX_BYTES", 64 * 200)
    while not agent.updates:
        agent.train()
    rows = [len(arrays["rewards"]) for arrays in taken]
    assert sum(rows) == 64 * 16 and len(rows) > 1 and not any(count % 64 for count in rows)
    first = taken[0]
    row_bytes = sum(first[name][0].nbytes for name in ("observations", "next_observations", "actions"))
    assert row_bytes == agent._buffer.row_bytes and rows[0] == 64 * (200 // row_bytes)
    assert set(agent.last_update.figures) == set(agent.learner_class.figures)


@pytest.mark.parametrize(("algorithm", "task"), OFF_POLICY)
def test_a_restored_learner_takes_the_same_steps(algorithm: str, task: str) -> None:
    part = small(algorithm)
    data = rows(part, task, 256)
    learner, other = make_learner(part, task), make_learner(part, task)
    _update(learner, data)
    other.restore(learner.snapshot(), env_steps=256)
    assert _update(learner, data) == _update(other, data)
    for name, array in learner.snapshot().items():
        np.testing.assert_array_equal(other.snapshot()[name], array, err_msg=name)


def _update(learner: Any, arrays: dict[str, np.ndarray]) -> dict[str, float]:
    timesteps = {"num_env_steps_sampled_lifetime": 256}
    results = learner.update(training_data=training_data(arrays), timesteps=timesteps)
    return {name: results[DEFAULT_MODULE_ID][name].peek() for name in learner.figures}


@pytest.mark.parametrize(("algorithm", "task"), OFF_POLICY)
def test_runners_are_sent_what_they_act_with_and_nothing_more(algorithm: str, task: str) -> None:
    learner = make_learner(small(algorithm), task)
    state = learner.get_state(components=COMPONENT_RL_MODULE, inference_only=True)[COMPONENT_RL_MODULE]
    names = {name.split(".")[0] for name in state[DEFAULT_MODULE_ID]}
    assert names == ({"policy", "center", "half_range"} if algorithm == "sac" else {"q", "epsilon"})


def sac_module(**fields: Any) -> Any:
    task, part = load_task("point"), small("sac", **fields)
    return ALGORITHMS["sac"].module_class(
        observation_space=task.observation_space,
        action_space=task.action_space,
        inference_only=False,
        model_config=model_config(part),
    )


def test_sac_s_log_probabilities_are_those_of_a_squashed_gaussian() -> None:
    module = sac_module()
    torch.nn.init.normal_(module.policy[-1].weight, std=0.5)
    size = module.observation_space.shape[0]
    generator = torch.Generator().manual_seed(0)
    observations, noise = (
        torch.randn(32, size, generator=generator),
        torch.randn(32, module.outputs, generator=generator),
    )
    squashed = module.sample(observations, noise)
    mean, log_std = module.policy(observations).chunk(2, dim=-1)
    distribution = torch.distributions.TransformedDistribution(
        torch.distributions.Normal(mean.double(), log_std.clamp(-5, 2).exp().double()),
        torch.distributions.TanhTransform(cache_size=1),
    )
    expected = distribution.log_prob(squashed.actions.double().clamp(-1 + 1e-9, 1 - 1e-9)).sum(-1)
    sure = squashed.actions.abs().amax(-1) < 0.99  # the inverse of tanh loses all digits further out
    assert sure.sum() > 8
    torch.testing.assert_close(squashed.logp.double()[sure], expected[sure], rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("threads", [1, 2])
def test_sac_steps_are_those_written_out(threads: int) -> None:
    """Against plain networks: each critic by itself, gradients by backward()."""
    part = small("sac", minibatch_size=32, learner_threads=threads)
    data = rows(part, "point", 32)
    learner = make_learner(part)
    torch.nn.init.normal_(learner.trained.policy[-1].weight, std=0.3)
    before = learner.snapshot()
    copy = make_learner(part)
    copy.restore(before, env_steps=0)
    generator = torch.Generator()
    generator.set_state(torch.from_numpy(before["generator"]))
    _update(learner, data)

    module, tensors = copy.trained, {name: torch.from_numpy(array) for name, array in data.items()}
    noise = torch.randn((2, 32, module.outputs), generator=generator)
    taken = (tensors["actions"] - module.center) / module.half_range
    with torch.no_grad():
        a, logp = module.sample(tensors["next_observations"], noise[0])
        q = torch.minimum(*module.targets(tensors["next_observations"], a)) - logp  # a temperature of 1
        target = tensors["rewards"] + part.gamma * q * ~tensors["terminated"]
    first, second = module.critics(tensors["observations"], taken)
    critics = torch.optim.Adam(module.critics.parameters(), lr=part.learning_rate)
    a, logp = module.sample(tensors["observations"], noise[1])
    policy = torch.optim.Adam(module.policy.parameters(), lr=part.learning_rate)
    (logp - torch.minimum(*module.critics(tensors["observations"], a))).mean().backward()
    critics.zero_grad()  # those of the policy's loss
    (torch.nn.functional.mse_loss(first, target) + torch.nn.functional.mse_loss(second, target)).backward()
    critics.step()
    policy.step()
    targets = {
        name: 0.98 * torch.from_numpy(before[f"module/targets.{name}"]) + 0.02 * tensor.detach()
        for name, tensor in module.critics.named_parameters()
    }
    after = arrays_of(learner.trained)
    for name, tensor in [*module.policy.named_parameters(prefix="policy"), *module.critics.named_parameters("critics")]:
        np.testing.assert_allclose(after[name], tensor.detach(), rtol=1e-4, atol=1e-5, err_msg=name)
    for name, tensor in targets.items():
        np.testing.assert_allclose(after[f"targets.{name}"], tensor, rtol=1e-4, atol=1e-6, err_msg=name)
    higher = -logp.mean() < -module.outputs  # too little entropy: the temperature rises
    assert (after["log_temperature"] > 0) == bool(higher)


def test_dqn_explores_less_and_less() -> None:
    part = small("dqn")
    learner = make_learner(part, "point-discrete")
    data = rows(part, "point-discrete", 64)
    shares = []
    for steps in (0, 2_500, 5_000, 10_000):
        learner.update(training_data=training_data(data), timesteps={"num_env_steps_sampled_lifetime": steps})
        shares.append(float(learner.trained.epsilon))
    assert shares == pytest.approx([1.0, 0.525, 0.05, 0.05])


@pytest.mark.parametrize(("algorithm", "task"), [("sac", "point-discrete"), ("dqn", "point"), ("sac", "pong")])
def test_a_task_of_another_kind_is_refused(algorithm: str, task: str) -> None:
    with pytest.raises(TaskError, match="choose"):
        make_learner(small(algorithm), task)


class Predictor:
    """Rewards are the version; every call is counted."""

    def __init__(self) -> None:
        self.version, self.steps, self.trouble = 1, 0, False

    def connect(self) -> None:
        pass

    def rewards(self, observations: np.ndarray, actions: np.ndarray) -> PredictedRewards:
        if self.trouble:
            raise PredictorUnavailableError("no prediction")
        self.steps += actions.shape[0] * actions.shape[1]
        return PredictedRewards(np.full(actions.shape[:2], self.version, np.float32), self.version)


def test_the_whole_buffer_follows_each_new_version() -> None:
    part, predictor = small("sac"), Predictor()
    runner = ArrayEnvRunner(config=make_config(part))
    replay = ReplayBuffer(runners=1, envs=part.envs_per_runner, steps=4_000, stack=1, rng=np.random.default_rng(0))
    for _ in range(10):
        replay.add(_as_runner_1(runner.sample()))
    relabeler = Relabeler(replay, predictor)
    assert relabeler.pass_once() == 1
    assert set(replay.sample(500)["rewards"]) == {1.0}
    predictor.version = 2
    relabeler.want(2)
    while relabeler.version < 2:
        threading.Event().wait(0.01)
    assert set(replay.sample(500)["rewards"]) == {2.0}
    assert predictor.steps == 2 * len(replay)
    predictor.trouble = True
    relabeler.want(3)
    assert relabeler._thread is not None
    relabeler._thread.join(timeout=60)
    with pytest.raises(PredictorUnavailableError):
        relabeler.want(3)
    relabeler.stop()


def test_the_agent_has_its_buffer_relabelled_at_each_new_version(algorithms: Any) -> None:
    part, predictor = small("sac"), Predictor()
    agent = algorithms(part, "point", lockstep=True)
    agent._relabeler = Relabeler(agent._buffer, predictor)
    runner = ArrayEnvRunner(config=make_config(part))
    for version in (1, 2):
        predictor.version = version
        fragment = dataclasses.replace(_as_runner_1(runner.sample()), reward_version=version)
        list(agent.batches([fragment]))
        assert set(agent._buffer.sample(500)["rewards"]) == {float(version)}
    steps = predictor.steps
    list(agent.batches([dataclasses.replace(_as_runner_1(runner.sample()), reward_version=2)]))
    assert predictor.steps == steps  # nothing new
