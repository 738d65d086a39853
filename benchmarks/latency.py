"""How env steps/s grow with EnvRunners where the CPU isn't the limit: one environment of 50 ms a step in each, APPO."""

from __future__ import annotations

from benchmarks.ours import run
from benchmarks.pairs import Side, run_pairs

ROLES = ("driver", "EnvRunners", "replicas", "segment store", "collector", "reward trainer", "raylet", "Ray's GCS")


def latency(pairs: int, steps: int | None) -> None:
    """The most EnvRunners beside one."""
    _pairs("latency", (32, 1), pairs, steps)


def growth(pairs: int, steps: int | None) -> None:
    """From one to the most."""
    _pairs("latency-growth", (32, 1, 2, 4, 8, 16), pairs, steps)


def _pairs(name: str, counts: tuple[int, ...], pairs: int, steps: int | None) -> None:
    """Learned rewards, an oracle answering beside it; `steps` of each runner. Core seconds hold the run's start too."""
    each = steps or 1_280

    def ours(runners: int) -> dict[str, float]:
        done = run(
            "half-cheetah",
            "task=benchmarks.sleeping:make",
            f"budget.env_steps={each * runners}",
            "budget.labels=50",
            "agent.algorithm=appo",
            f"agent.num_env_runners={runners}",
            "agent.envs_per_runner=1",
            f"agent.train_batch_size={128 * runners}",  # with 32 the default
            "agent.minibatch_size=128",
            "agent.num_epochs=4",
            "segments.clip_steps=20",
            f"ray.num_cpus={runners + 2}",
            look_at_cores=True,
        )
        steps = each * runners
        return {
            "env_steps_per_second": done["env_steps_per_second"],
            "memory_gigabytes": done["metrics"]["cluster/memory_bytes"] / 1e9,
            "predict_share": done["predict_share"],
            **{f"{role}, core ms a step": 1e3 * done["core_seconds"].get(role, 0.0) / steps for role in ROLES},
        }

    run_pairs(name, [Side(f"{n} EnvRunners", lambda n=n: ours(n)) for n in counts], pairs)
