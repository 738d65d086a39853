"""Your own teacher: a function that says which of two clips is better, such as by a rule or by asking a model.

    rlhp-ray train examples/own_teacher.yaml

This one looks at what a person would see, a point and its target on a line, and never at the true reward.
"""

import numpy as np

from rlhp_ray.types import Choice, Segments

ALIKE = 0.05  # mean distances that differ by less are equal


def prefer(left: Segments, right: Segments) -> Choice:
    """The clip in which the point is closer to its target; each is one segment: observations [1, K, 2]."""
    difference = mean_distance(right) - mean_distance(left)
    if abs(difference) < ALIKE:
        return Choice.EQUAL
    return Choice.LEFT if difference > 0 else Choice.RIGHT


def mean_distance(clip: Segments) -> float:
    point, target = clip.observations[0].T
    return float(np.abs(point - target).mean())
