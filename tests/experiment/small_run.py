"""Overrides that make a run of seconds."""

# A point on a line, a small agent, a small ensemble.
SMALL = (
    "budget.env_steps=4096",
    "budget.labels=40",
    "agent.envs_per_runner=4",
    "agent.train_batch_size=512",
    "agent.minibatch_size=128",
    "agent.num_epochs=4",
    "agent.hidden_sizes=[16]",
    "reward.hidden_sizes=[16]",
    "reward.initial_epochs=20",
    "segments.clip_steps=10",
    "evaluation.episodes=5",
    "evaluation.random_episodes=5",
    "evaluation.plot=false",
)
