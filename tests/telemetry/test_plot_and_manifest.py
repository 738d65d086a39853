"""The learning curve and the manifest."""

from __future__ import annotations

import json
import pathlib
import socket
import subprocess
import sys

import numpy as np
from matplotlib.image import imread

from rlhp_ray.telemetry import MetricsLine, learning_curve, manifest


def colour_pixels(file: pathlib.Path) -> tuple[int, int]:
    """How many pixels are blue (the agent's curve) and orange (labels)."""
    red, green, blue = np.moveaxis(np.asarray(imread(file))[..., :3], -1, 0)
    return int(((blue > 0.6) & (red < 0.3)).sum()), int(((red > 0.9) & (blue < 0.3) & (green < 0.7)).sum())


def test_the_picture_shows_return_and_labels(tmp_path: pathlib.Path) -> None:
    lines = [MetricsLine(i, i * 1000, i, {"true_return": None if i < 2 else 10.0 * i}) for i in range(30)]
    learning_curve(lines, tmp_path / "curve.png", title="hopper", random_return=5.0)
    blue, orange = colour_pixels(tmp_path / "curve.png")
    assert blue > 300 and orange > 300


def test_a_run_without_episodes_has_a_picture_too(tmp_path: pathlib.Path) -> None:
    learning_curve([], tmp_path / "empty.png", title="hopper")
    learning_curve([MetricsLine(0, 0, 0, {})], tmp_path / "one.png", title="hopper")
    assert colour_pixels(tmp_path / "empty.png")[0] == 0


def test_a_process_that_draws_nothing_does_without_what_draws() -> None:
    program = "import sys, rlhp_ray.experiment.parts; assert not {'matplotlib', 'av'} & sys.modules.keys()"
    subprocess.run([sys.executable, "-c", program], check=True)


def test_the_manifest_tells_versions_machine_and_seeds() -> None:
    made = manifest(seeds={"run": 3}, command=["/somewhere/bin/rlhp-ray", "train", "configs/demo.yaml", "seed=3"])
    assert made["command"] == ["rlhp-ray", "train", "configs/demo.yaml", "seed=3"]
    assert made["seeds"] == {"run": 3}
    assert made["versions"]["ray"] == "2.60.0" and made["versions"]["torch"].startswith("2.13.0")
    assert made["machine"]["cpus"] >= 1 and made["machine"]["memory_bytes"] > 1e8
    assert made["commit"] is None or len(made["commit"]["id"]) == 40


def test_the_manifest_names_no_host_and_no_home() -> None:
    home = str(pathlib.Path.home())
    text = json.dumps(manifest(seeds={}, command=["x", f"run.dir={home}/runs"]))
    assert "run.dir=~/runs" in text
    assert home not in text
    assert socket.gethostname() not in text
