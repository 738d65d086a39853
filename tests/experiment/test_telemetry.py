"""What a run tells, from outside: one small run whose metrics are read from its folder, from W&B and from Ray."""

from __future__ import annotations

import dataclasses
import json
import pathlib
import re
import time
import urllib.request
from typing import Any

import av
import pytest
from wandb_reader import read_wandb

from rlhp_ray.config.schema import EvaluationPart
from rlhp_ray.experiment.filming import Filming
from rlhp_ray.experiment.run_config import read_config
from rlhp_ray.experiment.status import status
from rlhp_ray.exported import ExportedPolicy
from rlhp_ray.preferences import read_exported_answers
from rlhp_ray.storage import RunFolder
from rlhp_ray.telemetry import METRICS, WandbLog

# Those that this run has no value for: too few labels are audited or held out; sac and dqn have figures of their own;
# no person answers (tests/labeling).
UNKNOWN = {
    *("reward/audit_accuracy", "reward/validation_loss"),
    *("agent/temperature", "agent/mean_value", "agent/exploration"),
    *(metric.name for metric in METRICS if metric.name.startswith("people/")),
}
VIDEO = "evaluation.path"  # W&B's reader prints a row's nested values flat


@dataclasses.dataclass(frozen=True)
class Run:
    """A run that has ended, and what was seen of it while it went on."""

    folder: pathlib.Path
    lines: list[dict[str, Any]]  # of metrics.jsonl
    actors: dict[str, str]  # class -> name and representation, as Ray's dashboard shows them
    states: set[str]  # that `status` told
    scraped: dict[str, dict[str, float]]  # name on the metrics page -> tags there -> value farthest from zero


def scrape() -> str:
    """The text of the cluster's metrics page."""
    import ray

    (node,) = ray.nodes()
    with urllib.request.urlopen(f"http://127.0.0.1:{node['MetricsExportPort']}/metrics") as page:
        text: str = page.read().decode()
    return text


def shown_actors(run: str) -> dict[str, str]:
    """The living actors of a run, and EnvRunners, by class: `name: representation`."""
    from ray._private.state import state
    from ray.core.generated.gcs_pb2 import ActorTableData

    state._connect_and_get_accessor()
    table = map(ActorTableData.FromString, state._global_state_accessor.get_actor_table(None, None))
    living = [actor for actor in table if actor.state == ActorTableData.ALIVE]
    return {
        actor.class_name: f"{actor.name}: {actor.repr_name}"
        for actor in living
        if actor.name.startswith(f"{run}-") or actor.class_name == "ArrayEnvRunner"
    }


@pytest.fixture(scope="module")
def run(shared_command_line: Any, on_cluster: str) -> Run:
    process = shared_command_line.start(
        *shared_command_line.small(
            "reacher",
            "told",
            "run.report_seconds=0.5",
            "teacher.answers_per_minute=240",  # so that it lasts longer than Ray needs to show something
            "budget.max_env_steps_per_label=100",  # and the agent as long, or it is done before its pace is known
            "wandb.mode=offline",
            "wandb.artifacts=true",
            on_cluster,
        )
    )
    folder = shared_command_line.folder / "runs" / "told"
    actors: dict[str, str] = {}
    states: set[str] = set()
    scraped: dict[str, dict[str, float]] = {}
    while process.poll() is None:
        if (folder / "config.yaml").exists():
            states.add(status(str(folder)).state)
        actors |= shown_actors("told")
        for name, tags, value in re.findall(r"^(ray_rlhp_\w+)\{(.*)\} (\S+)$", scrape(), flags=re.MULTILINE):
            if 'run="told"' in tags:
                shown = scraped.setdefault(name, {})
                shown[tags] = max(shown.get(tags, 0.0), float(value), key=abs)  # a pace falls to zero in the end
        time.sleep(0.5)
    out, err = process.communicate()
    assert process.returncode == 0, out + err
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return Run(folder, lines, actors, states, scraped)


def test_the_run_tells_every_metric_of_the_registry(run: Run) -> None:
    known = {name for line in run.lines for name, value in line["metrics"].items() if value is not None}
    assert known | UNKNOWN >= {metric.name for metric in METRICS}
    last = run.lines[-1]["metrics"]
    assert last["labels"] == 40 == sum(last[f"answers/{name}"] for name in ("left", "right", "equal"))
    assert last["env_steps"] == 4096 and last["agent/policy_version"] == 8
    assert last["episode_steps"] == 150
    assert -1 <= last["return_correlation"] <= 1
    assert 60 <= last["labels_per_minute"] <= 240
    assert last["segments/kept"] > 2 and last["segments/offered"] >= last["segments/candidates"]
    # Five actors of ours, an EnvRunner, a replica; not Serve's controller, which is the cluster's.
    assert last["cluster/actors"] == 7
    assert 2e8 < last["cluster/memory_bytes"] < 2e10


