"""imitation's preference comparisons with synthetic preferences; prints env steps/s as JSON.

python preferences.py TASK STEPS LABELS MEMBERS CLIP: the numbers of imitation's own example, with our batches, networks
and clips, our ensemble and our way to choose pairs. env steps/s: from the agent's first training to the end.
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
from imitation.rewards.reward_nets import BasicRewardNet, RewardEnsemble
from imitation.util.networks import RunningNorm
from stable_baselines3 import PPO
from stable_baselines3.common.vec_env import DummyVecEnv

IDS = {"half-cheetah": ("HalfCheetah-v4", {}), "hopper": ("Hopper-v4", {"terminate_when_unhealthy": False})}
ROUNDS = 5  # with new labels; the agent trains once before them

task, (steps, labels, members, clip) = sys.argv[1], map(int, sys.argv[2:])
torch.set_num_threads(1)
rng = np.random.default_rng(0)
name, options = IDS[task]
envs = DummyVecEnv([lambda: RolloutInfoWrapper(gymnasium.make(name, **options))] * 8)
spaces = (envs.observation_space, envs.action_space)
reward_nets = [BasicRewardNet(*spaces, hid_sizes=(64, 64), normalize_input_layer=RunningNorm) for _ in range(members)]
ensemble = RewardEnsemble(*spaces, reward_nets)
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


class Generator(preference_comparisons.AgentTrainer):
    """Remembers when the agent began to train."""

    begun: float | None = None

    def train(self, steps: int, **kwargs: object) -> None:
        """So many steps by the learned reward."""
        self.begun = self.begun or time.perf_counter()
        super().train(steps, **kwargs)


generator = Generator(algorithm=agent, reward_fn=ensemble, venv=envs, exploration_frac=0.05, rng=rng)
preference_model = preference_comparisons.PreferenceModel(ensemble)
comparisons = preference_comparisons.PreferenceComparisons(
    generator,
    ensemble,
    num_iterations=ROUNDS,
    fragmenter=preference_comparisons.ActiveSelectionFragmenter(
        preference_model,
        preference_comparisons.RandomFragmenter(warning_threshold=0, rng=rng),
        fragment_sample_factor=10,
        uncertainty_on="probability",
    ),
    preference_gatherer=preference_comparisons.SyntheticGatherer(rng=rng),
    reward_trainer=preference_comparisons.EnsembleTrainer(
        preference_model, loss=preference_comparisons.CrossEntropyRewardLoss(), epochs=3, rng=rng
    ),
    fragment_length=clip,
    transition_oversampling=1,
    initial_comparison_frac=0.25,
    allow_variable_horizon=False,
    initial_epoch_multiplier=4,
)
comparisons.train(total_timesteps=steps * ROUNDS // (ROUNDS + 1), total_comparisons=labels)
assert generator.begun is not None
seconds = time.perf_counter() - generator.begun
# those that were taken: rounds are whole batches, so there may be more than were asked for
print(json.dumps({"steps_per_second": agent.num_timesteps / seconds, "steps": agent.num_timesteps}))
