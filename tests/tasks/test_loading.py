"""Names to tasks: Gymnasium ids, the user's own functions, and one clear sentence for everything that can't be used."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import gymnasium
import numpy as np
import pytest

from rlhp_ray.errors import TaskError
from rlhp_ray.tasks import load_task

OWN = '''
import gymnasium
from rlhp_ray.tasks import Camera, Task

class Still(gymnasium.Env):
    def __init__(self, observations, actions):
        self.observation_space, self.action_space = observations, actions

def backflip():
    """A task with its own sentence, clip and camera."""
    return Task(
        lambda: gymnasium.make("Hopper-v5", terminate_when_unhealthy=False, max_episode_steps=400),
        description="The robot should do backflips.",
        clip_seconds=0.8,
        camera=Camera(5.0, lookat=(0.0, 0.0, 1.0)),
    )

def plain():
    return gymnasium.make("HalfCheetah-v5")

def dict_observations():
    return Still(gymnasium.spaces.Dict({"a": gymnasium.spaces.Discrete(2)}), gymnasium.spaces.Discrete(2))

def table_observations():
    return Still(gymnasium.spaces.Box(0, 1, (3, 4)), gymnasium.spaces.Discrete(2))

def multi_actions():
    return Still(gymnasium.spaces.Box(0, 1, (3,)), gymnasium.spaces.MultiDiscrete([2, 2]))

def shifted_actions():
    return Still(gymnasium.spaces.Box(0, 1, (3,)), gymnasium.spaces.Discrete(3, start=1))

def number():
    return 3

def missing():
    import not_an_installed_package
'''


@pytest.fixture
def own_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The name of a module of the user's, in the working directory, which isn't on the path yet."""
    (tmp_path / "own_tasks_for_test.py").write_text(textwrap.dedent(OWN))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry])
    yield "own_tasks_for_test"
    sys.modules.pop("own_tasks_for_test", None)


def error_of(call: Callable[[], object]) -> str:
    """The sentence that the call fails with: one line."""
    with pytest.raises(TaskError) as caught:
        call()
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_gymnasium_id_is_taken_as_it_is() -> None:
    task = load_task("Hopper-v5")
    env = task.make_env()
    env.reset(seed=0)
    ends = [env.step(np.ones(3))[2] for _ in range(100)]
    assert any(ends)  # terminates when it falls, unlike our hopper
    assert (task.clip_steps, task.episode_steps, task.state_shape) == (188, 1000, (12,))


def test_cartpole_has_discrete_actions_and_fifty_steps_a_second() -> None:
    task = load_task("CartPole-v1")
    assert isinstance(task.action_space, gymnasium.spaces.Discrete)
    assert (task.clip_steps, task.episode_steps, task.state_shape) == (75, 500, (0,))


def test_atari_ids_are_games_as_the_method_plays_them() -> None:
    assert load_task("ALE/Pong-v5").observation_space.shape == (4, 84, 84)


def test_ids_of_other_modules_register_themselves() -> None:
    assert load_task("ale_py:ALE/Pong-v5").clip_steps > 0


def test_an_own_function_may_return_an_environment(own_module: str) -> None:
    task = load_task(f"{own_module}:plain")
    assert (task.name, task.clip_steps, task.state_shape) == (f"{own_module}:plain", 30, (18,))
    assert task.make_env() is not task.make_env()


def test_an_own_function_may_return_a_task(own_module: str) -> None:
    task = load_task(f"{own_module}:backflip")
    assert task.description == "The robot should do backflips."
    assert (task.clip_steps, task.episode_steps) == (100, 400)


def test_the_clip_length_can_be_given() -> None:
    task = load_task("reacher", clip_steps=150)
    assert task.clip_steps == 150
    assert task.clip_seconds == pytest.approx(3.0)


def test_a_clip_longer_than_an_episode_is_refused() -> None:
    message = error_of(lambda: load_task("reacher", clip_steps=151))
    assert "151" in message and "reacher" in message and "segments.clip_steps to 150" in message


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("half-cheeta", "half-cheetah"),
        ("HalfCheetah", "half-cheetah"),
        ("Hoper-v5", "Hopper-v5"),
        ("Hopper", "hopper"),
        ("half cheetah", "half-cheetah"),
    ],
)
def test_an_unknown_task_offers_the_closest_name(name: str, meant: str) -> None:
    assert error_of(lambda: load_task(name)) == f"There is no task {name}. Did you mean {meant}?"


def test_an_unlikely_name_lists_what_there_is() -> None:
    message = error_of(lambda: load_task("qqqqqqqq"))
    assert "half-cheetah" in message and "Hopper-v5" in message and "module:function" in message


@pytest.mark.parametrize(
    ("function", "part"),
    [
        ("dict_observations", "observations of Dict"),
        ("table_observations", "observations of Box"),
        ("multi_actions", "actions of MultiDiscrete"),
        ("shifted_actions", "actions of Discrete"),
        ("number", "returned int"),
        ("missing", "not_an_installed_package"),
        ("no_such_function", "no such function"),
    ],
)
def test_an_own_function_that_cant_be_used_says_why(own_module: str, function: str, part: str) -> None:
    name = f"{own_module}:{function}"
    message = error_of(lambda: load_task(name))
    assert name in message and part in message


def test_an_own_module_that_isnt_there_is_named(own_module: str) -> None:
    assert "no module no_such_module_here" in error_of(lambda: load_task("no_such_module_here:plain"))


def test_a_missing_environment_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for package in ("Box2D", "gymnasium.envs.box2d", "gymnasium.envs.box2d.lunar_lander"):
        monkeypatch.delitem(sys.modules, package, raising=False)
    monkeypatch.setitem(sys.modules, "Box2D", None)  # as if it weren't installed
    message = error_of(lambda: load_task("LunarLander-v3"))
    assert "LunarLander-v3 needs a package" in message and "Box2D" in message