def test_ray_s_metrics_page_shows_each_metric_that_is_marked_for_it(run: Run) -> None:
    for metric in METRICS:
        name = metric.series
        assert (name in run.scraped) == metric.prometheus, name
        if metric.prometheus:
            ((tags, value),) = run.scraped[name].items()
            assert 'task="reacher"' in tags and (value != 0 or metric.zero), name
    assert run.scraped["ray_rlhp_labels"].popitem()[1] <= 40


def test_wandb_reads_back_config_and_history_against_both_axes(run: Run) -> None:
    records = read_wandb(run.folder)
    (started,) = records["run"]
    assert started["display_name"] == "told" and started["job_type"] == "train"
    assert started["run_group"] == "reacher, ppo, 40 labels of oracle (answers_per_minute=240.0)"
    assert {"task:reacher", "seed:0", "epoch:1"} <= set(started["tags"])
    config = started["config"]["update"]
    assert config["task"] == "reacher" and config["budget"] == {
        "env_steps": 4096,
        "labels": 40,
        "max_env_steps_per_label": 100.0,
    }
    rows = [record["item"] for record in records["history"]]
    told = [row for row in rows if VIDEO not in row]
    assert [(row["env_steps"], row["labels"]) for row in told] == [
        (line["env_steps"], line["labels"]) for line in run.lines
    ]
    for row, line in zip(told, run.lines, strict=True):
        for name, value in line["metrics"].items():
            if value is not None:
                assert row[name] == pytest.approx(value), name
                if name not in ("env_steps", "labels"):
                    assert row[f"by_labels/{name}"] == row[name]
    summary = {name: value for record in records["summary"] for name, value in record["update"].items()}
    assert summary["true_return_mean"] == json.loads((run.folder / "summary.json").read_text())["true_return_mean"]


def test_wandb_holds_the_evaluation_s_video(run: Run) -> None:
    records = read_wandb(run.folder)
    (row,) = (record["item"] for record in records["history"] if VIDEO in record["item"])
    assert (row["env_steps"], row["labels"]) == (4096, 40)
    assert row["evaluation._type"] == "video-file"
    (file,) = run.folder.glob(f"wandb/offline-run-*/files/{row[VIDEO]}")
    assert file.read_bytes() == (run.folder / "videos" / "evaluation.mp4").read_bytes()
    with av.open(str(file)) as video:
        frames = [frame.to_ndarray(format="rgb24") for frame in video.decode(video=0)]
    assert len(frames) > 10 and (frames[0] != frames[-1]).any()


def test_wandb_holds_answers_predictor_and_policy_with_their_lineage(run: Run) -> None:
    records = read_wandb(run.folder)
    artifacts = {record["type"]: record for record in records["artifact"]}
    assert list(artifacts) == ["answers", "predictor", "policy", "report"]  # logged in the order of their descent
    files: dict[str, dict[str, str]] = {}
    for kind, artifact in artifacts.items():
        files[kind] = {entry["path"]: entry["local_path"] for entry in artifact["manifest"]["contents"]}
        assert all(pathlib.Path(path).is_relative_to(run.folder) for path in files[kind].values())
    used = [kind for kind, artifact in artifacts.items() if artifact.get("use_after_commit")]
    assert used == ["answers", "predictor"]  # by the run, which made the next one from each
    made_from = {
        kind: json.loads(artifacts[kind]["metadata"])["made_from"] for kind in ("answers", "predictor", "policy")
    }
    names = {kind: artifact["name"] for kind, artifact in artifacts.items()}
    assert made_from["answers"] is None
    assert made_from["predictor"].startswith(names["answers"]) and made_from["policy"].startswith(names["predictor"])
    assert len(read_exported_answers(files["answers"]["answers.parquet"])) == 40
    about = json.loads(pathlib.Path(files["predictor"]["predictor.json"]).read_text())
    assert about["version"] == run.lines[-1]["metrics"]["reward/version"]
    assert ExportedPolicy(pathlib.Path(files["policy"]["policy.json"]).parent).task == "reacher"


