"""The cutter on random streams: where it may cut, and that fragments don't matter."""

from __future__ import annotations

import dataclasses
import time

import numpy as np
import pytest

from rlhp_ray.segments import RolloutSteps, SegmentCutter
from rlhp_ray.types import Segments


def stream(seed: int, steps: int, envs: int, *, longest: int = 40, resets: bool = False) -> RolloutSteps:
    """Random episodes; the observation of a step is (environment, time), and every other field is made from them."""
    rng = np.random.default_rng(seed)
    ids = np.full((steps, envs), -1)
    places = np.zeros((steps, envs), np.int64)
    for env in range(envs):
        t, episode = 0, 0
        while t < steps:
            length = min(int(rng.integers(1, longest)), steps - t)
            ids[t : t + length, env] = episode * envs + env
            places[t : t + length, env] = np.arange(length)
            t += length + resets
            episode += 1
    observations = np.stack(np.broadcast_arrays(np.arange(envs), np.arange(steps)[:, None]), axis=-1).astype(np.float32)
    return RolloutSteps(
        observations=observations,
        actions=observations[..., 1].astype(np.int64) * 3,
        true_rewards=observations.sum(-1) / 2,
        render_states=observations[..., None].astype(np.float64) + 0.25,
        episode_ids=ids,
        episode_steps=places,
        ended=np.append(places[1:] == 0, np.zeros((1, envs), np.bool_), axis=0) | (ids < 0),
        env_steps=steps * envs,
        policy_version=3,
    )


def part_of(steps: RolloutSteps, first: int, end: int) -> RolloutSteps:
    arrays = {f.name: getattr(steps, f.name) for f in dataclasses.fields(steps)}
    return RolloutSteps(**{n: a[first:end].copy() if isinstance(a, np.ndarray) else a for n, a in arrays.items()})


def cut_in_parts(steps: RolloutSteps, clip_steps: int, fraction: float, lengths: list[int]) -> Segments:
    """Cut fragment after fragment, each overwritten with poison afterwards, as a runner fills its arrays anew."""
    cutter = SegmentCutter(clip_steps, fraction, np.random.default_rng(5))
    found, first = [], 0
    for length in lengths:
        fragment = part_of(steps, first, first + length)
        found.append(cutter.cut(fragment))
        for name in ("observations", "actions", "true_rewards", "render_states"):
            getattr(fragment, name)[...] = -99
        first += length
    assert first == len(steps.episode_ids)
    return Segments.concatenate(found)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("clip_steps", [1, 2, 7])
