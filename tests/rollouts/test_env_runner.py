"""What a runner hands over is what its environments showed, took and gave."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest
import torch
from counting_task import EPISODE_STEPS, STACK

from rlhp_ray.agent.build import rllib_config
from rlhp_ray.agent.networks import arrays_of
from rlhp_ray.config.agent import SizedAgentPart
from rlhp_ray.errors import PredictorUnavailableError, TaskError
from rlhp_ray.rollouts.env_runner import ArrayEnvRunner, RolloutSettings
from rlhp_ray.rollouts.fragment import Fragment
from rlhp_ray.tasks import load_task
from rlhp_ray.types import PredictedRewards

ENVS, STEPS = 3, 10


class _Predictor:
    """Each step's reward is the first number of its action; notes what it is asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[np.ndarray, np.ndarray]] = []
        self.connected = 0

    def connect(self) -> None:
        self.connected += 1

    def rewards(self, observations: np.ndarray, actions: np.ndarray) -> PredictedRewards:
        self.asked.append((observations.copy(), actions.copy()))
        return PredictedRewards(actions.reshape(*actions.shape[:2], -1)[..., 0].astype(np.float32), 5)


class _Unavailable(_Predictor):
    def rewards(self, observations: np.ndarray, actions: np.ndarray) -> PredictedRewards:
        raise PredictorUnavailableError("no prediction")


def _runner(task: str, predictor: Any = None, store: Any = None, *, lockstep: bool = False) -> ArrayEnvRunner:
    part = SizedAgentPart(
        num_env_runners=1,
        num_learners=0,
        gpus_per_learner=0.0,
        envs_per_runner=ENVS,
        train_batch_size=ENVS * STEPS,
        minibatch_size=10,
        hidden_sizes=(8,),
    )
    settings = RolloutSettings(
        task=task,
        clip_steps=4,
        envs=ENVS,
        fragment_steps=part.fragment_steps,
        gamma=0.9,
        gae_lambda=0.8,
        seed=0,
        epoch=1,
        offered_fraction=1.0,
        lockstep=lockstep,
        store=store,
        predictor=predictor,
    )
    return ArrayEnvRunner(config=rllib_config(part, load_task(task, 4), settings, env_steps_budget=1000))


@pytest.fixture
def stacked() -> tuple[list[Fragment], np.ndarray]:
    """Three fragments of stacks one after the other, and all that the policy saw, [T, N, F, H, W]."""
    runner = _runner("counting_task:counting")
    fragments = [runner.sample() for _ in range(3)]
    return fragments, np.stack(runner._envs.seen)


def test_observations_are_what_the_policy_saw_at_fragment_borders_and_hidden_ends(
    stacked: tuple[list[Fragment], np.ndarray],
) -> None:
    fragments, seen = stacked
    for index, fragment in enumerate(fragments):
        assert fragment.observations.shape == (ENVS, STEPS + STACK, *seen.shape[3:])
        for t in range(STEPS):
            np.testing.assert_array_equal(fragment.observations[:, t : t + STACK], seen[index * STEPS + t])
        if index + 1 < len(fragments):  # the one after the last step is the next fragment's first
            np.testing.assert_array_equal(fragment.observations[:, STEPS:], seen[(index + 1) * STEPS])


