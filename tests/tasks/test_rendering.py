"""Clips drawn from recorded states: without a display, centred, following the body, and never black."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from rlhp_ray.errors import TaskError
from rlhp_ray.tasks import load_task
from rlhp_ray.tasks.headless import choose_gl
from rlhp_ray.tasks.robotics import ROBOTICS

STATES = npt.NDArray[np.float64]


def states_of(name: str, count: int) -> STATES:
    """The first states [count, R] of an episode under random actions."""
    task = load_task(name)
    env = task.make_env()
    env.reset(seed=0)
    env.action_space.seed(0)
    states = np.empty((count, *task.state_shape))
    for row in states:
        env.step(env.action_space.sample())
        task.read_state(env, row)
    return states


@pytest.mark.parametrize("name", ROBOTICS)
def test_every_task_is_bright_and_moves_in_the_middle_of_its_frames(name: str) -> None:
    states = states_of(name, 12)[[0, 11]]
    states[1, 0] = states[0, 0]  # at one place, so that only the pose differs
    first, last = load_task(name).render(states, width=160, height=120).astype(int)
    assert 100 < first.mean() < 250
    rows, columns = np.nonzero(np.abs(first - last).sum(axis=-1) > 60)
    assert len(rows) > 20  # pixels that moved
    assert 40 < columns.mean() < 120 and 20 < rows.mean() < 105


def test_frames_have_the_size_asked_and_the_order_of_the_states() -> None:
    states = states_of("half-cheetah", 8)
    task = load_task("half-cheetah")
    frames = task.render(states, width=96, height=64)
    assert frames.shape == (8, 64, 96, 3) and frames.dtype == np.uint8
    np.testing.assert_array_equal(task.render(states[::-1], width=96, height=64), frames[::-1])


def test_the_camera_follows_over_the_ground_but_not_in_height() -> None:
    task = load_task("half-cheetah")
    here, far, up = np.repeat(states_of("half-cheetah", 1), 3, axis=0)
    tiles = 2.0 * 40.0 / 60.0  # metres after which the floor's pattern repeats
    far[0] += 9 * tiles
    up[1] += 0.5
    frames = task.render(np.stack([here, far, up]), width=160, height=120).astype(int)
    assert np.abs(frames[0] - frames[1]).mean() < 1.0
    assert np.abs(frames[0] - frames[2]).mean() > 2.0


def test_clips_are_shown_at_about_thirty_frames_a_second() -> None:
    assert {name: load_task(name).shown_every for name in ROBOTICS} == {
        "half-cheetah": 1,
        "hopper": 4,
        "walker2d": 4,
        "ant": 1,
        "swimmer": 1,
        "reacher": 2,
        "inverted-double-pendulum": 1,
        "inverted-pendulum": 1,
    }


def test_gymnasium_ids_bring_their_own_camera() -> None:
    frames = load_task("Hopper-v5").render(states_of("hopper", 2), width=64, height=64)
    assert frames.std() > 10


def test_any_thread_may_draw() -> None:
    task = load_task("inverted-pendulum")
    states = states_of("inverted-pendulum", 3)
    with ThreadPoolExecutor(3) as threads:
        drawn = list(threads.map(lambda _: task.render(states, width=64, height=48), range(3)))
    for frames in drawn:
        np.testing.assert_array_equal(frames, drawn[0])


@pytest.mark.parametrize("name", ["CartPole-v1", "point"])
def test_what_isnt_mujoco_says_that_it_cant_be_drawn(name: str) -> None:
    with pytest.raises(TaskError, match="can't be drawn"):
        load_task(name).render(np.empty((1, 0)), width=64, height=64)


def test_a_frame_too_large_is_refused() -> None:
    with pytest.raises(TaskError, match="too large"):
        load_task("hopper").render(states_of("hopper", 1), width=4096, height=64)


DRAW = """
import os
from rlhp_ray.tasks import load_task
import numpy as np
task = load_task("half-cheetah")
env = task.make_env()
env.reset(seed=0)
state = np.empty((1, *task.state_shape))
task.read_state(env, state[0])
print(os.environ.get("MUJOCO_GL"), task.render(state, width=64, height=64).mean() > 50)
"""


@pytest.mark.parametrize("gl", ["egl", "osmesa"])
def test_drawing_needs_no_display(gl: str, tmp_path: Path) -> None:
    environ = {key: value for key, value in os.environ.items() if key not in ("DISPLAY", "WAYLAND_DISPLAY")}
    for key in ("MUJOCO_GL", "PYOPENGL_PLATFORM"):
        environ.pop(key, None)
    if gl != choose_gl():  # what isn't chosen by itself can be asked for
        environ["MUJOCO_GL"] = gl
    environ["PYTHONPATH"] = str(Path(__file__).parents[2])
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", DRAW], cwd=tmp_path, env=environ, capture_output=True, text=True
    )
    assert (done.stdout.split(), done.stderr) == ([gl, "True"], "")
    assert list(tmp_path.iterdir()) == []  # MuJoCo leaves no MUJOCO_LOG.TXT