def test_windows_are_whole_consecutive_and_in_one_episode(seed: int, clip_steps: int) -> None:
    steps = stream(seed, steps=200, envs=3, resets=bool(seed % 2))
    segments = SegmentCutter(clip_steps, 1.0, np.random.default_rng(0)).cut(steps)
    used: set[tuple[int, int]] = set()
    assert len(segments)
    for i in range(len(segments)):
        env, times = int(segments.observations[i, 0, 0]), segments.observations[i, :, 1].astype(int)
        assert (segments.observations[i, :, 0] == env).all()
        assert (np.diff(times) == 1).all() and len(times) == clip_steps
        assert (steps.episode_ids[times, env] == segments.episode_ids[i]).all() and segments.episode_ids[i] >= 0
        assert (steps.episode_steps[times, env] == segments.first_steps[i] + np.arange(clip_steps)).all()
        assert (segments.actions[i] == steps.actions[times, env]).all()
        assert (segments.true_rewards[i] == steps.true_rewards[times, env]).all()
        assert (segments.render_states[i] == steps.render_states[times, env]).all()
        last = steps.ended[times[-1], env]
        overlap = used & {(env, t) for t in times}
        assert last or not overlap
        used |= {(env, t) for t in times}
    # Nothing whole is missed: each episode gives length // K windows, and its last K steps where they aren't a tile.
    ids, lengths = np.unique(steps.episode_ids[steps.episode_ids >= 0], return_counts=True)
    extra = np.isin(ids, steps.episode_ids[steps.ended]) & (lengths % clip_steps != 0) & (lengths > clip_steps)
    assert len(segments) == (lengths // clip_steps).sum() + extra.sum()


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize(("clip_steps", "fraction"), [(1, 1.0), (6, 1.0), (6, 0.4)])
def test_fragments_give_the_segments_of_the_uncut_stream(seed: int, clip_steps: int, fraction: float) -> None:
    steps = stream(seed, steps=150, envs=4, resets=bool(seed % 2))
    rng = np.random.default_rng(seed)
    lengths: list[int] = []
    while sum(lengths) < 150:  # also fragments much shorter than a window
        lengths.append(min(int(rng.integers(1, 20)), 150 - sum(lengths)))
    whole = cut_in_parts(steps, clip_steps, fraction, [150])
    parts = cut_in_parts(steps, clip_steps, fraction, lengths)
    for field in dataclasses.fields(Segments):
        expected, found = getattr(whole, field.name), getattr(parts, field.name)
        assert found.dtype == expected.dtype
        np.testing.assert_array_equal(found, expected, err_msg=field.name)


def test_a_window_that_began_before_the_cutter_did_is_not_offered() -> None:
    steps = part_of(stream(0, steps=60, envs=1, longest=2), 0, 60)
    steps.episode_ids[:] = 0
    steps.ended[:] = False
    steps.episode_steps[:, 0] = np.arange(13, 73)  # a runner that was restarted in mid-episode
    segments = SegmentCutter(10, 1.0, np.random.default_rng(0)).cut(steps)
    assert segments.first_steps.tolist() == [20, 30, 40, 50, 60]


def test_the_offered_share_is_the_configured_one() -> None:
    steps = stream(1, steps=4_000, envs=8, longest=400)
    everything = len(SegmentCutter(5, 1.0, np.random.default_rng(0)).cut(steps))
    offered = len(SegmentCutter(5, 0.3, np.random.default_rng(0)).cut(steps))
    # 5 standard deviations of a binomial: fails once in 1.7 million seeds, and the seed is fixed.
    assert abs(offered - 0.3 * everything) < 5 * np.sqrt(everything * 0.3 * 0.7)
    assert len(SegmentCutter(5, 0.0, np.random.default_rng(0)).cut(steps)) == 0


def test_a_segment_carries_its_time_and_policy() -> None:
    segments = SegmentCutter(4, 1.0, np.random.default_rng(0)).cut(stream(0, steps=50, envs=2))
    assert (
        set(segments.env_steps) == {100} and set(segments.policy_versions) == {3} and set(segments.segment_ids) == {-1}
    )


def test_images_are_cut_over_fragments() -> None:
    frames = np.random.default_rng(0).integers(256, size=(12, 2, 4, 84, 84), dtype=np.uint8)
    cutter = SegmentCutter(8, 1.0, np.random.default_rng(0))
    found = []
    for first in (0, 6):
        found.append(
            cutter.cut(
                RolloutSteps(
                    observations=frames[first : first + 6],
                    actions=np.zeros((6, 2), np.int64),
                    true_rewards=np.zeros((6, 2), np.float32),
                    render_states=np.empty((6, 2, 0)),
                    episode_ids=np.arange(2)[None].repeat(6, axis=0),
                    episode_steps=np.arange(first, first + 6)[:, None].repeat(2, axis=1),
                    ended=np.zeros((6, 2), np.bool_),
                    env_steps=0,
                    policy_version=0,
                )
            )
        )
    assert [len(f) for f in found] == [0, 2]
    assert found[1].observations.dtype == np.uint8 and found[1].render_states.shape == (2, 8, 0)
    np.testing.assert_array_equal(found[1].observations, frames[:8].swapaxes(0, 1))


def test_cutting_costs_the_rollout_almost_nothing() -> None:
    """Half-cheetah's fragment: 0.4 ms on an idle core; the bound is ten times the allowed 2 ms for a busy machine."""
    shape = (256, 16)
    steps = RolloutSteps(
        observations=np.zeros((*shape, 17), np.float32),
        actions=np.zeros((*shape, 6), np.float32),
        true_rewards=np.zeros(shape, np.float32),
        render_states=np.zeros((*shape, 18)),
        episode_ids=np.zeros(shape, np.int64) + np.arange(16),
        episode_steps=np.arange(256)[:, None].repeat(16, axis=1),
        ended=np.zeros(shape, np.bool_),
        env_steps=0,
        policy_version=0,
    )
    cutter = SegmentCutter(30, 0.5, np.random.default_rng(0))
    seconds = []
    for _ in range(20):
        start = time.perf_counter()
        cutter.cut(steps)
        seconds.append(time.perf_counter() - start)
    assert np.median(seconds) < 0.02


@pytest.mark.parametrize("lengths", [[40], [7, 1, 20, 12], [1] * 40])
def test_stacked_frames_are_cut_once_each(lengths: list[int]) -> None:
    """Frames are numbered by time; each observation is 4 of them, and fragments overlap by the 3 before their first."""
    clip_steps, stack, total = 6, 4, sum(lengths)
    numbers = np.arange(total + stack - 1)
    frames = np.stack([numbers, 1000 + numbers], axis=1)[..., None]  # [.., N, 1]
    places = np.stack([np.arange(total) % 20, np.arange(total) % 13], axis=1)  # episodes of 20 and of 13 steps
    cutter = SegmentCutter(clip_steps, 1.0, np.random.default_rng(0))
    found, first = [], 0
    for length in lengths:
        steps = slice(first, first + length)
        fragment = RolloutSteps(
            observations=frames[first : first + length + stack - 1].copy(),
            actions=np.zeros((length, 2), np.int64),
            true_rewards=np.stack([np.arange(total)] * 2, axis=1)[steps].astype(np.float32),
            render_states=frames[steps].astype(np.uint8),
            episode_ids=(np.arange(total)[:, None] // [20, 13] * 2 + [0, 1])[steps],
            episode_steps=places[steps],
            ended=(places == [19, 12])[steps],
            env_steps=0,
            policy_version=0,
        )
        found.append(cutter.cut(fragment))
        fragment.observations[...] = -99
        first += length
    segments = Segments.concatenate(found)
    assert segments.observations.shape == (len(segments), clip_steps + stack - 1, 1)
    starts = segments.true_rewards[:, 0].astype(int)  # the time of the first step, whose newest frame is 3 later
    expected = starts[:, None] + np.arange(clip_steps + stack - 1)
    np.testing.assert_array_equal(segments.observations[..., 0] % 1000, expected)
    first_steps = sorted(zip((segments.observations[:, 0, 0] >= 1000).tolist(), starts.tolist(), strict=True))
    # tiles at 0, 6 and 12 of each 20 steps, and the last 6; at 0 and 6 of each 13, and the last 6
    twenty = [0, 6, 12, 14, 20, 26, 32, 34]
    thirteen = [0, 6, 7, 13, 19, 20, 26, 32, 33]
    assert first_steps == [(False, t) for t in twenty] + [(True, t) for t in thirteen]


def test_the_last_steps_of_an_episode_are_offered_though_no_tile_ends_there() -> None:
    places = np.arange(10)[:, None]
    steps = RolloutSteps(
        observations=places[..., None].astype(np.float32),
        actions=places,
        true_rewards=places.astype(np.float32),
        render_states=np.empty((10, 1, 0)),
        episode_ids=np.zeros((10, 1), np.int64),
        episode_steps=places,
        ended=places == 9,
        env_steps=0,
        policy_version=0,
    )
    segments = SegmentCutter(4, 1.0, np.random.default_rng(0)).cut(steps)
    assert segments.first_steps.tolist() == [0, 4, 6]
    assert SegmentCutter(5, 1.0, np.random.default_rng(0)).cut(steps).first_steps.tolist() == [0, 5]  # a tile is enough
    assert len(SegmentCutter(11, 1.0, np.random.default_rng(0)).cut(steps)) == 0
