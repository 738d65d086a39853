"""What an export holds does elsewhere what it did in its run."""

from __future__ import annotations

import json
import pathlib
import subprocess
import sys

import gymnasium
import numpy as np
import pytest
import torch
from made_runs import make_run

from rlhp_ray.agent.build import ALGORITHMS, model_config
from rlhp_ray.agent.learner import MODULE_PREFIX
from rlhp_ray.agent.networks import arrays_of
from rlhp_ray.cli.main import main
from rlhp_ray.config.schema import ServingPart
from rlhp_ray.errors import CorruptDataError, TaskError, UserError
from rlhp_ray.experiment.checkpoint import save
from rlhp_ray.experiment.evaluate import learned_policy
from rlhp_ray.experiment.run_config import read_config
from rlhp_ray.exported import ExportedPolicy, LearnedReward
from rlhp_ray.predictor import Architecture, PublishedEnsemble, StepInputs, make_ensemble
from rlhp_ray.predictor.versions import PublishedVersions
from rlhp_ray.serving import ServedPredictor, delete, deploy
from rlhp_ray.storage import RunFolder
from rlhp_ray.tasks import Task, load_task

PART = ServingPart()


def publish(folder: RunFolder, task: Task) -> PublishedEnsemble:
    """An untrained ensemble for the task as version 7."""
    inputs = StepInputs.of_spaces(task.observation_space, task.action_space, task.frames_per_observation)
    architecture = Architecture(inputs, 3, (16, 16), 0.0)
    generator = torch.Generator().manual_seed(0)
    made = PublishedEnsemble(
        7,
        make_ensemble(architecture, generator),
        output_mean=torch.rand(3, generator=generator),
        output_std=0.5 + torch.rand(3, generator=generator),
        normalized_std=2.0,
    )
    PublishedVersions(folder).publish(made)
    return made


def export(folder: str, target: pathlib.Path) -> None:
    assert main(["export", folder, "-o", str(target)]) == 0


def test_the_wrapper_s_rewards_are_the_served_predictor_s(ray_cluster: None, tmp_path: pathlib.Path) -> None:
    folder = RunFolder(make_run(tmp_path, "run"))
    publish(folder, load_task("half-cheetah"))
    export(folder.address, tmp_path / "out")

    env = LearnedReward(gymnasium.make("HalfCheetah-v5"), tmp_path / "out" / "predictor")
    plain = gymnasium.make("HalfCheetah-v5")
    observation, _ = env.reset(seed=1)
    plain.reset(seed=1)
    rng = np.random.default_rng(0)
    seen, taken, rewards = [], [], []
    for step in range(30):
        action = rng.normal(0, 2, 6).astype(np.float32)  # out of bounds now and then
        seen.append(observation)
        taken.append(np.clip(action, -1, 1))
        observation, reward, _, _, info = env.step(action)
        rewards.append(reward)
        assert info["environment_reward"] == plain.step(action)[1]
        if step == 14:
            observation, _ = env.reset(seed=2)
            plain.reset(seed=2)
    deploy("exported", folder.address, PART)
    try:
        served = ServedPredictor("exported", PART).rewards(np.array(seen)[None], np.array(taken)[None])
    finally:
        delete("exported")
    assert served.version == 7 and np.std(rewards) > 0
    np.testing.assert_allclose(rewards, served.rewards[0], rtol=1e-4, atol=1e-5)


def test_images_and_discrete_actions_are_rewarded_likewise(tmp_path: pathlib.Path) -> None:
    class Pictures(gymnasium.Env):
        observation_space = gymnasium.spaces.Box(0, 255, (4, 84, 84), np.uint8)
        action_space = gymnasium.spaces.Discrete(3)

        def reset(self, *, seed=None, options=None):
            super().reset(seed=seed)
            return self.observation_space.sample(), {}

        def step(self, action):
            return self.observation_space.sample(), 0.0, False, False, {}

    inputs = StepInputs.of_spaces(Pictures.observation_space, Pictures.action_space, 4)
    ensemble = make_ensemble(Architecture(inputs, 2, (), 0.0), torch.Generator().manual_seed(0))
    made = PublishedEnsemble(1, ensemble, output_mean=torch.zeros(2), output_std=torch.ones(2), normalized_std=1.0)
    (tmp_path / "predictor.safetensors").write_bytes(made.to_bytes())
    env = LearnedReward(Pictures(), tmp_path)
    observation, _ = env.reset()
    reward = env.step(1)[1]
    assert reward == pytest.approx(float(made.rewards(observation[None], np.array([[1]]))[0, 0]), rel=1e-5)


