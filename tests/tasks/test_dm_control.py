"""Tasks of the DeepMind Control Suite."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest

from rlhp_ray.config import load_config
from rlhp_ray.errors import TaskError
from rlhp_ray.tasks import load_task

CONFIG = pathlib.Path(__file__).parents[2] / "configs" / "walker-walk.yaml"
PACKAGES = str(pathlib.Path(sys.prefix) / "dm-control")


@pytest.fixture(autouse=True)
def suite_can_be_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(PACKAGES)


@pytest.mark.parametrize("name", ["walker-walk", "cheetah-run", "quadruped-walk", "dm_control/ball_in_cup-catch"])
def test_a_task_is_the_suite_s_own(name: str) -> None:
    """The same observations, rewards and states for the same seed and actions; never terminated, cut after 1,000."""
    from dm_control import suite  # after rlhp_ray, which has MuJoCo draw without a display

    task = load_task(name)
    domain, _, rest = name.removeprefix("dm_control/").partition("-")
    env = task.make_env()
    observation, _ = env.reset(seed=3)
    own = suite.load(domain, rest, task_kwargs={"random": 3})
    time_step = own.reset()
    rng = np.random.default_rng(0)
    for step in range(1, task.episode_steps + 1):
        flat = np.concatenate([np.ravel(time_step.observation[key]) for key in env.unwrapped.observation_space])
        np.testing.assert_allclose(observation, flat)
        state = np.empty(task.state_shape)
        task.read_state(env, state)
        np.testing.assert_array_equal(state, np.concatenate([own.physics.data.qpos, own.physics.data.qvel]))
        action = rng.uniform(-1.0, 1.0, task.action_space.shape)
        observation, reward, terminated, truncated, _ = env.step(action)
        time_step = own.step(action)
        assert reward == pytest.approx(time_step.reward) and not terminated
        assert truncated == (step == 1_000)
        if step == 30:
            assert task.frames_per_second == pytest.approx(1.0 / own.control_timestep())


def test_it_can_be_drawn_and_shown() -> None:
    task = load_task("walker-walk")
    envs = task.environments(2, np.random.default_rng(0))
    frames = task.render(envs.states, width=160, height=120)
    assert frames.shape == (2, 120, 160, 3) and frames.std() > 5
    assert task.scene is not None and task.scene.poses(envs.states).shape[0] == 2
    envs.close()


def test_one_has_its_config() -> None:
    config = load_config(CONFIG, [])
    assert config.task == config.run.name == "walker-walk"
    assert load_task(config.task, config.segments.clip_steps).clip_steps == 50


def test_what_the_suite_lacks_is_one_sentence() -> None:
    with pytest.raises(TaskError, match="dm_control/walker-fly"):
        load_task("dm_control/walker-fly")
    with pytest.raises(TaskError, match="dm_control/dog-food"):
        load_task("dm_control/dog-food")


def test_without_the_package_it_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "dm_control", None)
    monkeypatch.delitem(sys.modules, "rlhp_ray.tasks.dm_control_environment", raising=False)
    with pytest.raises(TaskError, match="walker-walk needs a package that isn't there"):
        load_task("walker-walk")


def test_rllib_that_imports_it_first_leaves_drawing_as_it_is() -> None:
    """Where dm_control is installed RLlib imports it, and with it MuJoCo, which must still draw without a display."""
    program = (
        "import numpy as np, rlhp_ray.agent.build, sys; assert 'dm_control' in sys.modules\n"
        "from rlhp_ray.tasks import load_task\n"
        "task = load_task('hopper'); envs = task.environments(1, np.random.default_rng(0))\n"
        "assert task.render(envs.states, width=64, height=48).std() > 5"
    )
    environment = {name: value for name, value in os.environ.items() if name not in ("MUJOCO_GL", "DISPLAY")}
    environment["PYTHONPATH"] = os.pathsep.join([PACKAGES, os.environ.get("PYTHONPATH", "")])
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
