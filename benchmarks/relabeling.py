"""How long a million stored half-cheetah steps take to be relabelled by a served predictor, and what the learner waits.

The learner's part is played by a loop that samples minibatches without a pause: the longest gap between two of them is
what relabelling costs it.
"""

from __future__ import annotations

import threading
import time

import numpy as np

from benchmarks.pairs import Side, run_pairs
from benchmarks.served import HALF_CHEETAH, served_predictor
from rlhp_ray.agent.relabeling import Relabeler
from rlhp_ray.agent.replay import ReplayBuffer
from rlhp_ray.rollouts.fragment import Fragment

STEPS, ENVS, FRAGMENT = 1_000_000, 16, 2_500
OBSERVATION, ACTION = HALF_CHEETAH


def relabeling(pairs: int, steps: int | None) -> None:
    """A buffer of `steps` in each of the measurements."""
    with served_predictor() as (predictor, _):
        buffer = _filled(steps or STEPS)
        relabeler = Relabeler(buffer, predictor)

        def sample_alone() -> dict[str, float]:
            return {"longest_pause_seconds": _longest_pause(buffer, threading.Event(), 3.0)}

        def relabel() -> dict[str, float]:
            ended, pause = threading.Event(), list[float]()
            learner = threading.Thread(target=lambda: pause.append(_longest_pause(buffer, ended, 600.0)))
            learner.start()
            relabeler.pass_once()
            ended.set()
            learner.join()
            return {"longest_pause_seconds": pause[0], "relabel_seconds": relabeler.seconds}

        run_pairs("relabeling", [Side("relabelling", relabel), Side("not relabelling", sample_alone)], pairs)


def _longest_pause(buffer: ReplayBuffer, ended: threading.Event, seconds: float) -> float:
    begun = before = time.perf_counter()
    longest = 0.0
    while not ended.is_set() and before - begun < seconds:
        buffer.sample(256)
        now = time.perf_counter()
        longest, before = max(longest, now - before), now
    return longest


def _filled(steps: int) -> ReplayBuffer:
    rng = np.random.default_rng(0)
    buffer = ReplayBuffer(runners=1, envs=ENVS, steps=steps, stack=1, rng=rng)
    frames = rng.normal(size=(ENVS, FRAGMENT + 1, OBSERVATION)).astype(np.float32)
    fragment = Fragment(
        observations=frames,
        actions=rng.uniform(-1, 1, (ENVS, FRAGMENT, ACTION)).astype(np.float32),
        action_logp=np.zeros((ENVS, FRAGMENT), np.float32),
        rewards=np.zeros((ENVS, FRAGMENT), np.float32),
        terminated=np.zeros((ENVS, FRAGMENT), np.bool_),
        truncated=np.zeros((ENVS, FRAGMENT), np.bool_),
        estimates=None,
        runner=1,
        episodes=(),
        policy_version=0,
        reward_version=0,
        rewarded_at=0.0,
        elapsed_seconds=0.0,
        predict_seconds=0.0,
    )
    while len(buffer) < steps:
        buffer.add(fragment)
    return buffer
