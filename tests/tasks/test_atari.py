"""Atari: what the agent may see, what it may not know, and what a person is shown."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from ale_py import ALEInterface, roms
from PIL import Image

from rlhp_ray.interfaces import Environments
from rlhp_ray.tasks import Task, load_task
from rlhp_ray.tasks.atari import ATARI, AtariTask
from rlhp_ray.tasks.atari_environments import agent_frames
from rlhp_ray.types import Array

# Where a game keeps its score, as decimal digits or (Pong) as numbers; Enduro: cars left to pass.
SCORE_BYTES = {
    "beam-rider": (9, 10, 11),
    "breakout": (76, 77),
    "enduro": (43, 44),
    "pong": (13, 14),
    "qbert": (89, 90, 91),
    "seaquest": (56, 57, 58),
    "space-invaders": (102, 104),
}


def atari(name: str) -> AtariTask:
    task = load_task(name)
    assert isinstance(task, AtariTask)
    return task


def play(environments: Environments, task: Task, steps: int, seed: int = 0) -> list[tuple[Array, Array, Array]]:
    """Random steps; what each showed: observations, states, rewards."""
    rng = np.random.default_rng(seed)
    seen = []
    for _ in range(steps):
        environments.step(rng.integers(task.action_space.n, size=len(environments)))  # type: ignore[attr-defined]  # Discrete
        seen.append((environments.observations.copy(), environments.states.copy(), environments.rewards.copy()))
    return seen


@pytest.mark.parametrize("name", ATARI)
def test_each_game_runs(name: str) -> None:
    task = load_task(name)
    assert (task.name, task.clip_steps, task.frames_per_second) == (name, 25, 15.0)
    assert task.observation_space.shape == (4, 84, 84) and task.frame_shape == (84, 84) and task.drawable
    environments = task.environments(2, np.random.default_rng(0))
    first = environments.observations.copy()
    assert (first == first[:, :1]).all() and len(environments) == 2  # the stack begins with the first frame, repeated
    seen = play(environments, task, 40)
    for (before, _, _), (after, states, rewards) in itertools.pairwise([(first, None, None), *seen]):  # type: ignore[list-item]  # the first
        assert after.dtype == np.uint8 and after.shape == (2, 4, 84, 84)
        assert states.dtype == task.state_dtype == np.uint8 and states.shape == (2, *task.state_shape)
        assert rewards.dtype == np.float32
        np.testing.assert_array_equal(after[:, :-1], before[:, 1:])  # each frame is new once
    newest = np.stack([observations[:, -1] for observations, _, _ in seen])
    assert (newest[1:] != newest[:-1]).any(axis=(1, 2, 3)).mean() > 0.5  # the game moves
    np.testing.assert_array_equal(environments.frames, newest[-1])
    environments.close()


@pytest.mark.parametrize("name", ATARI)
def test_the_agent_cant_read_the_score(name: str) -> None:
    """Other digits written into the game's memory change what a person sees and nothing of what the agent sees."""
    task = atari(name)
    ale = ALEInterface()
    ale.setInt("random_seed", 1)
    ale.setFloat("repeat_action_probability", 0.0)
    ale.loadROM(roms.get_rom_path(name.replace("-", "_")))
    rng = np.random.default_rng(0)
    actions = ale.getMinimalActionSet()
    changed = 0
    for _ in range(30):
        for _ in range(12):
            ale.act(actions[rng.integers(len(actions))])
        if ale.game_over():
            ale.reset_game()
        moment = ale.cloneState()
        shown = []
        for digits in (None, *rng.integers(10, size=(4, 6))):
            ale.restoreState(moment)
            if digits is not None:
                for place, address in enumerate(SCORE_BYTES[name]):
                    tens, ones = digits[2 * place : 2 * place + 2]
                    ale.setRAM(address, int(tens % 2 * 10 + ones if name == "pong" else tens * 16 + ones))
            ale.act(0)
            ale.act(0)
            shown.append(ale.getScreenRGB())
        ale.restoreState(moment)
        frames = np.stack(shown)
        changed += (frames[1:] != frames[0]).any()
        views = agent_frames(frames, task.game.blanked)
        np.testing.assert_array_equal(views, np.broadcast_to(views[0], views.shape))
    assert changed > 2  # the score was on the screen