def test_wandb_holds_a_report_whose_charts_are_of_what_the_run_logs(run: Run) -> None:
    records = read_wandb(run.folder)
    (artifact,) = (record for record in records["artifact"] if record["type"] == "report")
    ((path, file),) = ((entry["path"], entry["local_path"]) for entry in artifact["manifest"]["contents"])
    assert path == "report.json"
    definition = json.loads(pathlib.Path(file).read_text())
    assert definition["project"]["name"] == "rlhp_ray"
    grids = [block["metadata"] for block in definition["spec"]["blocks"] if block["type"] == "panel-grid"]
    assert all(runs["grouping"] == [{"section": "run", "name": "group"}] for grid in grids for runs in grid["runSets"])
    charts = [panel["config"] for grid in grids for panel in grid["panelBankSectionConfig"]["panels"]]
    assert len(charts) == 11
    logged = {name for record in records["history"] for name in record["item"]}
    unknown = {f"by_labels/{name}" for name in UNKNOWN}
    for chart in charts:
        assert chart["xAxis"] in logged and set(chart["metrics"]) <= logged | unknown, chart
        assert chart["groupAgg"] == "mean"


def test_status_tells_how_the_run_stands_and_stood(run: Run) -> None:
    assert "running" in run.states
    found = status(str(run.folder))
    assert found.state == "finished" and found.labels == 40 and found.open_queries == 0
    assert found.teachers == {"oracle": 40} and found.checkpoint_seconds is not None
    assert found.evaluation is not None and found.evaluation["eval_episodes"] == 5


def test_the_dashboard_shows_each_actor_by_name_and_by_what_it_is(run: Run) -> None:
    expected = {
        "SegmentStoreActor": r"told-\w{8}-e1-segments: SegmentStore\(0 candidates, 0 durable segments\)",
        "CollectorActor": r"told-\w{8}-e1-collector: Collector\(0 labels, 0 open queries\)",
        "TeacherActor": r"told-\w{8}-e1-teacher: TeacherDesk\(oracle\)",
        "QuestionerActor": r"told-\w{8}-e1-questioner: Questioner\(disagreement, \w+Schedule\)",
        "RewardTrainerActor": r"told-\w{8}-e1-trainer: RewardTrainer\(version 0, 0 labels\)",
        "ArrayEnvRunner": r": EnvRunner 1 \(reacher, 4 environments\)",  # RLlib gives them no names
    }
    assert run.actors.keys() == expected.keys()
    for kind, shown in run.actors.items():
        assert re.fullmatch(expected[kind], shown), shown


def test_the_newest_checkpoint_s_policy_is_filmed_while_a_run_trains(run: Run, tmp_path: pathlib.Path) -> None:
    folder = RunFolder(str(run.folder))
    part = EvaluationPart(video_env_steps=1000)
    said: list[str] = []
    wandb = WandbLog(
        mode="offline",
        project="p",
        entity=None,
        name="n",
        group="g",
        tags=[],
        folder=tmp_path,
        config={},
        say=said.append,
    )
    filming = Filming(read_config(folder).model_copy(update={"evaluation": part}), folder, wandb)
    assert filming.update(env_steps=999, labels=1) is None and not filming.busy
    filming.update(env_steps=1000, labels=2)
    while filming.busy:
        assert filming.update(env_steps=1999, labels=3) is None
        time.sleep(0.1)
    wandb.finish({})
    (row,) = (record["item"] for record in read_wandb(tmp_path)["history"])
    assert (row["env_steps"], row["labels"]) == (4096, 3)  # the checkpoint's
    (file,) = tmp_path.glob(f"wandb/offline-run-*/files/{row[VIDEO]}")
    assert file.read_bytes() == (run.folder / "videos" / "000004096.mp4").read_bytes()
    told = json.loads((run.folder / "videos" / "000004096.json").read_text())
    assert told["env_steps"] == 4096 and len(set(told["rewards"])) > 10  # predicted, of each step
    assert said == []


def test_a_video_that_can_not_be_made_is_said_once(run: Run, tmp_path: pathlib.Path) -> None:
    part = EvaluationPart(video_env_steps=1000)
    config = read_config(RunFolder(str(run.folder))).model_copy(update={"evaluation": part, "task": "no-such-task"})
    off = WandbLog(
        mode="off", project="p", entity=None, name="n", group="g", tags=[], folder=tmp_path, config={}, say=print
    )
    filming = Filming(config, RunFolder(str(run.folder)), off)
    filming.update(env_steps=1000, labels=0)
    said = []
    while filming.busy:
        said.append(filming.update(env_steps=1000, labels=0))
        time.sleep(0.1)
    assert said[-1] is not None and "no-such-task" in said[-1] and "goes on without" in said[-1]
    assert filming.update(env_steps=9000, labels=0) is None and not filming.busy
