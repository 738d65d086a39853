"""Pong from pixels with the Nature CNN: learned rewards beside Stable-Baselines3's PPO on the true one.

8 environments, 1,024 steps a batch, 4 epochs, minibatches of 256 on both sides.
"""

from __future__ import annotations

from benchmarks.ours import peer, run
from benchmarks.pairs import Side, run_pairs

FIRST_LABELS = 10  # before the first update, which is when the clock starts
ENV_STEPS_PER_LABEL = 3_000_000 / 3_300  # as in the config


def pong(pairs: int, steps: int | None) -> None:
    """Agent steps/s."""
    count = steps or 8_192

    def ours() -> dict[str, float]:
        labels = FIRST_LABELS + round(count / ENV_STEPS_PER_LABEL)
        budget = (f"budget.env_steps={count}", f"budget.labels={labels}")
        done = run(
            "pong",
            "agent.num_epochs=4",
            *budget,
            f"queries.initial_fraction={FIRST_LABELS / labels}",
        )
        return {"agent_steps_per_second": done["env_steps_per_second"]}

    theirs = Side("stable-baselines3", lambda: peer("stable-baselines3", "sb3.py", "pong", "pong", str(count), "2"))
    run_pairs("pong", [Side("learned", ours), theirs], pairs)
