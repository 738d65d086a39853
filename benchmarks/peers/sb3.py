"""Stable-Baselines3's PPO or SAC on the true reward of one of our tasks, or its own Pong; prints steps/s as JSON.

python sb3.py ALGORITHM TASK STEPS [THREADS]
"""

from __future__ import annotations

import json
import sys
import time

import torch
from stable_baselines3 import PPO, SAC
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.env_util import make_atari_env
from stable_baselines3.common.vec_env import DummyVecEnv, VecFrameStack

from rlhp_ray.tasks import load_task

algorithm, task_name, steps = sys.argv[1], sys.argv[2], int(sys.argv[3])
torch.set_num_threads(int(sys.argv[4]) if len(sys.argv) > 4 else 1)
task = load_task(task_name)


class FromFirstUpdate(BaseCallback):
    """Time and steps from the first update on, as our own speed is counted."""

    def __init__(self, first_steps: int) -> None:
        super().__init__()
        self.first_steps, self.begun = first_steps, 0.0

    def _on_step(self) -> bool:
        if not self.begun and self.num_timesteps >= self.first_steps:
            self.begun, self.begun_steps = time.perf_counter(), self.num_timesteps
        return True


if algorithm == "ppo":
    # 8 environments, and the batch, minibatches, epochs and networks of configs/half-cheetah.yaml
    envs = DummyVecEnv([task.make_env] * 8)
    nets = {"net_arch": {"pi": [64, 64], "vf": [64, 64]}}
    model = PPO("MlpPolicy", envs, n_steps=512, batch_size=256, n_epochs=10, policy_kwargs=nets, device="cpu", seed=0)
    first = 4096
elif algorithm == "pong":
    games = make_atari_env("PongNoFrameskip-v4", n_envs=8, seed=0)
    model = PPO("CnnPolicy", VecFrameStack(games, 4), n_steps=128, batch_size=256, n_epochs=4, device="cpu", seed=0)
    first = 1024
elif algorithm == "sac":
    model = SAC("MlpPolicy", DummyVecEnv([task.make_env]), learning_starts=1_000, device="cpu", seed=0)
    first = 1_000
else:
    sys.exit(f"unknown algorithm {algorithm}")
clock = FromFirstUpdate(first)
model.learn(steps, callback=clock)
print(json.dumps({"steps_per_second": (model.num_timesteps - clock.begun_steps) / (time.perf_counter() - clock.begun)}))
