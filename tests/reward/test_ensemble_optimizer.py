"""One step of learning for all members: whose labels, which l2, what normalisation."""

import dataclasses
import math

import pytest
import torch

from rlhp_ray.predictor import Architecture, StepInputs, make_ensemble
from rlhp_ray.predictor.ensemble import ImageEnsemble, VectorEnsemble
from rlhp_ray.reward.optimizer import EnsembleOptimizer, adapted_l2
from rlhp_ray.reward.training_set import Minibatch


def make_optimizer(*, l2: float = 0.0, members: int = 3) -> EnsembleOptimizer:
    architecture = Architecture(StepInputs((3,), 2, discrete=False), members, (16, 16), 0.0)
    ensemble = make_ensemble(architecture, torch.Generator().manual_seed(0))
    return EnsembleOptimizer(ensemble, learning_rate=1e-2, l2_initial=l2, error_probability=0.1)


def make_batch(labels: int = 32, members: int = 3) -> Minibatch:
    generator = torch.Generator().manual_seed(1)
    inputs = torch.randn(labels, 2, 4, 5, generator=generator)
    returns = inputs[..., 0].sum(-1)
    weights = torch.randint(0, 3, (members, labels), generator=generator).to(torch.float32)
    return Minibatch(inputs, (returns[:, 0] > returns[:, 1]).to(torch.float32), weights)


def weights_of(optimizer: EnsembleOptimizer) -> torch.Tensor:
    """All parameters by member [M, ...]."""
    members = optimizer.ensemble.members
    return torch.cat([p.detach().reshape(members, -1) for p in optimizer.ensemble.parameters()], dim=1)


def test_returns_are_undiscounted_sums_over_the_segment() -> None:
    optimizer, batch = make_optimizer(), make_batch()
    rewards = optimizer.ensemble(batch.encoded.reshape(-1, 5)).reshape(3, 32, 2, 4)
    torch.testing.assert_close(optimizer.returns([batch]), rewards.sum(-1).detach())


def test_what_a_member_holds_out_never_trains_it() -> None:
    batch = make_batch()
    flipped = torch.where(batch.weights[1] == 0, 1 - batch.targets, batch.targets)  # wrong answers for member 1
    one, other = make_optimizer(), make_optimizer()
    for _ in range(5):
        one.train(batch)
        other.train(dataclasses.replace(batch, targets=flipped))
    assert torch.equal(weights_of(one)[1], weights_of(other)[1])
    assert not torch.equal(weights_of(one)[0], weights_of(other)[0])


def test_a_preference_counts_as_often_as_the_members_bootstrap_holds_it() -> None:
    batch = make_batch()
    rows = torch.repeat_interleave(torch.arange(32), batch.weights[0].to(torch.int64))
    ones = torch.ones(3, len(rows))
    repeated = Minibatch(batch.encoded[rows], batch.targets[rows], ones)
    one, other = make_optimizer(), make_optimizer()
    one.train(batch)
    other.train(repeated)
    # but for the output's bias, the last: it cancels out of every pair, so its gradient is rounding alone
    torch.testing.assert_close(weights_of(one)[0, :-1], weights_of(other)[0, :-1], rtol=1e-4, atol=1e-5)


def test_losses_are_of_the_trained_and_of_the_held_out() -> None:
    optimizer, batch = make_optimizer(), make_batch(labels=100)
    for _ in range(200):
        optimizer.train(batch)
    training, validation = optimizer.losses([batch])
    assert (training < 0.2).all() and (validation > training).all()
    nothing_held_out = dataclasses.replace(batch, weights=torch.ones(3, 100))
    assert optimizer.losses([nothing_held_out])[1].isnan().all()


def test_l2_shrinks_each_member_by_its_own_coefficient() -> None:
    optimizer, batch = make_optimizer(), make_batch()
    optimizer.l2 = torch.tensor([0.0, 0.1, 1.0])
    for _ in range(100):
        optimizer.train(batch)
    sizes = torch.stack([w.detach().reshape(3, -1).square().sum(1) for w in optimizer.ensemble.regularized()]).sum(0)
    assert sizes[0] > 3 * sizes[1] and sizes[1] > 3 * sizes[2]


def test_l2_is_adapted_into_the_papers_interval_for_each_member() -> None:
    l2 = torch.full((4,), 1e-3)
    validation = torch.tensor([1.6, 1.3, 1.0, float("nan")])
    new = adapted_l2(l2, torch.ones(4), validation)
    assert new[0] > 1e-3 and new[1] == l2[1] and new[2] < 1e-3 and new[3] == l2[3]


def test_l2_grows_from_zero_and_stays_bounded() -> None:
    l2 = torch.zeros(1)
    for _ in range(100):
        l2 = adapted_l2(l2, torch.ones(1), torch.full((1,), 9.0))
    assert l2.tolist() == [pytest.approx(1e-1)]


