"""imitation's preference comparisons on HalfCheetah with synthetic preferences; prints env steps/s as JSON.

python preferences.py TASK STEPS LABELS: the numbers of its own example, with our batches and networks.
"""

from __future__ import annotations

import json
import sys
import time

import gymnasium
import numpy as np
import torch
from imitation.algorithms import preference_comparisons
from imitation.data.wrappers import RolloutInfoWrapper
from imitation.rewards.reward_nets import BasicRewardNet
from imitation.util.networks import RunningNorm
from stable_baselines3 import PPO
from stable_baselines3.common.vec_env import DummyVecEnv

IDS = {"half-cheetah": ("HalfCheetah-v4", {}), "hopper": ("Hopper-v4", {"terminate_when_unhealthy": False})}

task, steps, labels = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
torch.set_num_threads(1)
rng = np.random.default_rng(0)
name, options = IDS[task]
envs = DummyVecEnv([lambda: RolloutInfoWrapper(gymnasium.make(name, **options))] * 8)
reward_net = BasicRewardNet(
    envs.observation_space, envs.action_space, hid_sizes=(64, 64), normalize_input_layer=RunningNorm
)
agent = PPO(
    "MlpPolicy",
    envs,
    n_steps=512,
    batch_size=256,
    n_epochs=10,
    policy_kwargs={"net_arch": {"pi": [64, 64], "vf": [64, 64]}},
    device="cpu",
    seed=0,
)
generator = preference_comparisons.AgentTrainer(
    algorithm=agent, reward_fn=reward_net, venv=envs, exploration_frac=0.05, rng=rng
)
comparisons = preference_comparisons.PreferenceComparisons(
    generator,
    reward_net,
    num_iterations=5,
    fragmenter=preference_comparisons.RandomFragmenter(warning_threshold=0, rng=rng),
    preference_gatherer=preference_comparisons.SyntheticGatherer(rng=rng),
    reward_trainer=preference_comparisons.BasicRewardTrainer(
        preference_model=preference_comparisons.PreferenceModel(reward_net),
        loss=preference_comparisons.CrossEntropyRewardLoss(),
        epochs=3,
        rng=rng,
    ),
    fragment_length=30,
    transition_oversampling=1,
    initial_comparison_frac=0.25,
    allow_variable_horizon=False,
    initial_epoch_multiplier=4,
)
begun = time.perf_counter()
comparisons.train(total_timesteps=steps, total_comparisons=labels)
# those that were taken: rounds are whole batches, so there are more than were asked for
seconds = time.perf_counter() - begun
print(json.dumps({"steps_per_second": agent.num_timesteps / seconds, "steps": agent.num_timesteps}))
