"""Bradley-Terry with one answer in ten taken as uniform."""

import math

import pytest
import torch

from rlhp_ray.reward import preference_loss


def loss(first: float, second: float, target: float, error_probability: float = 0.1) -> float:
    return float(
        preference_loss(torch.tensor([[first]]), torch.tensor([[second]]), torch.tensor([target]), error_probability)
    )


@pytest.mark.parametrize("target", [1.0, 0.0, 0.5])
@pytest.mark.parametrize("error_probability", [0.0, 0.1])
def test_it_is_the_cross_entropy_of_the_mixed_softmax(target: float, error_probability: float) -> None:
    softmax = math.exp(2.0) / (math.exp(2.0) + math.exp(0.5))
    p = (1 - error_probability) * softmax + error_probability * 0.5
    expected = -(target * math.log(p) + (1 - target) * math.log(1 - p))
    assert loss(2.0, 0.5, target, error_probability) == pytest.approx(expected, rel=1e-5)


def test_a_wrong_answer_costs_a_bounded_loss_however_sure_the_predictor_is() -> None:
    assert loss(1e4, 0.0, 0.0) == pytest.approx(-math.log(0.05), rel=1e-5)


def test_gradients_stay_finite_far_out() -> None:
    first = torch.tensor([[1e4, -1e4, 0.0]], requires_grad=True)
    preference_loss(first, torch.zeros(1, 3), torch.tensor([0.0, 1.0, 0.5]), 0.1).sum().backward()  # type: ignore[no-untyped-call]  # torch
    assert first.grad is not None and torch.isfinite(first.grad).all()


def test_an_equal_answer_pulls_the_returns_together() -> None:
    assert loss(1.0, 1.0, 0.5) < loss(1.5, 1.0, 0.5) < loss(3.0, 1.0, 0.5)
