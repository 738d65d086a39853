"""What a browser needs to draw a robot: shapes, poses, the camera."""

from __future__ import annotations

import json

import numpy as np
import pytest

from rlhp_ray.tasks import load_task
from rlhp_ray.tasks.robotics import ROBOTICS
from rlhp_ray.tasks.scene import POSE_FLOATS


@pytest.mark.parametrize("name", sorted(ROBOTICS))
def test_each_robot_has_shapes_that_stand_where_the_simulator_has_them(name: str) -> None:
    task = load_task(name)
    scene = task.scene
    assert scene is not None
    geometry = scene.geometry()
    shapes = geometry["shapes"]
    assert json.loads(json.dumps(geometry)) == geometry
    assert len([shape for shape in shapes if shape["kind"] != "plane"]) >= 2
    assert all(0 <= share <= 1 for shape in shapes for share in shape["colour"])
    states = np.zeros((3, *task.state_shape))
    states[:, 0] = (0.0, 0.25, 0.5)  # the first joint: along x, or a turn
    poses = scene.poses(states)
    assert poses.shape == (3, 3 + POSE_FLOATS * len(shapes)) and np.isfinite(poses).all()
    placed = poses[:, 3:].reshape(3, len(shapes), POSE_FLOATS)
    turns = placed[..., 3:].reshape(-1, 3, 3)
    np.testing.assert_allclose(turns @ turns.transpose(0, 2, 1), np.broadcast_to(np.eye(3), turns.shape), atol=1e-5)
    assert np.abs(np.diff(placed, axis=0)).max() > 0.05


def test_the_camera_follows_over_the_ground() -> None:
    task = load_task("half-cheetah")
    assert task.scene is not None
    states = np.zeros((2, *task.state_shape))
    states[1, :2] = (3.0, 0.5)  # three metres on, half a metre up
    poses = task.scene.poses(states)
    np.testing.assert_allclose(poses[1, :3] - poses[0, :3], (3.0, 0.0, 0.0), atol=1e-5)


def test_a_game_has_no_scene() -> None:
    assert load_task("pong").scene is None
