"""Pong from pixels with the Nature CNN: learned rewards beside Stable-Baselines3's PPO on the true one.

8 environments, 1,024 steps a batch, 4 epochs, minibatches of 256 on both sides.
"""

from __future__ import annotations

from benchmarks.ours import peer, run
from benchmarks.pairs import Side, run_pairs


def pong(pairs: int, steps: int | None) -> None:
    """Agent steps/s."""
    count = steps or 8_192

    def ours() -> dict[str, float]:
        done = run("pong", f"budget.env_steps={count}", "budget.labels=100", "queries.initial_fraction=0.3")
        return {"agent_steps_per_second": done["env_steps_per_second"]}

    theirs = Side("stable-baselines3", lambda: peer("stable-baselines3", "sb3.py", "pong", "pong", str(count), "2"))
    run_pairs("pong", [Side("learned", ours), theirs], pairs)
