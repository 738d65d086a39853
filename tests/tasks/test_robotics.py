"""The paper's eight tasks: what they reward, that they never terminate, and that nothing slow wraps them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import gymnasium
import numpy as np
import pytest

from rlhp_ray.tasks import Task, load_task
from rlhp_ray.tasks.robotics import ROBOTICS

# name: (steps of a clip, which is 1.5 s but for hopper's half a second; steps of an episode, values of a render state)
FACTS = {
    "half-cheetah": (30, 1000, 18),
    "hopper": (63, 400, 12),
    "walker2d": (188, 400, 18),
    "ant": (30, 1000, 29),
    "swimmer": (38, 1000, 10),
    "reacher": (75, 150, 8),
    "inverted-double-pendulum": (30, 100, 6),
    "inverted-pendulum": (38, 100, 4),
}

PUT_UP_AGAIN = ("hopper", "walker2d", "inverted-double-pendulum")


def random_steps(task: Task, count: int) -> Iterator[tuple[Any, float, bool, bool, dict[str, Any]]]:
    """Steps of one episode under random actions, the action in info."""
    env = task.make_env()
    env.reset(seed=0)
    env.action_space.seed(0)
    for _ in range(count):
        action = env.action_space.sample()
        observation, reward, terminated, truncated, info = env.step(action)
        yield observation, float(reward), terminated, truncated, info
        if truncated:
            return


def test_the_eight_of_the_paper_are_there() -> None:
    assert set(ROBOTICS) == set(FACTS)


@pytest.mark.parametrize("name", FACTS)
def test_facts_and_a_sentence_for_a_person(name: str) -> None:
    task = load_task(name)
    assert (task.clip_steps, task.episode_steps, task.state_shape[0]) == FACTS[name]
    assert task.clip_seconds == pytest.approx(
        0.5 if name == "hopper" else 1.5, abs=0.021
    )  # half a step of the slowest control rate
    assert task.name == name
    assert task.description.endswith(".") and "should" in task.description
    assert not task.measured and task.measures(np.zeros((3, *task.state_shape))) == {}


@pytest.mark.parametrize("name", FACTS)
def test_an_episode_is_truncated_only(name: str) -> None:
    task = load_task(name)
    steps = list(random_steps(task, 2000))  # more than any episode has
    if name not in PUT_UP_AGAIN:  # for another reason than its time limit
        assert len(steps) == task.episode_steps
    assert not any(terminated for _, _, terminated, _, _ in steps)
    assert [truncated for _, _, _, truncated, _ in steps] == [False] * (len(steps) - 1) + [True]


@pytest.mark.parametrize("name", PUT_UP_AGAIN)
def test_what_has_fallen_is_set_up_anew_once_it_has_lain_for_a_clip(name: str) -> None:
    task = load_task(name)
    assert task.episode_steps is not None
    lies = "".join("." if info["reward_survive"] else "x" for *_, info in random_steps(task, 400))
    assert len(lies) < task.episode_steps and lies.index("x" * task.clip_steps) == len(lies) - task.clip_steps
    env = task.make_env()  # an episode doesn't inherit the steps that the one before it lay
    env.reset(seed=0)
    env.action_space.seed(0)
    for _ in range(len(lies) - 1):
        env.step(env.action_space.sample())
    env.reset(seed=0)
    assert not any(env.step(env.action_space.sample())[3] for _ in range(task.clip_steps))


@pytest.mark.parametrize("name", ["half-cheetah", "swimmer"])
def test_runners_are_paid_for_speed_alone(name: str) -> None:
    for _, reward, _, _, info in random_steps(load_task(name), 50):
        assert reward == pytest.approx(info["x_velocity"])


@pytest.mark.parametrize(("name", "healthy_height", "penalty"), [("hopper", 0.7, 3.0), ("walker2d", 0.8, 1.0)])
def test_walkers_pay_while_they_are_down(name: str, healthy_height: float, penalty: float) -> None:
    bonuses = set()
    for observation, reward, _, _, info in random_steps(load_task(name), 400):
        bonus = reward - info["x_velocity"]
        assert bonus == pytest.approx(1.0 if info["reward_survive"] else -penalty)
        if observation[0] < healthy_height:  # the torso's height
            assert bonus == pytest.approx(-penalty)
        bonuses.add(round(bonus, 6))
    assert bonuses == {-penalty, 1.0}  # a random policy falls: both were met


def test_ant_pays_for_contact_but_not_for_torque() -> None:
    for _, reward, _, _, info in random_steps(load_task("ant"), 50):
        assert info["reward_ctrl"] == 0.0
        bonus = 1.0 if info["reward_survive"] else -1.0
        assert reward == pytest.approx(info["x_velocity"] + bonus + info["reward_contact"])


def test_reacher_is_paid_for_the_distance_alone() -> None:
    for observation, reward, _, _, _ in random_steps(load_task("reacher"), 50):
        assert reward == pytest.approx(-np.linalg.norm(observation[-2:]), abs=1e-6)


def test_pendulum_earns_only_while_it_stands() -> None:
    rewards = []
    for observation, reward, _, _, _ in random_steps(load_task("inverted-pendulum"), 200):
        assert reward == (1.0 if abs(observation[1]) <= 0.2 else -1.0)
        rewards.append(reward)
    assert rewards[0] == 1.0 and rewards[-1] == -1.0


def test_double_pendulum_pays_while_it_is_down() -> None:
    bonuses = {
        round(reward - info["distance_penalty"] - info["velocity_penalty"], 6)
        for _, reward, _, _, info in random_steps(load_task("inverted-double-pendulum"), 200)
    }
    assert bonuses == {-10.0, 10.0}


@pytest.mark.parametrize("name", FACTS)
def test_nothing_but_what_the_task_needs_wraps_the_environment(name: str) -> None:
    env = load_task(name).make_env()
    wrappers = []
    while isinstance(env, gymnasium.Wrapper):
        wrappers.append(type(env).__name__)
        env = env.env
    always_healthy = name in ("half-cheetah", "swimmer", "reacher")
    assert wrappers == (["TimeLimit"] if always_healthy else ["TimeLimit", "PenaltyInsteadOfEnd"])


def test_one_seed_makes_one_episode() -> None:
    first, second = (list(random_steps(load_task("hopper"), 30)) for _ in range(2))
    for one, other in itertools.zip_longest(first, second):
        np.testing.assert_array_equal(one[0], other[0])


@pytest.mark.parametrize("name", FACTS)
def test_read_state_writes_positions_then_velocities(name: str) -> None:
    task = load_task(name)
    env = task.make_env()
    env.reset(seed=0)
    env.action_space.seed(0)
    states = np.full((3, *task.state_shape), np.nan)
    env.step(env.action_space.sample())
    task.read_state(env, states[1])  # a row of the runner's array
    data = env.unwrapped.data  # type: ignore[attr-defined]  # MuJoCo's
    np.testing.assert_array_equal(states[1], np.concatenate([data.qpos, data.qvel]))
    assert np.isnan(states[[0, 2]]).all()
