"""What the recorder tells beside its figures: that the reward's health is another one than before, once."""

from __future__ import annotations

import io
import json
import pathlib

from trainer_reports import trainer_report

from rlhp_ray.config.load import load_config
from rlhp_ray.experiment.account import Counters
from rlhp_ray.experiment.conductor import Standing
from rlhp_ray.experiment.latency import AnswerLatency
from rlhp_ray.experiment.recorder import Recorder
from rlhp_ray.reward.judge import Novelty
from rlhp_ray.storage import RunFolder
from rlhp_ray.telemetry import Console, Heartbeat, WandbLog


def test_a_change_of_the_rewards_health_is_said_once_with_its_reason(tmp_path: pathlib.Path) -> None:
    config_file = tmp_path / "point.yaml"
    config_file.write_text("task: point\nrun: {name: told}\nbudget: {env_steps: 1000, labels: 10}\n")
    folder = RunFolder.create(str(tmp_path / "told"))
    said = io.StringIO()
    console = Console("told", stream=said)
    wandb = WandbLog(
        mode="off",
        project="",
        entity=None,
        name="told",
        group="",
        tags=[],
        folder=tmp_path,
        config={},
        say=console.say,
    )
    recorder = Recorder(load_config(config_file), folder, console, wandb, Heartbeat(folder, epoch=0, every_seconds=1.0))
    like_judged, far = Novelty(1.0, 1.0, 1.0), Novelty(1.0, 3.0, 4.0)
    for steps, novelty in enumerate([like_judged, far, far, like_judged]):
        trainer = trainer_report(5, novelty=novelty, unanswered=0.4)
        recorder.report(steps, Standing(env_steps=steps, trainer=trainer), Counters(), AnswerLatency())

    lines = [json.loads(line) for line in folder.read("metrics.jsonl").splitlines()]
    assert [line["metrics"]["health"] for line in lines] == [0.0, 2.0, 2.0, 0.0]
    told = " ".join(said.getvalue().split())
    assert told.count("The reward is hacked: the newest behaviour is 4.0 times as far from what was judged") == 1
    assert told.count("The reward is healthy: the newest behaviour is like what was judged.") == 1
