"""SAC's updates/s: 256 x 256, minibatches of 256, an update each env step, beside Stable-Baselines3's on the true one.

Both with the number of torch threads that is the better one for them.
"""

from __future__ import annotations

from benchmarks.ours import peer, run
from benchmarks.pairs import Side, run_pairs


def sac(pairs: int, steps: int | None) -> None:
    """On half-cheetah, 1,000 steps before the first update."""
    count = steps or 6_000

    def ours(source: str, threads: int) -> dict[str, float]:
        overrides = (
            f"budget.env_steps={count}",
            "budget.labels=20",
            f"reward.source={source}",
            "agent.learning_starts=1000",
            "agent.updates_per_env_step=1",
            f"agent.learner_threads={threads}",
        )
        return {"updates_per_second": run("half-cheetah-sac", *overrides)["env_steps_per_second"]}

    def theirs(threads: int) -> dict[str, float]:
        return peer("stable-baselines3", "sb3.py", "sac", "half-cheetah", str(count), str(threads))

    sides = [
        Side("learned, 2 threads", lambda: ours("learned", 2)),
        Side("learned, 1 thread", lambda: ours("learned", 1)),
        Side("true, 2 threads", lambda: ours("true", 2)),
        Side("stable-baselines3, 1 thread", lambda: theirs(1)),
        Side("stable-baselines3, 2 threads", lambda: theirs(2)),
    ]
    run_pairs("sac", sides, pairs)