def test_l2_of_images_is_bounded_lower() -> None:
    inputs = StepInputs((4, 44, 44), 3, discrete=True, images=True)
    ensemble = make_ensemble(Architecture(inputs, 2, (64, 64), 0.5), torch.Generator().manual_seed(0))
    optimizer = EnsembleOptimizer(ensemble, learning_rate=1e-3, l2_initial=1e-4, error_probability=0.1)
    for _ in range(100):
        optimizer.adapt_l2(torch.ones(2), torch.full((2,), 9.0))
    assert optimizer.l2.tolist() == [pytest.approx(1e-2)] * 2


def test_actions_are_neither_centred_nor_scaled() -> None:
    optimizer = make_optimizer()
    assert isinstance(optimizer.ensemble, VectorEnsemble)
    optimizer.set_input_scale(torch.tensor([1.0, -2.0, 1.0]), torch.tensor([2.0, 30.0, 2.0]))
    seen = optimizer.ensemble.normalized(torch.tensor([[5.0, -2.0, -1.0, 7.0, -7.0]]))
    torch.testing.assert_close(seen, torch.tensor([[math.log(3), 0.0, -math.log(2), 7.0, -7.0]]))


def test_an_untrained_ensemble_sees_normalised_observations() -> None:
    optimizer, batch = make_optimizer(), make_batch()
    moved = dataclasses.replace(batch, encoded=batch.encoded * torch.tensor([50, 50, 50, 1, 1]) + 7)
    expected = optimizer.returns([batch])
    optimizer.set_input_scale(torch.full((3,), 7.0), torch.full((3,), 50.0))
    actions_back = dataclasses.replace(moved, encoded=moved.encoded - torch.tensor([0, 0, 0, 7, 7]))
    torch.testing.assert_close(optimizer.returns([actions_back]), expected, rtol=1e-4, atol=1e-4)


def test_an_input_that_never_moves_isnt_blown_up() -> None:
    optimizer = make_optimizer()
    optimizer.set_input_scale(torch.zeros(3), torch.zeros(3))
    assert torch.isfinite(optimizer.returns([make_batch()])).all()


def test_state_is_taken_up_exactly() -> None:
    batch, one, other = make_batch(), make_optimizer(l2=1e-3), make_optimizer()
    for _ in range(3):
        one.train(batch)
    other.load_state({name: tensor.clone() for name, tensor in one.state().items()})
    one.train(batch)
    other.train(batch)
    assert torch.equal(weights_of(one), weights_of(other))
    assert torch.equal(one.l2, other.l2)


def test_a_minibatch_of_images_is_trained_in_chunks_as_if_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without dropout, and with batch norm's moments fixed, nothing but the order of sums depends on the chunks."""
    inputs = StepInputs((4, 44, 44), 3, discrete=True, images=True, frames=4)
    generator = torch.Generator().manual_seed(1)
    frames = torch.randint(0, 256, (6, 2, 3 + 3, 44, 44), dtype=torch.uint8, generator=generator)
    weights = torch.randint(0, 3, (2, 6), generator=generator).to(torch.float32)
    batch = Minibatch(frames, torch.tensor([1.0, 0.0, 0.5, 1.0, 0.0, 1.0]), weights)
    found = []
    for chunk_steps in (10_000, 12, 1):  # all six pairs, two, one at a time
        monkeypatch.setattr("rlhp_ray.reward.optimizer.IMAGE_CHUNK_STEPS", chunk_steps)
        ensemble = make_ensemble(Architecture(inputs, 2, (64, 64), 0.0), torch.Generator().manual_seed(0))
        assert isinstance(ensemble, ImageEnsemble)
        for norm in ensemble.norms:
            norm.train = lambda mode=True, norm=norm: norm  # type: ignore[method-assign, misc]
            norm.training = False
        optimizer = EnsembleOptimizer(ensemble, learning_rate=1e-3, l2_initial=0.0, error_probability=0.1)
        returns, losses = optimizer.returns([batch]), torch.stack(optimizer.losses([batch]))
        optimizer.train(batch)
        gradients = torch.cat([p.grad.flatten() for p in ensemble.parameters() if p.grad is not None])
        assert returns.shape == (2, 6, 2) and gradients.abs().max() > 0
        found.append((returns, losses, gradients))
    for other in found[1:]:
        torch.testing.assert_close(other, found[0], rtol=1e-3, atol=1e-5, equal_nan=True)


def test_rewards_of_many_steps_are_those_of_each() -> None:
    inputs = StepInputs((4, 44, 44), 3, discrete=True, images=True)
    ensemble = make_ensemble(Architecture(inputs, 2, (64, 64), 0.5), torch.Generator().manual_seed(0))
    optimizer = EnsembleOptimizer(ensemble, learning_rate=1e-3, l2_initial=0.0, error_probability=0.1)
    steps = torch.randint(0, 256, (450, 4, 44, 44), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(optimizer.rewards(steps)[:, 440:], ensemble(steps[440:]).detach(), rtol=1e-4, atol=1e-5)
