"""The new behaviours: what an oracle judges by, and what counts as success, read from the simulator's state."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from rlhp_ray.experiment.evaluate import evaluate, random_policy
from rlhp_ray.tasks import load_task
from rlhp_ray.tasks.behavior import Feet, TurnsSeen
from rlhp_ray.tasks.new_behaviors import NEW_BEHAVIORS, Backflips, Marching, OneLeg, ThreeLegs

# name: (steps of an episode, of a clip, size of an observation)
FACTS = {
    "hopper-backflip": (500, 100, 12),
    "half-cheetah-one-leg": (1000, 30, 17),
    "walker2d-march": (400, 188, 17),
    "ant-three-legs": (1000, 30, 105),
}
NO = np.array([False, False, False, False])


def test_the_four_are_there() -> None:
    assert set(NEW_BEHAVIORS) == set(FACTS)


@pytest.mark.parametrize("name", FACTS)
def test_facts_and_a_sentence_for_a_person(name: str) -> None:
    task = load_task(name)
    assert (task.episode_steps, task.clip_steps, *task.observation_space.shape) == FACTS[name]
    assert task.measured and "should" in task.description
    assert task.render(np.zeros((1, *task.state_shape)), width=32, height=32).shape == (1, 32, 32, 3)


@pytest.mark.parametrize("name", FACTS)
def test_an_episode_is_evaluated_and_measured_and_ends_at_its_time_limit_or_after_a_clip_that_it_lay(name: str) -> None:
    task = load_task(name)
    rng = np.random.default_rng(0)
    evaluation = evaluate(task, random_policy(task, rng), 2, rng)
    if name == "walker2d-march":
        lies = (evaluation.states[:, 1] < 0.8) | (np.abs(evaluation.states[:, 2]) > 1.0)
        assert len(lies) < task.episode_steps
        assert lies[1 - task.clip_steps :].all() and not lies[: -task.clip_steps].all()
    else:
        assert len(evaluation.states) == task.episode_steps
    assert np.isfinite(evaluation.returns).all() and evaluation.std > 0
    assert evaluation.success == next(iter(evaluation.measures.values())) == evaluation.figures()["success"]


def test_success_is_the_mean_over_all_episodes() -> None:
    task = load_task("half-cheetah-one-leg")
    rng = np.random.default_rng(0)
    evaluation = evaluate(task, random_policy(task, rng), 2, rng)
    first, mean = task.measures(evaluation.states), evaluation.measures
    assert first.keys() == mean.keys()
    share = "front foot off the ground"
    second = 2 * mean[share] - first[share]
    assert second != first[share] and 1000 * second == pytest.approx(round(1000 * second))  # of 1000 steps


@pytest.mark.parametrize("name", FACTS)
def test_feet_on_the_ground_are_the_simulator_s_contacts(name: str) -> None:
    task = load_task(name)
    env: Any = task.make_env()
    env.reset(seed=0)
    env.action_space.seed(0)
    robot = env.unwrapped
    names = load_task(name).behavior.feet
    feet = Feet(robot.model, names)
    states, touching = [], []
    for _ in range(60):
        env.step(env.action_space.sample())
        states.append(np.concatenate([robot.data.qpos, robot.data.qvel]))
        touching.append([_distance(robot, foot) < _margin(robot, foot) for foot in names])
    found = feet.over_time(np.array(states))
    assert found.any() and (found == np.array(touching)).mean() > 0.98  # but for rounding at the margin


def _margin(robot: Any, foot: str) -> float:
    return float(robot.model.geom("floor").margin[0] + robot.model.geom(foot).margin[0])


def _distance(robot: Any, foot: str) -> float:
    import mujoco

    mujoco.mj_fwdPosition(robot.model, robot.data)
    floor, geom = robot.model.geom("floor").id, robot.model.geom(foot).id
    return float(mujoco.mj_geomDistance(robot.model, robot.data, floor, geom, 1.0, None))


# -- backflip ----------------------------------------------------------------------------------------------------------


def hopper(angles: Any) -> np.ndarray[Any, Any]:
    """States of a hopper whose torso has these angles."""
    states = np.zeros((len(angles), 12))
    states[:, 1], states[:, 2] = 1.25, angles
    return states


def test_backward_turns_with_the_foot_on_the_ground_between_them_are_counted() -> None:
    angles = np.linspace(0.0, -3.5 * 2 * math.pi, 200)
    each_time = np.zeros((200, 1), dtype=np.bool_)
    each_time[::10] = True
    measures = Backflips().measures
    assert measures(hopper(angles), each_time) == {"backward turns": 3.0}
    assert measures(hopper(-angles), each_time) == {"backward turns": 0.0}
    only_first = np.arange(200)[:, None] < 5
    assert measures(hopper(angles), only_first) == {"backward turns": 1.0}  # then it spins in the air
    assert measures(hopper(angles), ~np.ones((200, 1), dtype=np.bool_)) == {"backward turns": 0.0}
    rocking = np.tile([0.0, -math.pi], 100)
    assert measures(hopper(rocking), each_time) == {"backward turns": 0.0}


def test_backflip_s_objective_is_turning_backwards() -> None:
    state, action = hopper([0.0])[0], np.zeros(3)
    for turning in (-4.0, 4.0):
        state[8] = turning
        assert Backflips().reward(state, state, action, NO) == pytest.approx(-turning * (1 + 0.3 * 1.25))
    high = state.copy()
    high[1], high[8], state[8] = 2.0, -4.0, -4.0
    assert Backflips().reward(state, high, action, NO) > Backflips().reward(state, state, action, NO)


def test_a_hopper_that_turned_once_looks_like_one_that_did_not() -> None:
    env: Any = load_task("hopper-backflip").make_env()
    assert isinstance(env, TurnsSeen)
    env.reset(seed=0)
    robot = env.unwrapped
    seen = []
    for angle in (0.3, 0.3 - 2 * math.pi):
        robot.data.qpos[2] = angle
        seen.append(env.observation(robot._get_obs()))
        assert seen[-1][1:3] == pytest.approx([math.sin(angle), math.cos(angle)])
    assert seen[0] == pytest.approx(seen[1]) and seen[0].shape == env.observation_space.shape


# -- one leg, marching, three legs -------------------------------------------------------------------------------------


def moved(size: int, places: Any) -> np.ndarray[Any, Any]:
    """States at these places, upright."""
    states = np.zeros((len(places), size))
    states[:, 0] = places
    states[:, 1] = 1.2
    return states


def test_one_leg_is_paid_for_speed_with_the_front_foot_in_the_air() -> None:
    behavior = OneLeg()
    before, after = moved(18, [0.0, 0.1])
    action = np.zeros(6)
    assert behavior.reward(before, after, action, np.array([True, False])) == pytest.approx(2.0)
    assert behavior.reward(before, after, action, np.array([True, True])) == -1.0
    after[2] = 3.0  # on its back
    assert behavior.reward(before, after, action, np.array([False, False])) == -1.0


def test_one_leg_s_metres_count_with_the_front_foot_in_the_air() -> None:
    states = moved(18, [0.0, 1.0, 3.0, 6.0])
    touching = np.array([[True, False], [True, True], [True, False], [False, False]])
    measures = OneLeg().measures(states, touching)
    assert measures == {"metres on one leg": 5.0, "metres forward": 6.0, "front foot off the ground": 0.75}
    states[3, 2] = 3.0
    assert OneLeg().measures(states, touching)["metres on one leg"] == 2.0


def test_three_legs_are_paid_and_measured_likewise() -> None:
    states = np.zeros((4, 29))
    states[:, 0], states[:, 2] = [0.0, 1.0, 3.0, 6.0], 0.6
    touching = np.array([[False] * 4, [True] * 4, [False] * 4, [False, True, True, True]])
    measures = ThreeLegs().measures(states, touching)
    assert measures == {"metres on three legs": 5.0, "metres forward": 6.0, "on its feet, leg off the ground": 0.75}
    reward = ThreeLegs().reward
    action = np.zeros(8)
    assert reward(states[0], states[1], action, touching[1]) == -1.0
    assert reward(states[0], states[1], action, touching[2]) == pytest.approx(1.0 / 0.05)
    states[1, 4] = 1.0  # it is on its back
    assert reward(states[0], states[1], action, touching[2]) == -1.0
    assert ThreeLegs().measures(states, touching[[2, 2, 2, 2]]) == {
        "metres on three legs": 5.0,
        "metres forward": 6.0,
        "on its feet, leg off the ground": 0.75,
    }
    states[1, 2], states[1, 4] = 0.1, 0.0  # it lies
    assert reward(states[0], states[1], action, touching[2]) == -1.0


def test_marching_counts_steps_of_one_foot_after_the_other_in_place() -> None:
    left, right, both = [False, True], [True, False], [True, True]
    touching = np.array([left, both, right, right, both, left, right])
    states = moved(18, np.zeros(7))
    assert Marching().measures(states, touching) == {"steps in place": 3.0, "metres away": 0.0}
    states[4:, 0] = 1.5  # it walks away
    assert Marching().measures(states, touching) == {"steps in place": 1.0, "metres away": 1.5}


def test_marching_is_paid_for_thighs_that_swing_over_one_foot_in_place() -> None:
    before, after = moved(18, [0.0, 0.0])
    one, both, action = np.array([True, False]), np.array([True, True]), np.zeros(6)
    after[12], after[15] = 3.0, -3.0
    reward = Marching().reward
    assert reward(before, after, action, one) == pytest.approx(1.0)
    assert reward(before, after, action, both) == 0.0
    after[9] = 1.0  # it moves on
    assert reward(before, after, action, one) == pytest.approx(0.0)
    after[1] = 0.5  # it lies
    assert reward(before, after, action, one) == -1.0


@pytest.mark.parametrize("name", ["half-cheetah-one-leg", "ant-three-legs"])
def test_speed_is_in_metres_a_second(name: str) -> None:
    made = NEW_BEHAVIORS[name]()
    env: Any = made.make_env()
    assert env.unwrapped.dt == pytest.approx(made.behavior.seconds)
