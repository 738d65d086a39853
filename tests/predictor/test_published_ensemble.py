"""A published version: its normalisation, its bytes, its place in the run folder."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from rlhp_ray.errors import CorruptDataError
from rlhp_ray.predictor import Architecture, PublishedEnsemble, StepInputs, make_ensemble
from rlhp_ray.predictor.versions import PublishedVersions
from rlhp_ray.storage.run_folder import RunFolder
from rlhp_ray.types import FloatArray

RNG = np.random.default_rng(0)
OBSERVATIONS = RNG.normal(size=(6, 10, 5)).astype(np.float32)
ACTIONS = RNG.normal(size=(6, 10, 2)).astype(np.float32)


VECTORS = StepInputs((5,), 2, discrete=False)
IMAGES = StepInputs((4, 84, 84), 3, discrete=True, images=True)


def make_published(version: int = 1, normalized_std: float = 1.0, inputs: StepInputs = VECTORS) -> PublishedEnsemble:
    ensemble = make_ensemble(Architecture(inputs, 3, (64, 64), 0.5), torch.Generator().manual_seed(version))
    return PublishedEnsemble(
        version,
        ensemble,
        output_mean=torch.tensor([1.0, -2.0, 0.5]),
        output_std=torch.tensor([0.1, 10.0, 2.0]),
        normalized_std=normalized_std,
    )


def member_rewards(published: PublishedEnsemble) -> FloatArray:
    """Rewards [M, 6, 10] before normalisation: the returns of sequences of one step."""
    single = published.member_returns(OBSERVATIONS.reshape(60, 1, 5), ACTIONS.reshape(60, 1, 2))
    return single.reshape(3, 6, 10)


def test_the_reward_is_the_mean_of_members_each_normalised_by_itself() -> None:
    published = make_published(normalized_std=0.05)
    members = member_rewards(published)
    normalised = (members - [[[1.0]], [[-2.0]], [[0.5]]]) / [[[0.1]], [[10.0]], [[2.0]]]
    rewards = published.rewards(OBSERVATIONS, ACTIONS)
    assert rewards.dtype == np.float32 and rewards.shape == (6, 10)
    np.testing.assert_allclose(rewards, 0.05 * normalised.mean(0), rtol=1e-4, atol=1e-5)


def test_member_returns_are_sums_before_normalisation() -> None:
    published = make_published()
    returns = published.member_returns(OBSERVATIONS, ACTIONS)
    assert returns.shape == (3, 6)
    np.testing.assert_allclose(returns, member_rewards(published).sum(2), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("images", [False, True])
def test_bytes_describe_themselves(images: bool) -> None:
    published = make_published(version=12, inputs=IMAGES if images else VECTORS)
    again = PublishedEnsemble.from_bytes(published.to_bytes())
    observations = RNG.integers(0, 256, (1, 3, 4, 84, 84), dtype=np.uint8) if images else OBSERVATIONS
    actions = np.zeros((1, 3), np.int64) if images else ACTIONS
    assert again.version == 12
    assert np.array_equal(again.rewards(observations, actions), published.rewards(observations, actions))
    assert again.to_bytes() == published.to_bytes()


@pytest.mark.parametrize("tiles", [(400, 1, 1), (1, 2000, 1)])
def test_arrays_from_the_object_store_are_read_only_and_big_batches_fine(tiles: tuple[int, int, int]) -> None:
    published = make_published()
    observations, actions = np.tile(OBSERVATIONS, tiles), np.tile(ACTIONS, tiles)
    observations.flags.writeable = actions.flags.writeable = False
    rewards = published.rewards(observations, actions)
    expected = np.tile(published.rewards(OBSERVATIONS, ACTIONS), tiles[:2])
    np.testing.assert_allclose(rewards, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("sequences", "steps"), [(3, 5), (1, 300), (30, 20)])  # also more than a chunk, either way
def test_sequences_of_frames_are_rewarded_as_their_stacks_are(sequences: int, steps: int) -> None:
    frames = RNG.integers(0, 256, (sequences, steps + 3, 44, 44), dtype=np.uint8)
    actions = np.zeros((sequences, steps), np.int64)
    inputs = StepInputs((4, 44, 44), 3, discrete=True, images=True, frames=4)
    sequenced = make_published(inputs=inputs)
    stacked = make_published(inputs=dataclasses.replace(inputs, frames=1))  # the same weights
    stacks = np.stack([frames[:, t : t + 4] for t in range(steps)], axis=1)
    rewards = sequenced.rewards(frames, actions)
    assert rewards.std() > 0
    np.testing.assert_allclose(rewards, stacked.rewards(stacks, actions), rtol=1e-4, atol=1e-4)
    returns = sequenced.member_returns(frames, actions)
    np.testing.assert_allclose(returns, stacked.member_returns(stacks, actions), rtol=1e-4, atol=1e-3)


def damaged(payload: bytes) -> list[bytes]:
    return [b"", b"nothing of ours", payload[:40], payload[:-100], payload.replace(b"predictor.2", b"predictor.9")]


@pytest.mark.parametrize("kind", range(5))
def test_other_bytes_are_refused_with_a_cure(kind: int) -> None:
    with pytest.raises(CorruptDataError, match="remove the damaged file"):
        PublishedEnsemble.from_bytes(damaged(make_published().to_bytes())[kind])


def test_the_folder_gives_back_the_newest_version(tmp_path: Path) -> None:
    versions = PublishedVersions(RunFolder(str(tmp_path)))
    assert versions.newest() is None and versions.newest_version() == versions.highest_version() == 0
    payloads = [versions.publish(make_published(version)) for version in range(1, 9)]
    elsewhere = PublishedVersions(RunFolder(str(tmp_path)))
    assert elsewhere.newest_version() == 8 and elsewhere.newest() == payloads[-1]
    kept = sorted(path.name for path in (tmp_path / "predictor").glob("*.safetensors"))
    assert kept == [f"version-{version:08d}.safetensors" for version in range(4, 9)]


def test_a_version_written_but_not_pointed_at_is_never_given_again(tmp_path: Path) -> None:
    versions = PublishedVersions(RunFolder(str(tmp_path)))
    payload = versions.publish(make_published(1))
    (tmp_path / "predictor" / "version-00000002.safetensors").write_bytes(b"the trainer died here")
    assert versions.newest() == payload and versions.highest_version() == 2


@pytest.mark.parametrize(
    ("file", "content"),
    [("version-00000003.safetensors", b"changed"), ("newest.json", b"{}"), ("version-00000003.safetensors", None)],
)
def test_damage_in_the_folder_is_said(tmp_path: Path, file: str, content: bytes | None) -> None:
    versions = PublishedVersions(RunFolder(str(tmp_path)))
    versions.publish(make_published(3))
    path = tmp_path / "predictor" / file
    path.unlink() if content is None else path.write_bytes(content)
    with pytest.raises(CorruptDataError, match="resume the run"):
        versions.newest()
