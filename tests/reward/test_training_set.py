"""The labelled segments and their preferences as tensors."""

import numpy as np
import pytest
import torch
from reward_world import make_segments

from rlhp_ray.errors import CorruptDataError
from rlhp_ray.predictor import StepInputs
from rlhp_ray.reward.bootstrap import bootstrap_weights
from rlhp_ray.reward.training_set import TrainingSet
from rlhp_ray.types import Preference, Segments

INPUTS = StepInputs((5,), 2, discrete=False)


def make_set(window: int | None = None) -> TrainingSet:
    return TrainingSet(INPUTS, members=3, seed=0, window=window)


def named(count: int, begin: int = 0, clip_steps: int = 4) -> Segments:
    """Segments that can be told apart: all observations and actions of number i are i."""
    segments = make_segments(count, np.random.default_rng(0), clip_steps)
    ids = np.arange(begin, begin + count)
    segments.observations[:] = ids[:, None, None]
    segments.actions[:] = ids[:, None, None]
    segments.segment_ids[:] = ids
    return segments


def preference(name: str, first: int, second: int, target: float = 1.0, audit: bool = False) -> Preference:
    return Preference(name, first, second, target, audit, 0.0)


def add(labels: TrainingSet, *preferences: Preference) -> None:
    missing = labels.missing(preferences)
    labels.add(list(preferences), Segments.concatenate([named(1, i) for i in missing]) if missing else named(0))


def test_a_minibatch_holds_first_then_second_and_their_target() -> None:
    labels = make_set()
    add(labels, preference("a", 4, 2, 0.0), preference("b", 2, 7, 0.5))
    batch = labels.minibatch(labels.slots_of(["b", "a"]))
    assert batch.encoded.shape == (2, 2, 4, 7)
    assert batch.encoded[:, :, 0, 0].tolist() == [[2, 7], [4, 2]]
    assert batch.encoded[0, 1].unique().tolist() == [7]
    assert batch.targets.tolist() == [0.5, 0.0]
    assert batch.weights.tolist() == np.stack([bootstrap_weights(0, 3, name) for name in "ba"], axis=1).tolist()


def test_a_window_is_the_same_steps_of_every_clip() -> None:
    labels = make_set()
    add(labels, preference("a", 4, 2))
    batch = labels.minibatch(labels.slots_of(["a"]))
    batch.encoded[:, :, :, 0] = torch.arange(4.0)
    window = batch.window(1, 2)
    assert window.encoded[:, :, :, 0].tolist() == [[[1, 2], [1, 2]]]
    assert window.targets is batch.targets and window.weights is batch.weights


def test_each_segment_is_asked_for_and_kept_once() -> None:
    labels = make_set()
    add(labels, preference("a", 1, 2))
    assert labels.missing([preference("b", 2, 3), preference("c", 3, 1)]) == [3]
    add(labels, preference("b", 2, 3), preference("c", 3, 1))
    assert labels.segment_count == 3


def test_it_grows_past_its_first_capacity() -> None:
    labels = make_set()
    for index in range(700):
        add(labels, preference(str(index), 2 * index, 2 * index + 1))
    batch = labels.minibatch(labels.training_slots())
    assert batch.encoded[:, 0, 0, 0].tolist() == list(range(0, 1400, 2))


def test_an_undone_preference_leaves_nothing_behind() -> None:
    labels = make_set()
    add(labels, preference("a", 1, 2), preference("b", 2, 3))
    labels.remove(["a", "never seen"])
    assert len(labels) == 1 and "a" not in labels
    assert labels.segment_count == 2  # 2 is still named by b
    assert labels.missing([preference("c", 1, 2)]) == [1]
    add(labels, preference("c", 9, 8))
    assert labels.minibatch(labels.training_slots()).encoded[:, :, 0, 0].tolist() == [[2, 3], [9, 8]]


def test_the_window_holds_the_newest_labels_only() -> None:
    labels = make_set(window=2)
    add(labels, preference("a", 1, 2), preference("audit", 1, 9, audit=True))
    add(labels, preference("b", 3, 4), preference("c", 5, 6))
    assert len(labels) == 2 and "a" not in labels and "audit" in labels
    many = [preference(name, 1, 2) for name in "defg"]
    assert [p.preference_id for p in labels.window_of(many)] == ["f", "g"]


def test_audit_preferences_are_never_among_those_that_train() -> None:
    labels = make_set()
    add(labels, *(preference(str(i), 2 * i, 2 * i + 1, audit=i % 2 == 0) for i in range(10)))
    assert len(labels) == 5
    trained, audit = set(labels.training_slots().tolist()), set(labels.audit_slots().tolist())
    assert not trained & audit and len(audit) == 5


def test_center_and_scale_are_median_and_quartiles_of_the_labelled_segments_observations() -> None:
    labels = make_set()
    add(labels, preference("a", 1, 2), preference("b", 2, 3), preference("c", 5, 1000))
    center, scale = labels.observation_scale()
    assert center.tolist() == [3.0] * 5
    deviation = np.std([1, 2, 3, 5, 1000])
    assert scale.tolist() == pytest.approx([deviation / 20] * 5)  # quartiles 2 and 5: less than a twentieth of it
    add(labels, preference("d", 200, 400))
    assert labels.observation_scale()[1].tolist() == pytest.approx([(400 - 2) / 1.349] * 5, rel=0.02)


def test_newest_steps_come_from_the_newest_segments() -> None:
    labels = make_set()
    assert len(labels.newest_steps(8)) == 0
    add(labels, preference("a", 1, 2), preference("b", 3, 4))
    assert labels.newest_steps(9)[:, 0].unique().tolist() == [3, 4]


def test_read_only_images_from_the_object_store_are_fine() -> None:
    inputs = StepInputs((4, 8, 8), 3, discrete=True, images=True)
    images = np.zeros((2, 3, 4, 8, 8), np.uint8)
    images.flags.writeable = False
    segments = Segments(
        **{name: getattr(named(2, clip_steps=3), name) for name in Segments.__slots__}  # type: ignore[attr-defined]  # slots
        | {"observations": images, "actions": np.zeros((2, 3), np.int64)}
    )
    labels = TrainingSet(inputs, members=3, seed=0, window=None)
    labels.add([preference("a", 0, 1)], segments)
    assert labels.minibatch(labels.training_slots()).encoded.dtype == torch.uint8


def test_clips_of_another_length_are_refused() -> None:
    labels = make_set()
    add(labels, preference("a", 1, 2))
    with pytest.raises(CorruptDataError, match="same length"):
        labels.add([preference("b", 3, 4)], named(2, 3, clip_steps=6))
