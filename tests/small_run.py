"""Overrides that make a run of seconds."""

# A small agent, a small ensemble, short clips.
SMALL_PARTS = (
    "agent.envs_per_runner=4",
    "agent.train_batch_size=512",
    "agent.minibatch_size=128",
    "agent.num_epochs=4",
    "agent.hidden_sizes=[16]",
    "reward.hidden_sizes=[16]",
    "reward.initial_epochs=20",
    "segments.clip_steps=10",
    "evaluation.plot=false",
)

# A point on a line.
SMALL = (
    "budget.env_steps=4096",
    "budget.labels=40",
    *SMALL_PARTS,
    "evaluation.episodes=5",
    "evaluation.random_episodes=5",
)
