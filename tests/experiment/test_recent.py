"""Recent episodes and paces, against what is computed by hand."""

from __future__ import annotations

import numpy as np
import pytest

from rlhp_ray.experiment.recent import Pace, RecentEpisodes
from rlhp_ray.rollouts.fragment import Episode


def test_means_are_over_the_newest_20_and_the_correlation_over_the_newest_100() -> None:
    rng = np.random.default_rng(0)
    true, predicted = rng.normal(size=(2, 130))
    recent = RecentEpisodes()
    assert recent.mean("true_return") is None and recent.correlation() is None
    recent.add(
        Episode(float(t), float(p), steps=index) for index, (t, p) in enumerate(zip(true, predicted, strict=True))
    )
    assert recent.mean("true_return") == pytest.approx(true[-20:].mean())
    assert recent.mean("predicted_return") == pytest.approx(predicted[-20:].mean())
    assert recent.mean("steps") == pytest.approx(np.arange(110, 130).mean())
    assert recent.correlation() == pytest.approx(np.corrcoef(true[-100:], predicted[-100:])[0, 1])


def test_returns_that_never_vary_have_no_correlation() -> None:
    recent = RecentEpisodes()
    recent.add(Episode(float(t), 1.0, steps=1) for t in range(5))
    assert recent.correlation() is None


def test_a_pace_is_taken_over_the_last_seconds() -> None:
    pace = Pace(seconds=10.0)
    assert pace.add(100.0, 50) is None
    assert pace.add(104.0, 90) == pytest.approx(10.0)
    assert pace.add(108.0, 90) == pytest.approx(5.0)
    assert pace.add(120.0, 102) == pytest.approx(1.0)  # since 108: an older point is left out once this spans 10 s
    assert pace.add(121.0, 105) == pytest.approx(15 / 13)