@pytest.mark.parametrize(("name", "box"), [("beam-rider", (31, 42, 17, 34)), ("enduro", (160, 192, 48, 112))])
def test_telling_counters_are_black_for_the_agent_and_shown_to_a_person(
    name: str, box: tuple[int, int, int, int]
) -> None:
    """BeamRider's enemies left and Enduro's dashboard: every pixel of a frame that lies wholly in the box."""
    task = atari(name)
    environments = task.environments(1, np.random.default_rng(0))
    top, bottom, left, right = box
    inside = (
        slice(None),
        slice(-(-top * 84 // 210), bottom * 84 // 210),
        slice(-(-left * 84 // 160), right * 84 // 160),
    )
    for _ in range(50):
        play(environments, task, 1)
        assert environments.states[:, top:bottom, left:right].any()
        assert not environments.frames[inside].any()
    assert agent_frames(environments.states, ())[inside].any()


def test_the_end_of_an_episode_is_hidden_and_charged() -> None:
    task = atari("breakout")
    environments = task.environments(4, np.random.default_rng(0))
    rng = np.random.default_rng(0)
    before = environments.observations.copy()
    for _ in range(400):
        ids, steps = environments.episode_ids.copy(), environments.episode_steps.copy()
        environments.step(rng.integers(4, size=4))
        assert not environments.terminated.any() and not environments.truncated.any()
        ended = environments.ended
        np.testing.assert_array_equal(environments.rewards, environments.scores - 10.0 * ended)
        assert (environments.scores >= 0).all()
        np.testing.assert_array_equal(environments.episode_ids != ids, ended)
        np.testing.assert_array_equal(environments.episode_steps, np.where(ended, 0, steps + 1))
        np.testing.assert_array_equal(environments.observations[:, :-1], before[:, 1:])  # the stack runs on
        before = environments.observations.copy()
        if ended.any():
            break
    assert ended.any() and not ended.all()
    environments.close()


def test_pong_has_no_penalty() -> None:
    assert {name for name in ATARI if not atari(name).game.penalty} == {"pong"}


def test_the_loss_of_a_life_is_no_end() -> None:
    environments = load_task("breakout").environments(2, np.random.default_rng(0))
    lives = environments.states[:, 4:16, 97:115].copy()
    for _ in range(200):  # the ball is served once, missed, and not served again
        environments.step(np.zeros(2, np.int64))
        assert not environments.ended.any()
    assert (environments.states[:, 4:16, 97:115] != lives).any(axis=(1, 2, 3)).all()
    environments.close()


def test_a_seed_decides_the_game() -> None:
    task = load_task("space-invaders")
    runs = [play(task.environments(2, np.random.default_rng(seed)), task, 50) for seed in (1, 1, 2)]
    for first, second in zip(runs[0], runs[1], strict=True):
        for a, b in zip(first, second, strict=True):
            np.testing.assert_array_equal(a, b)
    assert any((a[0] != b[0]).any() for a, b in zip(runs[0], runs[2], strict=True))


def test_grey_frames_average_areas() -> None:
    """Against Pillow's grey and its scaling by areas, which round where ours doesn't."""
    colour = load_task("qbert").environments(1, np.random.default_rng(0)).states
    grey = np.asarray(Image.fromarray(colour[0]).convert("L"), np.float64)
    rows, columns = (
        np.maximum(0, np.minimum(e[1:, None], p + 1) - np.maximum(e[:-1, None], p)) * 84 / size
        for size in (210, 160)
        for e, p in [(np.linspace(0, size, 85), np.arange(size))]
    )
    assert np.abs(agent_frames(colour, ())[0] - rows @ grey @ columns.T).max() < 1.5


def test_a_clip_is_in_colour_at_any_size() -> None:
    task = load_task("seaquest")
    environments = task.environments(1, np.random.default_rng(0))
    states = np.concatenate([states for _, states, _ in play(environments, task, 3)])
    np.testing.assert_array_equal(task.render(states, width=160, height=210), states)
    clip = task.render(states, width=480, height=360)
    assert clip.shape == (3, 360, 480, 3) and clip.dtype == np.uint8
    assert clip[0, 250, 240].tolist() == states[0, 146, 80].tolist()  # open water: enlarged as it was
    assert np.ptp(clip[0].astype(int), axis=-1).max() > 100  # colours, not greys


def test_any_other_game_is_played_without_blanks() -> None:
    task = load_task("ALE/Freeway-v5")
    environments = task.environments(1, np.random.default_rng(0))
    play(environments, task, 5)
    np.testing.assert_array_equal(environments.frames, agent_frames(environments.states, ()))
    assert isinstance(task, AtariTask) and task.game.penalty == 0.0 and task.observation_space.shape == (4, 84, 84)