def test_the_predictor_s_json_says_what_its_tensors_are(tmp_path: pathlib.Path) -> None:
    folder = RunFolder(make_run(tmp_path, "run"))
    publish(folder, load_task("half-cheetah"))
    export(folder.address, tmp_path / "out")
    about = json.loads((tmp_path / "out" / "predictor" / "predictor.json").read_text())
    assert about["task"] == "half-cheetah" and about["version"] == 7 and about["normalized_std"] == 2.0
    assert about["architecture"]["members"] == 3 and about["architecture"]["inputs"]["observation_shape"] == [17]
    assert not (tmp_path / "out" / "policy").exists()  # no checkpoint yet


@pytest.mark.parametrize(
    ("task", "algorithm"),
    [("half-cheetah", "ppo"), ("half-cheetah", "sac"), ("cart-pole", "ppo"), ("cart-pole", "dqn"), ("pong", "ppo")],
)
def test_the_policy_acts_as_in_its_run(tmp_path: pathlib.Path, task: str, algorithm: str) -> None:
    made = make_run(tmp_path, "run", f"agent.algorithm={algorithm}", "agent.hidden_sizes=[16]", task=task)
    folder = RunFolder(made)
    part, loaded = read_config(folder).agent, load_task(task)
    torch.manual_seed(0)
    module = ALGORITHMS[algorithm].module_class(
        observation_space=loaded.observation_space,
        action_space=loaded.action_space,
        inference_only=False,
        model_config=model_config(part),
    )
    rng = np.random.default_rng(0)
    if hasattr(module, "obs_mean"):
        module.observe(100, torch.rand(module.obs_mean.shape), 0.5 + torch.rand(module.obs_mean.shape))
    with torch.no_grad():
        module.get_parameter("q.1.weight" if algorithm == "dqn" else "policy.0.weight").mul_(20)  # beyond the bounds
    arrays = {f"{MODULE_PREFIX}{name}": array for name, array in arrays_of(module).items()}
    save(folder, arrays | {"env_steps": np.array(512)}, {})
    export(made, tmp_path / "out")

    shape, dtype = loaded.observation_space.shape, loaded.observation_space.dtype
    if dtype == np.uint8:  # large spots, so that the policy sees images that differ
        seen = rng.integers(0, 2, (20, 4, 6, 6)).repeat(14, -1).repeat(14, -2) * 255
    else:
        seen = 3 * rng.normal(size=(20, *shape))
    observations = seen.astype(dtype)
    policy = ExportedPolicy(tmp_path / "out" / "policy")
    expected = learned_policy(module, loaded)(observations if dtype == np.uint8 else observations.astype(np.float32))
    np.testing.assert_allclose(policy.act(observations), expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(policy(observations[3]), expected[3], rtol=1e-4, atol=1e-5)
    assert policy.task == task and len(np.unique(expected)) > 1


def test_nothing_of_it_needs_what_only_a_run_needs() -> None:
    others = ["av", "fastapi", "matplotlib", "packaging", "pyarrow", "pydantic", "ray", "rich", "wandb", "yaml"]
    program = f"import sys; sys.modules.update(dict.fromkeys({others})); import rlhp_ray.exported"  # None: not there
    subprocess.run([sys.executable, "-c", program], check=True)


def test_what_does_not_fit_is_said(tmp_path: pathlib.Path) -> None:
    folder = RunFolder(make_run(tmp_path, "run"))
    publish(folder, load_task("half-cheetah"))
    export(folder.address, tmp_path / "out")
    with pytest.raises(TaskError, match=r"observations of shape \(17,\) and 6 numbers an action, and this environment"):
        LearnedReward(gymnasium.make("Hopper-v5"), tmp_path / "out" / "predictor")
    with pytest.raises(UserError, match=r"There is no exported predictor at .*export RUN -o DIR"):
        LearnedReward(gymnasium.make("HalfCheetah-v5"), tmp_path)
    with pytest.raises(UserError, match=r"There is no exported policy at .*export RUN -o DIR"):
        ExportedPolicy(tmp_path)
    (tmp_path / "policy.json").write_text("{}")
    (tmp_path / "policy.safetensors").write_bytes(b"")
    with pytest.raises(CorruptDataError, match="export it anew"):
        ExportedPolicy(tmp_path)
