"""Windows of clips: what a minibatch shows of them, after SURF's temporal crops (Park et al. 2022).

A short window must explain an answer by single steps, a whole clip by their sum alone; windows of all lengths teach
both.
"""

from __future__ import annotations

import math

import numpy as np

from rlhp_ray.reward.training_set import Minibatch


def random_window(
    batch: Minibatch, clip_steps: int, shortest: int | None, longest: int | None, rng: np.random.Generator
) -> Minibatch:
    """A window at a random place, the same in all clips; its length log-uniform in shortest .. longest.

    `shortest`: None, or no less than a clip has: whole clips. `longest`: at most a clip's; None: as the shortest.
    """
    if shortest is None or shortest >= clip_steps:
        return batch
    most = min(clip_steps, max(shortest, longest or shortest))
    drawn = math.exp(rng.uniform(math.log(shortest), math.log(most + 1)))
    steps = min(most, max(shortest, int(drawn)))
    first = int(rng.integers(clip_steps - steps + 1))
    return batch.window(first, batch.encoded.shape[2] - (clip_steps - steps))
