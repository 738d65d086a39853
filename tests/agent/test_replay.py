"""The replay buffer, with fragments whose numbers say where they come from."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from rlhp_ray.agent.replay import ReplayBuffer
from rlhp_ray.rollouts.fragment import Fragment

ENVS = 2


class Stream:
    """A runner whose frame before step t of environment e is 1000 e + t, its action and reward t."""

    def __init__(self, runner: int = 1, stack: int = 1) -> None:
        self.runner, self.stack, self.steps = runner, stack, 0

    def next(self, steps: int, *, truncated: tuple[int, ...] = (), terminated: tuple[int, ...] = ()) -> Fragment:
        t = self.steps + np.arange(steps)
        frames = 1000.0 * np.arange(ENVS)[:, None] + self.steps + np.arange(1 - self.stack, steps + 1)
        each = np.broadcast_to(t, (ENVS, steps))
        self.steps += steps
        return Fragment(
            observations=frames[..., None].astype(np.float32),
            actions=each[..., None].astype(np.float32),
            action_logp=np.zeros((ENVS, steps), np.float32),
            rewards=each.astype(np.float32),
            terminated=np.isin(each, terminated),
            truncated=np.isin(each, truncated),
            estimates=None,
            runner=self.runner,
            episodes=(),
            policy_version=0,
            reward_version=0,
            rewarded_at=0.0,
            elapsed_seconds=0.0,
            predict_seconds=0.0,
        )


def buffer(steps: int = 40, *, runners: int = 1, stack: int = 1) -> ReplayBuffer:
    return ReplayBuffer(runners=runners, envs=ENVS, steps=steps, stack=stack, rng=np.random.default_rng(0))


def seen(replay: ReplayBuffer) -> set[float]:
    """The steps that are ever sampled, each looked at: 2,000 draws of at most 40 miss one once in 10^21."""
    rows = replay.sample(2_000)
    newest, following = rows["observations"].reshape(2_000, -1)[:, -1], rows["next_observations"].reshape(2_000, -1)
    np.testing.assert_array_equal(following[:, -1], newest + 1)
    np.testing.assert_array_equal(rows["actions"][:, 0], newest % 1000)
    np.testing.assert_array_equal(rows["rewards"], newest % 1000)
    if replay._stack > 1:
        stacked = rows["observations"].reshape(2_000, -1)
        np.testing.assert_array_equal(np.diff(stacked, axis=1), 1)
    return set(newest)


def of_both(steps: range) -> set[float]:
    return {1000.0 * env + step for env in range(ENVS) for step in steps}


def test_every_step_but_the_newest_is_sampled() -> None:
    replay, stream = buffer(), Stream()
    replay.add(stream.next(6))
    assert seen(replay) == of_both(range(5))
    replay.add(stream.next(6))
    assert seen(replay) == of_both(range(11))
    assert len(replay) == 24 and replay.usable == 22


def test_the_oldest_are_overwritten() -> None:
    replay, stream = buffer(40), Stream()
    for _ in range(7):
        replay.add(stream.next(6))
    assert len(replay) == 40
    assert seen(replay) == of_both(range(22, 41))


def test_stacked_frames_never_come_from_two_ends_of_the_ring() -> None:
    replay, stream = buffer(40, stack=4), Stream(stack=4)
    replay.add(stream.next(6))
    assert seen(replay) == of_both(range(3, 5))  # the first frames of the first stack aren't kept
    for _ in range(6):
        replay.add(stream.next(6))
    assert seen(replay) == of_both(range(25, 41))
    assert replay.sample(5)["observations"].shape == (5, 4, 1)


def test_a_step_that_a_time_limit_cut_is_left_out_and_a_terminated_one_says_so() -> None:
    replay, stream = buffer(), Stream()
    replay.add(stream.next(6, truncated=(2, 5), terminated=(4,)))
    replay.add(stream.next(3))
    assert seen(replay) == of_both(range(8)) - of_both(range(2, 3)) - of_both(range(5, 6))
    rows = replay.sample(500)
    np.testing.assert_array_equal(rows["terminated"], rows["rewards"] == 4)


def test_a_runner_that_came_back_leaves_a_gap() -> None:
    replay, stream = buffer(), Stream()
    replay.add(stream.next(4))
    stream.steps = 20
    replay.add(stream.next(4))
    assert seen(replay) == of_both(range(3)) | of_both(range(20, 23))


def test_runners_have_rings_of_their_own() -> None:
    replay = buffer(40, runners=2)
    first, second = Stream(1), Stream(2)
    second.steps = 100
    replay.add(first.next(6))
    replay.add(second.next(4))
    assert seen(replay) == of_both(range(5)) | of_both(range(100, 103))


@pytest.mark.parametrize("stack", [1, 3])
def test_relabelling_reaches_every_step(stack: int) -> None:
    replay, stream = buffer(40, stack=stack), Stream(stack=stack)
    for _ in range(5):
        replay.add(stream.next(6))
    steps = 0
    for block in replay.blocks(8):
        assert block.observations.shape[1] == block.actions.shape[1] + stack - 1
        replay.relabel(block, -block.actions[..., 0])
        steps += block.actions[..., 0].size
    assert steps == len(replay) == 40
    rows = replay.sample(500)
    np.testing.assert_array_equal(rows["rewards"], -rows["actions"][:, 0])


def test_what_is_written_meanwhile_keeps_its_own_reward() -> None:
    replay, stream = buffer(20), Stream()
    replay.add(stream.next(10))
    (block,) = replay.blocks(100)
    replay.add(stream.next(4))
    replay.relabel(block, np.full((ENVS, 10), -1, np.float32))
    rows = replay.sample(500)
    np.testing.assert_array_equal(rows["rewards"], np.where(rows["actions"][:, 0] < 10, -1, rows["actions"][:, 0]))


def test_a_snapshot_holds_it_all() -> None:
    replay, stream = buffer(), Stream()
    replay.add(stream.next(7))
    other = buffer()
    other.restore(replay.snapshot())
    assert len(other) == len(replay) and seen(other) == seen(replay)
    other.add(Stream(1).next(4))  # the runner begins anew
    assert seen(other) == of_both(range(6))
    empty = buffer()
    empty.restore(buffer().snapshot())
    assert len(empty) == 0


def test_it_may_be_sampled_while_it_is_written_and_relabelled() -> None:
    replay, stream = buffer(1_000), Stream()
    replay.add(stream.next(10))
    ended = threading.Event()

    def relabel() -> None:
        while not ended.is_set():
            for block in replay.blocks(50):
                replay.relabel(block, block.actions[..., 0])

    thread = threading.Thread(target=relabel)
    thread.start()
    for _ in range(200):
        replay.add(stream.next(7))
        rows = replay.sample(100)
        np.testing.assert_array_equal(rows["rewards"], rows["actions"][:, 0])
    ended.set()
    thread.join()
