"""Stable-Baselines3's PPO on an exported reward predictor; prints its return on the true reward as JSON.

python exported.py PREDICTOR TASK STEPS SEED EPISODES
"""

from __future__ import annotations

import json
import sys

import torch
from stable_baselines3 import PPO
from stable_baselines3.common.evaluation import evaluate_policy
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import DummyVecEnv, VecNormalize

from rlhp_ray.exported import LearnedReward
from rlhp_ray.tasks import load_task

predictor, task_name = sys.argv[1], sys.argv[2]
steps, seed, episodes = map(int, sys.argv[3:])
torch.set_num_threads(1)
task = load_task(task_name)

# The batch, minibatches, epochs and networks of sb3.py; observations normalised, as the run's are.
envs = VecNormalize(DummyVecEnv([lambda: LearnedReward(task.make_env(), predictor)] * 8), norm_reward=False)
nets = {"net_arch": {"pi": [64, 64], "vf": [64, 64]}}
model = PPO("MlpPolicy", envs, n_steps=512, batch_size=256, n_epochs=10, policy_kwargs=nets, device="cpu", seed=seed)
model.learn(steps)

plain = VecNormalize(DummyVecEnv([lambda: Monitor(task.make_env())]), training=False, norm_reward=False)
plain.obs_rms = envs.obs_rms
mean, std = evaluate_policy(model, plain, n_eval_episodes=episodes)
print(json.dumps({"true_return": float(mean), "true_return_std": float(std)}))
