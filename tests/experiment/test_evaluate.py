"""Evaluation of whole episodes by their scores, and its video."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np

from rlhp_ray.experiment.evaluate import evaluate, film, random_policy
from rlhp_ray.tasks import load_task


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
