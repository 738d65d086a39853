"""python -m benchmarks NAME... [--pairs N] [--steps N]: measure, print, and write docs/benchmarks/NAME.json."""

from __future__ import annotations

import argparse

from benchmarks import (
    cores,
    exported,
    footprint,
    labeling,
    latency,
    memory,
    pong,
    ppo,
    relabeling,
    requests,
    returns,
    sac,
    swaps,
    training,
)

BENCHMARKS = {
    "half-cheetah": ppo.half_cheetah,
    "hopper": ppo.hopper,
    "imitation": ppo.imitation,
    "cores": cores.cores,
    "sac": sac.sac,
    "relabeling": relabeling.relabeling,
    "swaps": swaps.swaps,
    "requests": requests.requests,
    "training": training.training,
    "pong": pong.pong,
    "latency": latency.latency,
    "latency-growth": latency.growth,
    "memory": memory.memory,
    "exported": exported.exported,
    "returns": returns.returns,
    "footprint": footprint.footprint,
    "labeling-keys": labeling.keys,
    "labeling-pace": labeling.pace,
    "labeling-people": labeling.people,
    "labeling-taught": labeling.taught,
}


def main() -> None:
    """Run those that are named, one after the other."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", default=["half-cheetah"], choices=[*BENCHMARKS], metavar="NAME")
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--steps", type=int, default=None, help="env steps a run, where it isn't the benchmark's own")
    options = parser.parse_args()
    for name in options.names:
        BENCHMARKS[name](options.pairs, options.steps)


if __name__ == "__main__":
    main()
