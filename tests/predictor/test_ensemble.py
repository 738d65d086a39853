"""The batched networks against a plain network a member, written out."""

import torch
from torch import Tensor
from torch.nn import functional

from rlhp_ray.predictor import Architecture, StepInputs, make_ensemble
from rlhp_ray.predictor.ensemble import ImageEnsemble, VectorEnsemble

VECTORS = Architecture(StepInputs((3,), 2, discrete=False), members=3, hidden_sizes=(64, 64), dropout=0.5)
IMAGES = Architecture(
    StepInputs((4, 84, 84), 6, discrete=True, images=True), members=2, hidden_sizes=(64, 64), dropout=0.5
)


def vectors() -> VectorEnsemble:
    ensemble = make_ensemble(VECTORS, torch.Generator().manual_seed(0))
    assert isinstance(ensemble, VectorEnsemble)
    return ensemble


def images() -> ImageEnsemble:
    ensemble = make_ensemble(IMAGES, torch.Generator().manual_seed(0))
    assert isinstance(ensemble, ImageEnsemble)
    return ensemble


def frames(count: int) -> Tensor:
    return torch.randint(0, 256, (count, 4, 84, 84), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))


def test_vectors_are_two_layers_of_64_with_leaky_relu_for_each_member() -> None:
    ensemble = vectors().eval()
    inputs = torch.randn(7, 5, generator=torch.Generator().manual_seed(1))
    weights = [(layer.weight, layer.bias.squeeze(2)) for layer in ensemble.layers]
    assert [tuple(w.shape) for w, _ in weights] == [(3, 64, 5), (3, 64, 64), (3, 1, 64)]
    for member in range(3):
        (w1, b1), (w2, b2), (w3, b3) = ((w[member], b[member]) for w, b in weights)
        hidden = functional.leaky_relu(functional.linear(ensemble.normalized(inputs), w1, b1), 0.01)
        hidden = functional.leaky_relu(functional.linear(hidden, w2, b2), 0.01)
        expected = functional.linear(hidden, w3, b3).squeeze(1)
        torch.testing.assert_close(ensemble(inputs)[member], expected)


def test_images_are_the_papers_convolutions_for_each_member() -> None:
    ensemble = images().eval()
    inputs = frames(3)
    kernels = [(layer.kernel_size[0], layer.stride[0], layer.out_channels // 2) for layer in ensemble.convolutions]
    assert kernels == [(7, 3, 16), (5, 2, 16), (3, 1, 16), (3, 1, 16)]
    assert ensemble.hidden.weight.shape == (2, 64, 16 * 7 * 7)
    for norm in ensemble.norms:  # statistics as after training, so that batch norm shows
        norm.running_mean.uniform_(-0.1, 0.1, generator=torch.Generator().manual_seed(2))
        norm.running_var.uniform_(0.5, 2, generator=torch.Generator().manual_seed(3))
    for member in range(2):
        channels = slice(16 * member, 16 * (member + 1))
        features = inputs / 255
        for layer, norm in zip(ensemble.convolutions, ensemble.norms, strict=True):
            features = functional.conv2d(features, layer.weight[channels], stride=layer.stride)
            mean, var = norm.running_mean[channels], norm.running_var[channels]
            features = functional.batch_norm(features, mean, var, norm.weight[channels], norm.bias[channels])
            features = functional.leaky_relu(features, 0.01)
        hidden = functional.linear(
            features.flatten(1), ensemble.hidden.weight[member], ensemble.hidden.bias[member, :, 0]
        )
        expected = functional.linear(
            functional.leaky_relu(hidden, 0.01), ensemble.head.weight[member], ensemble.head.bias[member, :, 0]
        ).squeeze(1)
        torch.testing.assert_close(ensemble(inputs)[member], expected, rtol=1e-4, atol=1e-5)


def test_images_train_with_dropout_on_half_of_every_convolutions_output() -> None:
    ensemble = images().train()
    dropped: list[float] = []
    for layer in [*ensemble.convolutions[1:]]:  # what a convolution reads is what the one before let through
        layer.register_forward_pre_hook(lambda _, inputs: dropped.append(float((inputs[0] == 0).float().mean())))
    ensemble.hidden.register_forward_pre_hook(lambda _, inputs: dropped.append(float((inputs[0] == 0).float().mean())))
    first = ensemble(frames(4))
    # 6,272 features or more: five standard deviations are 0.032
    assert len(dropped) == 4 and all(abs(share - 0.5) < 0.032 for share in dropped)
    assert not torch.equal(first, ensemble(frames(4)))
    ensemble.eval()
    assert torch.equal(ensemble(frames(4)), ensemble(frames(4)))


def test_vectors_train_with_dropout_on_half_of_every_hidden_layers_output() -> None:
    ensemble = vectors().train()
    dropped: list[float] = []
    for layer in [*ensemble.layers[1:]]:
        layer.register_forward_pre_hook(lambda _, inputs: dropped.append(float((inputs[0] == 0).float().mean())))
    inputs = torch.randn(100, 5)
    first = ensemble(inputs)
    # 19,200 features: five standard deviations are 0.018
    assert len(dropped) == 2 and all(abs(share - 0.5) < 0.018 for share in dropped)
    assert not torch.equal(first, ensemble(inputs))
    ensemble.eval()
    assert torch.equal(ensemble(inputs), ensemble(inputs))


def test_images_train_with_batch_norm() -> None:
    ensemble = images().train()
    before = ensemble.norms[0].running_mean.clone()
    ensemble(frames(4))
    assert not torch.equal(before, ensemble.norms[0].running_mean)


def test_a_new_predictor_holds_long_clips_for_nearly_alike() -> None:
    clips = torch.randn(32, 1, 5).expand(-1, 188, -1)  # 1.5 s of hopper; a step like the one before, as in a clip
    returns = vectors()(clips.flatten(0, 1)).view(-1, 32, 188).sum(2)
    preferences = torch.sigmoid(returns[:, ::2] - returns[:, 1::2])
    assert ((preferences > 0.01) & (preferences < 0.99)).all()  # where the loss still has a slope


def test_members_start_different_and_never_mix() -> None:
    for ensemble, inputs in ((vectors(), torch.randn(6, 5)), (images().eval(), frames(6))):
        rewards = ensemble(inputs)
        assert not torch.allclose(rewards[0], rewards[1])
        rewards[0].sum().backward()
        for name, parameter in ensemble.named_parameters():
            assert parameter.grad is not None
            gradients = parameter.grad.view(ensemble.members, -1).abs().sum(1)
            assert gradients[0] > 0, name
            assert (gradients[1:] == 0).all(), name


def test_l2_shrinks_weights_only() -> None:
    assert len(vectors().regularized()) == 3
    assert len(images().regularized()) == 6  # four convolutions and two dense layers; no bias, no batch norm


def test_the_same_generator_gives_the_same_ensemble() -> None:
    inputs = torch.randn(4, 5, generator=torch.Generator().manual_seed(1))
    assert torch.equal(vectors()(inputs), vectors()(inputs))
