"""PPO: learned rewards with a live oracle, beside our own true reward, Stable-Baselines3 and imitation.

On every side: 64 x 64 for policy and for value, 4,096 steps a batch, 10 epochs, minibatches of 256; the same task, that
never terminates. env steps/s: from the first update to the end of training.
"""

from __future__ import annotations

from benchmarks.ours import peer, run
from benchmarks.pairs import Side, run_pairs

SAME = (
    "agent.hidden_sizes=[64,64]",
    "agent.train_batch_size=4096",
    "agent.num_epochs=10",
    "agent.minibatch_size=256",
)
ENV_STEPS_PER_LABEL = 1_000_000 / 700  # as in the configs
FEW_LABELS = 100  # of the short runs beside imitation
SHORT = 24_576  # env steps: six batches, that imitation takes as one before its five rounds
BESIDE_IMITATION = {"half-cheetah": (3, 30), "hopper": (5, 50)}  # members and steps a clip, of the configs


def half_cheetah(pairs: int, steps: int | None) -> None:
    """configs/half-cheetah.yaml."""
    _compare("half-cheetah", pairs, steps or 500_000)


def hopper(pairs: int, steps: int | None) -> None:
    """configs/hopper.yaml, with the batches of the others."""
    _compare("hopper", pairs, steps or 500_000)


def imitation(pairs: int, steps: int | None) -> None:
    """Beside imitation's preference comparisons: the same steps, labels, clips and ensemble, pairs by disagreement."""
    for task, (members, clip_steps) in BESIDE_IMITATION.items():
        _beside_imitation(task, pairs, steps or SHORT, members, clip_steps)


def _compare(task: str, pairs: int, steps: int) -> None:
    labels = round(steps / ENV_STEPS_PER_LABEL)
    sides = [
        Side("learned", lambda: _ours(task, "learned", steps, labels)),
        Side("true", lambda: _ours(task, "true", steps, labels)),
        Side("stable-baselines3", lambda: peer("stable-baselines3", "sb3.py", "ppo", task, str(steps // 4))),
    ]
    run_pairs(f"ppo-{task}", sides, pairs)


def _beside_imitation(task: str, pairs: int, steps: int, members: int, clip_steps: int) -> None:
    numbers = [str(number) for number in (steps, FEW_LABELS, members, clip_steps)]
    sides = [
        Side("learned", lambda: _ours(task, "learned", steps, FEW_LABELS)),
        Side("imitation", lambda: peer("imitation", "preferences.py", task, *numbers)),
    ]
    run_pairs(f"imitation-{task}-{steps}", sides, pairs)


def _ours(task: str, source: str, steps: int, labels: int) -> dict[str, float]:
    done = run(task, *SAME, f"reward.source={source}", f"budget.env_steps={steps}", f"budget.labels={labels}")
    figures = {"env_steps_per_second": done["env_steps_per_second"]}
    if source == "learned":
        figures |= {
            "predict_share": done["predict_share"],
            "answer_to_reward_seconds_p50": done["answer_to_reward_seconds_p50"],
            "answer_to_reward_seconds_p99": done["metrics"]["answer_to_reward_seconds_p99"],
        }
    return figures
