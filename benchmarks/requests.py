"""A fragment's rewards by one request, beside a request for each vector step: why runners ask once a fragment."""

from __future__ import annotations

import time

import numpy as np

from benchmarks.pairs import Side, run_pairs
from benchmarks.served import HALF_CHEETAH, served_predictor

ENVS, STEPS = 16, 256


def requests(pairs: int, steps: int | None) -> None:
    """16 environments, 256 steps each."""
    observation, action = HALF_CHEETAH
    rng = np.random.default_rng(0)
    observations = rng.normal(size=(ENVS, STEPS, observation)).astype(np.float32)
    actions = rng.normal(size=(ENVS, STEPS, action)).astype(np.float32)
    with served_predictor() as (predictor, _):

        def together() -> dict[str, float]:
            begun = time.perf_counter()
            predictor.rewards(observations, actions)
            return {"seconds_a_fragment": time.perf_counter() - begun}

        def one_by_one() -> dict[str, float]:
            begun = time.perf_counter()
            for t in range(STEPS):
                predictor.rewards(observations[:, t : t + 1], actions[:, t : t + 1])
            return {"seconds_a_fragment": time.perf_counter() - begun}

        together()
        run_pairs("requests", [Side("a request a step", one_by_one), Side("one request", together)], pairs)