def test_hidden_ends_are_told_to_metrics_alone(stacked: tuple[list[Fragment], np.ndarray]) -> None:
    fragments, _ = stacked
    episodes = [episode for fragment in fragments for episode in fragment.episodes]
    assert len(episodes) == ENVS * (3 * STEPS // EPISODE_STEPS)
    assert {episode.steps for episode in episodes} == {EPISODE_STEPS}
    assert not any(fragment.terminated.any() or fragment.truncated.any() for fragment in fragments)
    # counters begin at 0, 10, 20; the score knows nothing of the penalty, the learner's reward does
    first = sorted(episode.true_return for episode in fragments[0].episodes)
    assert first == [sum(range(begin, begin + EPISODE_STEPS)) for begin in (0, 10, 20)]
    assert fragments[0].rewards[:, EPISODE_STEPS - 1].tolist() == [6 - 100, 16 - 100, 26 - 100]


@pytest.mark.parametrize("task", ["point", "point-discrete", "counting_task:counting"])
def test_advantages_and_probabilities_are_the_policy_s(task: str) -> None:
    runner = _runner(task)
    runner.sample()
    fragment = runner.sample()
    module, stack = runner.module, fragment.observations.shape[1] - STEPS
    windows = [fragment.observations[:, t : t + stack] for t in range(STEPS + 1)]
    seen = np.stack(windows if stack > 1 else [window[:, 0] for window in windows], axis=1)
    flat = torch.from_numpy(np.ascontiguousarray(seen.reshape(-1, *seen.shape[2:])))
    with torch.no_grad():
        values = module.values(flat).numpy().reshape(ENVS, STEPS + 1)
        actions = np.concatenate([fragment.actions, fragment.actions[:, -1:]], axis=1)
        logp, *_ = module.evaluate_actions(
            module.normalize(flat), torch.from_numpy(actions.reshape(-1, *actions.shape[2:]))
        )
    np.testing.assert_allclose(
        logp.numpy().reshape(ENVS, STEPS + 1)[:, :-1], fragment.action_logp, rtol=1e-4, atol=1e-5
    )
    expected = np.zeros((ENVS, STEPS + 1))
    for t in reversed(range(STEPS)):
        following = np.where(fragment.truncated[:, t], fragment.estimates.final_values[:, t], values[:, t + 1])
        delta = fragment.rewards[:, t] + 0.9 * following - values[:, t]
        expected[:, t] = delta + 0.9 * 0.8 * expected[:, t + 1] * ~fragment.truncated[:, t]
    np.testing.assert_allclose(fragment.estimates.advantages, expected[:, :-1], rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(
        fragment.estimates.value_targets, expected[:, :-1] + values[:, :-1], rtol=1e-3, atol=1e-3
    )


def test_one_request_asks_for_all_sequences_with_the_actions_that_the_environments_took() -> None:
    runner = _runner("point", _Predictor())
    fragment = runner.sample()
    ((observations, actions),) = runner._predictor.asked
    np.testing.assert_array_equal(observations, fragment.observations[:, :-1])
    np.testing.assert_array_equal(actions, fragment.actions.clip(-1, 1))
    assert (abs(fragment.actions) > 1).any()
    np.testing.assert_array_equal(fragment.rewards, actions[..., 0])
    assert fragment.reward_version == 5


class _Slow(_Predictor):
    """Answers once the runner has taken so many steps of the next fragment."""

    def __init__(self, ahead: int) -> None:
        super().__init__()
        self.ahead = ahead
        self.runner: ArrayEnvRunner | None = None

    def rewards(self, observations: np.ndarray, actions: np.ndarray) -> PredictedRewards:
        assert self.runner is not None
        while self.runner._taken_ahead < self.ahead:
            threading.Event().wait(0.001)
        return super().rewards(observations, actions)


def _slowly_rewarded(task: str, ahead: int) -> tuple[ArrayEnvRunner, _Slow]:
    runner = _runner(task, _Slow(ahead))  # RLlib gives the runner a copy
    runner._predictor.runner = runner
    return runner, runner._predictor


@pytest.mark.parametrize("ahead", [3, STEPS])
def test_while_the_predictor_computes_the_next_fragment_s_steps_are_taken(ahead: int) -> None:
    runner, predictor = _slowly_rewarded("counting_task:counting", ahead)
    fragments = [runner.sample() for _ in range(3)]
    seen = np.stack(runner._envs.seen)
    assert len(seen) >= 3 * STEPS + ahead
    for index, fragment in enumerate(fragments):  # as though it had waited: no step is lost, none twice
        for t in range(STEPS):
            np.testing.assert_array_equal(fragment.observations[:, t : t + STACK], seen[index * STEPS + t])
        np.testing.assert_array_equal(predictor.asked[index][0], fragment.observations[:, :-1])
        assert fragment.rewards.tolist() == predictor.asked[index][1].tolist()


class _DoneAfter:
    """A request that is answered once it was looked at so often."""

    def __init__(self, looks: int) -> None:
        self.looks = looks

    def done(self) -> bool:
        self.looks -= 1
        return self.looks < 0


def test_steps_taken_ahead_are_the_policy_s_that_took_them() -> None:
    runner = _runner("point")
    with torch.inference_mode():
        runner._step_ahead_until(_DoneAfter(4))
    old = {name: tensor.clone() for name, tensor in runner.module.state_dict().items()}
    with torch.no_grad():
        runner.module.log_std += 0.5
    fragment = runner.sample()
    newer = _log_probabilities(runner, fragment)
    runner.module.load_state_dict(old)
    older = _log_probabilities(runner, fragment)
    np.testing.assert_allclose(fragment.action_logp[:, :4], older[:, :4], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(fragment.action_logp[:, 4:], newer[:, 4:], rtol=1e-4, atol=1e-5)
    assert not np.allclose(older, newer)


def _log_probabilities(runner: ArrayEnvRunner, fragment: Fragment) -> np.ndarray:
    observations, actions = torch.from_numpy(fragment.observations[:, :-1]), torch.from_numpy(fragment.actions)
    with torch.no_grad():
        seen = runner.module.normalize(observations.flatten(0, 1))
        logp, *_ = runner.module.evaluate_actions(seen, actions.flatten(0, 1))
    return logp.numpy().reshape(ENVS, STEPS)


def test_in_lockstep_no_step_is_taken_ahead() -> None:
    runner = _runner("point", _Predictor(), lockstep=True)
    for _ in range(3):
        runner.sample()
    assert runner._taken_ahead == 0


def test_before_the_first_predictor_nothing_is_learned_from() -> None:
    runner = _runner("point", _Predictor())
    fragment = runner.sample(learned=False)
    assert runner._predictor.asked == []
    assert not fragment.rewards.any()


def test_truncated_episodes_go_on_from_the_value_of_their_last_observation() -> None:
    runner = _runner("point")
    fragments = [runner.sample() for _ in range(5)]  # episodes of 50 steps
    last = fragments[-1]
    assert last.truncated[:, -1].all() and last.truncated.sum() == ENVS
    assert (last.estimates.final_values[:, -1] != 0).all() and not last.estimates.final_values[:, :-1].any()
    assert len(last.episodes) == ENVS and not any(fragment.episodes for fragment in fragments[:-1])
    total = np.sum([fragment.rewards.sum(axis=1, dtype=np.float64) for fragment in fragments], axis=0)
    np.testing.assert_allclose([episode.true_return for episode in last.episodes], total, rtol=1e-6)


def test_an_error_of_ours_is_returned_since_rllib_would_restart_who_raises() -> None:
    outcome = _runner("point", _Unavailable()).sample()
    assert isinstance(outcome, PredictorUnavailableError)


def test_an_environment_that_fails_is_named() -> None:
    runner = _runner("point")

    def fail(actions: np.ndarray) -> None:
        raise ZeroDivisionError("by zero")

    runner._envs.step = fail
    outcome = runner.sample()
    assert isinstance(outcome, TaskError)
    assert str(outcome).startswith("An environment of point failed in a step with ZeroDivisionError: by zero")


def test_weights_that_come_with_a_request_are_acted_with() -> None:
    first, second = _runner("point"), _runner("counting_task:counting")
    for runner in (first, second):
        other = _runner(runner._settings.task)
        state = {"rl_module": {"default_policy": other.module.get_state()}, "weights_seq_no": 7}
        fragment = runner.sample(weights=state)
        assert fragment.policy_version == 7
        for name, array in arrays_of(other.module).items():
            np.testing.assert_array_equal(arrays_of(runner.module)[name], array, err_msg=name)


def test_a_runner_is_connected_to_the_predictor_before_its_first_fragment() -> None:
    predictor = _runner("point", _Predictor())._predictor
    assert predictor.connected == 1 and not predictor.asked
