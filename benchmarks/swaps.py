"""Latency of requests for a fragment's rewards under 4 concurrent callers: during 200 hot-swaps, and without any."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import numpy as np

from benchmarks.pairs import Side, run_pairs
from benchmarks.served import APP, HALF_CHEETAH, served_predictor
from rlhp_ray.config.schema import ServingPart
from rlhp_ray.serving import ServedPredictor

CALLERS, SWAPS, ENVS, STEPS = 4, 200, 16, 256


def swaps(pairs: int, steps: int | None) -> None:
    """The callers without swaps go on for as long as the newest swaps took."""
    with served_predictor(replicas=1) as (_, swap):
        newest, took = [1], [0.0]

        def with_swaps() -> dict[str, float]:
            def change() -> None:
                begun = time.perf_counter()
                for _ in range(SWAPS):
                    newest[0] += 1
                    swap(newest[0])
                took[0] = time.perf_counter() - begun

            return _latencies(change)

        def without() -> dict[str, float]:
            return _latencies(lambda: time.sleep(took[0]))

        run_pairs("swaps", [Side("200 swaps", with_swaps), Side("no swap", without)], pairs)


def _latencies(meanwhile: Callable[[], None]) -> dict[str, float]:
    observation, action = HALF_CHEETAH
    rng = np.random.default_rng(0)
    observations = rng.normal(size=(ENVS, STEPS, observation)).astype(np.float32)
    actions = rng.normal(size=(ENVS, STEPS, action)).astype(np.float32)
    ended, seconds, failures = threading.Event(), list[float](), list[Exception]()

    def call() -> None:
        predictor = ServedPredictor(APP, ServingPart())
        while not ended.is_set():
            begun = time.perf_counter()
            try:
                predictor.rewards(observations, actions)
            except Exception as error:  # whatever it is, it is counted
                failures.append(error)
            seconds.append(time.perf_counter() - begun)

    callers = [threading.Thread(target=call) for _ in range(CALLERS)]
    for caller in callers:
        caller.start()
    meanwhile()
    ended.set()
    for caller in callers:
        caller.join()
    p50, p99 = np.quantile(seconds, [0.5, 0.99])
    return {
        "p99_seconds": float(p99),
        "p50_seconds": float(p50),
        "requests": len(seconds),
        "failures": len(failures),
    }
