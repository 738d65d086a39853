"""Evaluation of whole episodes by their scores, and its video."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
import torch
from made_runs import make_run

from rlhp_ray.agent.build import ALGORITHMS, model_config
from rlhp_ray.agent.learner import MODULE_PREFIX
from rlhp_ray.agent.networks import arrays_of
from rlhp_ray.config import load_config
from rlhp_ray.experiment.checkpoint import save
from rlhp_ray.experiment.evaluate import evaluate, film, random_policy
from rlhp_ray.experiment.finish import evaluate_newest
from rlhp_ray.experiment.run_config import read_config
from rlhp_ray.storage import RunFolder
from rlhp_ray.tasks import load_task

CONFIGS = Path(__file__).parents[2] / "configs"


def test_games_are_evaluated_whole_by_their_score_and_filmed_in_colour(tmp_path: Path) -> None:
    """An episode's end isn't told to the agent, but ends an evaluation; the oracle's penalty isn't in the score."""
    task = load_task("breakout")
    rng = np.random.default_rng(0)
    evaluation = evaluate(task, random_policy(task, rng), 3, rng)
    assert (evaluation.returns >= 0).all() and evaluation.mean > 0  # a penalty would be 10, and a random game scores 1
    steps = len(evaluation.states)
    assert 50 < steps < 1000 and evaluation.states.shape == (steps, 210, 160, 3)
    film(task, evaluation.states, tmp_path / "game.mp4")
    with av.open(str(tmp_path / "game.mp4")) as container:
        assert container.streams.video[0].average_rate == 15
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    assert len(frames) == min(steps, 150) and frames[0].shape == (360, 480, 3)
    # the red wall of bricks, where the screen shows it
    red, green, blue = frames[10][105, 240].astype(int)
    assert red > green + 50 and red > blue + 50


def test_an_episode_in_evaluation_is_no_longer_than_its_environment_makes_it() -> None:
    task = load_task("point")
    rng = np.random.default_rng(0)
    evaluation = evaluate(task, random_policy(task, rng), 4, rng)
    assert evaluation.returns.shape == (4,) and evaluation.states.shape == (task.episode_steps, 0)


def test_actions_are_sampled_where_the_config_says_so(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Sampled ones differ from step to step, and are the same for a seed; the deterministic policy's stay.

    RLlib has nothing to say of it.
    """
    seen = {}
    for name in ("greedy", "sampled", "again"):
        choice = "greedy" if name == "greedy" else "sampled"
        folder = RunFolder(make_run(tmp_path, name, f"evaluation.actions={choice}", task="cart-pole"))
        config, task = read_config(folder), load_task("cart-pole")
        module = ALGORITHMS["ppo"].module_class(
            observation_space=task.observation_space,
            action_space=task.action_space,
            inference_only=False,
            model_config=model_config(config.agent),
        )
        with torch.no_grad():
            for parameter in module.parameters():
                parameter.zero_()  # all actions are as likely, whatever is seen
        arrays = {f"{MODULE_PREFIX}{key}": array for key, array in arrays_of(module).items()}
        save(folder, arrays | {"env_steps": np.array(512)}, {})
        caplog.clear()  # what it says of the module that is made here
        seen[name] = evaluate_newest(folder, config, episodes=20)[1]
        assert not caplog.records
    assert len(np.unique(seen["greedy"].actions)) == 1 and len(np.unique(seen["sampled"].actions)) == 2
    np.testing.assert_array_equal(seen["sampled"].returns, seen["again"].returns)


def test_games_of_atari_are_evaluated_by_sampled_actions() -> None:
    """Else a rally may go on for ever: nothing in them is left to chance."""
    assert load_config(CONFIGS / "pong.yaml", []).evaluation.actions == "sampled"
