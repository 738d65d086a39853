"""Files, `extends`, overrides and their errors."""

from __future__ import annotations

import pathlib

import pytest

from rlhp_ray.config import Config, dump, load_config, parse_config
from rlhp_ray.errors import ConfigError


def write(folder: pathlib.Path, name: str, text: str) -> pathlib.Path:
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return file


@pytest.fixture
def plain(tmp_path: pathlib.Path) -> pathlib.Path:
    return write(tmp_path, "plain.yaml", "task: half-cheetah\nagent:\n  learning_rate: 3e-4\n")


def error_of(file: pathlib.Path, *overrides: str) -> str:
    with pytest.raises(ConfigError) as caught:
        load_config(file, overrides)
    return str(caught.value)


def test_floats_of_yaml_1_2_in_files_and_overrides(plain: pathlib.Path) -> None:
    config = load_config(plain, ["budget.env_steps=1e6", "agent.gae_lambda=.9", "queries.annealing_env_steps=2"])
    assert config.agent.learning_rate == 3e-4
    assert config.budget.env_steps == 1_000_000 and isinstance(config.budget.env_steps, int)
    assert config.agent.gae_lambda == 0.9
    assert isinstance(config.queries.annealing_env_steps, float)


def test_off_is_a_word_and_a_number_can_be_a_name(plain: pathlib.Path) -> None:
    config = load_config(plain, ["wandb.mode=off", "run.name=007", "agent.hidden_sizes=[32, 1e1]"])
    assert config.wandb.mode == "off"
    assert config.run.name == "007"
    assert config.agent.hidden_sizes == (32, 10)


def test_defaults_are_the_schema_s(plain: pathlib.Path) -> None:
    assert load_config(plain, ["agent.learning_rate=3e-4"]) == Config(task="half-cheetah")


def test_extends_chains_and_each_level_overrides_field_by_field(tmp_path: pathlib.Path) -> None:
    write(tmp_path, "base.yaml", "task: hopper\nbudget: {labels: 10, env_steps: 100}\nseed: 1\n")
    (tmp_path / "sub").mkdir()
    write(tmp_path / "sub", "middle.yaml", "extends: ../base.yaml\nbudget:\n  labels: 20\n")
    top = write(tmp_path / "sub", "top.yaml", "extends: middle.yaml\nseed: 2\n")
    config = load_config(top, ["budget.env_steps=300"])
    assert (config.task, config.seed, config.budget.labels, config.budget.env_steps) == ("hopper", 2, 20, 300)


def test_dump_reads_back_equal(plain: pathlib.Path) -> None:
    config = load_config(plain, ["run.name='1e6'", "agent.learning_rate=1e-7", "task=module:off"])
    assert parse_config(dump(config), source="config.yaml") == config
    assert config.run.name == "1e6"


def test_a_panels_teachers_have_the_fields_of_the_part_but_for_their_own(plain: pathlib.Path) -> None:
    panel = "teacher.panel=[{name: a}, {name: b, mistake_probability: 0.3, answers_per_minute: null}]"
    config = load_config(plain, [panel, "teacher.mistake_probability=0.1", "teacher.answers_per_minute=20"])
    read_back = parse_config(dump(config), source="config.yaml")
    assert read_back == config
    for one in (config, read_back):
        assert [(t.name, t.mistake_probability, t.answers_per_minute) for t in one.teacher.teachers()] == [
            ("a", 0.1, 20.0),
            ("b", 0.3, None),
        ]
    assert [t.signature for t in Config(task="x").teacher.teachers()] == ["oracle"]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("agent: {gama: 0.9}", "line 2: agent.gama is not a field; did you mean agent.gamma?"),
        ("labels: 3", "line 2: labels is not a field; did you mean budget.labels?"),
        ("agent: {labels: 3}", "did you mean budget.labels?"),
        ("budget: {zzz: 3}", "budget.zzz is not a field; budget has: env_steps, labels, max_env_steps_per_label."),
        ("budget: {env_steps: many}", 'budget.env_steps is "many", but must be a whole number greater than 0.'),
        ("budget: {labels: 1.5}", "budget.labels is 1.5, but must be a whole number of at least 0."),
        ("budget: {labels: -1}", "budget.labels is -1, but must be a whole number of at least 0."),
        ("seed: true", "seed is true, but must be a whole number"),
        ("seed: '3'", 'seed is "3", but must be a whole number'),
        ("run: {overwrite: 1}", "run.overwrite is 1, but must be true or false."),
        ("reward: {l2_initial: .inf}", "reward.l2_initial is Infinity"),
        (
            "teacher: {kind: orcale}",
            "must be one of `oracle`, `human`, `recorded` or `module:function`. Did you mean oracle?",
        ),
        ("teacher: {kind: 'my-module:prefer'}", "must be one of `oracle`, `human`, `recorded` or `module:function`."),
        ("queries: {method: disagree}", "Did you mean disagreement?"),
        (
            "teacher: {cant_tell_share: 1}",
            "teacher.cant_tell_share is 1, but must be a number of at least 0 and less than 1.",
        ),
        ("teacher: {equal_share: 0.6, cant_tell_share: 0.5}", "must be less than 1 together"),
        ("teacher: {tie_tolerance: -1}", "teacher.tie_tolerance is -1, but must be a number of at least 0."),
        ("teacher: {rationality: 0}", "teacher.rationality is 0, but must be a number greater than 0 or null."),
        ("teacher: {discount: 1.5}", "teacher.discount is 1.5, but must be a number greater than 0 and at most 1."),
        (
            "teacher: {kind: 'my:own', rationality: 2}",
            "teacher.rationality is the oracle's, but teacher.kind is my:own",
        ),
        ("teacher: {panel: [{name: a}, {name: a}]}", "teacher.panel has a twice: give each of its teachers a name"),
        (
            "teacher: {panel: [{name: a, mistake_probability: 2}]}",
            "panel.0.mistake_probability is 2, but must be a number from 0 to 1.",
        ),
        ("teacher: {panel: [{mistake: 2}]}", "is not a field; did you mean teacher.mistake_probability?"),
        ("teacher: {panel: 3}", "teacher.panel is 3, but must be a list, each some of the fields of this part."),
        ("teacher: {panel: [{kind: recorded, path: x}]}", "teacher.kind=recorded can't be in teacher.panel"),
        ("agent: {hidden_sizes: [64, -1]}", "agent.hidden_sizes.1 is -1, but must be a whole number greater than 0."),
        ("agent: 3", "line 2: agent is 3, but must be a part with fields of its own: algorithm"),
        ("agent: {entropy_coefficient: 0.1, final_log_std: -1}", "agent.entropy_coefficient has nothing to change"),
        ("agent: {train_batch_size: 100}", "line 2: agent.train_batch_size=100 must be a multiple of"),
        ("task: hopper", "line 2, is not valid YAML: 'task' stands here twice."),
        ("seed: [", "line 3, is not valid YAML"),
        ("seed: &a 3\nbudget: {labels: *a}", "line 3, is not valid YAML: `*` refers to another place"),
        ("task2: !!python/object:os.system x", "is not valid YAML: could not determine a constructor"),
        ("? [a, b]\n: 3", "a field's name must be a word"),
        ("extends: 3", "line 2: extends is 3, but must be the path of another config"),
        ("extends: bse.yaml", "line 2: extends names bse.yaml. There is no config file"),
    ],
)
def test_an_error_names_file_line_path_and_cure(tmp_path: pathlib.Path, line: str, expected: str) -> None:
    write(tmp_path, "base.yaml", "task: hopper")
    message = error_of(write(tmp_path, "bad.yaml", f"task: half-cheetah\n{line}\n"))
    assert message.startswith(str(tmp_path / "bad.yaml"))
    assert expected in message
    if "bse" in line:
        assert message.endswith(f"did you mean {tmp_path / 'base.yaml'}?")


