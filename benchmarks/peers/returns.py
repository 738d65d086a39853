"""What Stable-Baselines3's PPO makes of one of our tasks; prints its return on the true reward as JSON.

python returns.py SETTINGS TASK STEPS SEED EPISODES [PREDICTOR]

SETTINGS: `defaults`, Stable-Baselines3's own, or `shared`, with batch, minibatches, epochs and networks of sb3.py.
PREDICTOR: an exported reward predictor, learned from in place of the true reward.
"""

from __future__ import annotations

import json
import sys

import gymnasium
import torch
from stable_baselines3 import PPO
from stable_baselines3.common.evaluation import evaluate_policy
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import DummyVecEnv, VecNormalize

from rlhp_ray.exported import LearnedReward
from rlhp_ray.tasks import load_task

settings, task_name = sys.argv[1], sys.argv[2]
steps, seed, episodes = map(int, sys.argv[3:6])
predictor = sys.argv[6] if len(sys.argv) > 6 else None
torch.set_num_threads(1)
task = load_task(task_name)


def environment() -> gymnasium.Env:
    return LearnedReward(task.make_env(), predictor) if predictor else task.make_env()


shared = {
    "n_steps": 512,
    "batch_size": 256,
    "n_epochs": 10,
    "policy_kwargs": {"net_arch": {"pi": [64, 64], "vf": [64, 64]}},
}
count, chosen = {"defaults": (1, {}), "shared": (8, shared)}[settings]
# A predictor's rewards have a standard deviation of 1 as they are.
envs = VecNormalize(DummyVecEnv([environment] * count), norm_reward=predictor is None)
model = PPO("MlpPolicy", envs, device="cpu", seed=seed, **chosen)
model.learn(steps)

plain = VecNormalize(DummyVecEnv([lambda: Monitor(task.make_env())]), training=False, norm_reward=False)
plain.obs_rms = envs.obs_rms
mean, std = evaluate_policy(model, plain, n_eval_episodes=episodes)


class Random:
    """Acts at random, as `evaluate_policy` asks a model to."""

    def predict(self, observations, state=None, episode_start=None, deterministic=False):
        return [plain.action_space.sample() for _ in observations], state


plain.action_space.seed(seed)
random, _ = evaluate_policy(Random(), plain, n_eval_episodes=episodes)
print(json.dumps({"true_return": float(mean), "true_return_std": float(std), "random_return": float(random)}))