def test_every_mistake_has_its_line_in_order(tmp_path: pathlib.Path) -> None:
    file = write(
        tmp_path, "bad.yaml", "agent:\n  gama: 1\nbudget:\n  labels: -1\n  env_steps: x\ntask: 3.5\nseed: 1.5\n"
    )
    lines = error_of(file).splitlines()
    assert [line.split(" ")[2].rstrip(":") for line in lines] == ["2", "4", "5", "7"]


def test_an_error_of_a_parent_names_the_parent(tmp_path: pathlib.Path) -> None:
    base = write(tmp_path, "base.yaml", "task: hopper\nbudget:\n  labels: -1\n")
    top = write(tmp_path, "top.yaml", "extends: base.yaml\nbudget: {env_steps: 10}\n")
    assert error_of(top).startswith(f"{base}, line 3: budget.labels")


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("budget.labels", "must have the form field.path=value"),
        ("=3", "must have the form field.path=value"),
        ("budget..labels=3", "must have the form field.path=value"),
        ("budget.labels=[", "has no valid YAML value"),
        ("budget.labels=-3", "The override budget.labels=-3: budget.labels is -3"),
        ("seed.x=3", "The override seed.x=3: seed is"),
        ("agent.minibatch_size=1e6", "The override agent.minibatch_size=1e6: agent.minibatch_size must be at most"),
        ("agent.entropy=1", "agent.entropy is not a field; did you mean agent.entropy_coefficient?"),
        ("task=", "The override task=: task is null, but must be text"),
    ],
)
def test_an_error_names_the_override(plain: pathlib.Path, override: str, expected: str) -> None:
    assert expected in error_of(plain, override)


def test_missing_task_says_what_a_task_is(tmp_path: pathlib.Path) -> None:
    assert "task is missing, and must be text. A task of ours" in error_of(write(tmp_path, "empty.yaml", ""))


def test_extends_in_a_circle(tmp_path: pathlib.Path) -> None:
    write(tmp_path, "a.yaml", "extends: b.yaml\n")
    message = error_of(write(tmp_path, "b.yaml", "extends: a.yaml\n"))
    assert "extends goes round in a circle (b.yaml -> a.yaml -> b.yaml)" in message


def test_missing_files(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "configs").mkdir()
    write(tmp_path / "configs", "half-cheetah.yaml", "task: half-cheetah\n")
    write(tmp_path / "configs", "hopper.yaml", "task: hopper\n")
    assert error_of(pathlib.Path("half-cheetah")).endswith("did you mean configs/half-cheetah.yaml?")
    assert error_of(pathlib.Path("configs/hoper.yaml")).endswith("did you mean configs/hopper.yaml?")
    assert error_of(pathlib.Path("zzz")).endswith("there are: configs/half-cheetah.yaml, configs/hopper.yaml.")
    assert "is a folder" in error_of(pathlib.Path("configs"))


def test_a_file_that_is_no_text(tmp_path: pathlib.Path) -> None:
    (tmp_path / "bytes.yaml").write_bytes(b"\xff\xfe\x00")
    assert "is not UTF-8 text" in error_of(tmp_path / "bytes.yaml")


def test_the_configs_of_the_repository_are_valid() -> None:
    files = sorted((pathlib.Path(__file__).parents[2] / "configs").glob("*.yaml"))
    extended = {line.split()[1] for file in files for line in file.read_text().splitlines() if "extends:" in line}
    for file in files:
        if file.name not in extended or "\ntask:" in file.read_text():  # what is only there to be extended has no task
            load_config(file)
