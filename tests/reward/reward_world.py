"""A world for the reward trainer whose true reward is a known function of observation and action."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np

from rlhp_ray.config.schema import RewardPart, SegmentsPart
from rlhp_ray.predictor import StepInputs
from rlhp_ray.preferences import Audits
from rlhp_ray.preferences.collector import Collector
from rlhp_ray.reward import RewardTrainer
from rlhp_ray.segments.store import SegmentStore
from rlhp_ray.segments.tables import LocalTables
from rlhp_ray.storage.run_folder import RunFolder
from rlhp_ray.types import Answer, Array, Choice, Query, Segments

OBSERVATION_SIZE, ACTION_SIZE, CLIP_STEPS = 5, 2, 10
SEED = 3


def true_reward(observations: Array, actions: Array) -> Array:
    """Nonlinear in both: [..., 5], [..., 2] -> [...]."""
    nonlinear = np.tanh(observations[..., 0] / 10) + 0.25 * observations[..., 1] * actions[..., 0]
    return np.asarray(nonlinear + observations[..., 4] - actions[..., 1])


def make_segments(count: int, rng: np.random.Generator, clip_steps: int = CLIP_STEPS) -> Segments:
    """Random behaviour: each segment around its own state and action; observations of very different scales."""
    scales = np.array([10.0, 1.0, 0.1, 100.0, 1.0])
    centre = rng.normal(size=(count, 1, OBSERVATION_SIZE + ACTION_SIZE))
    steps = centre + 0.5 * rng.normal(size=(count, clip_steps, OBSERVATION_SIZE + ACTION_SIZE))
    observations = steps[..., :OBSERVATION_SIZE] * scales + [0, 0, 5, 0, 0]
    actions = steps[..., OBSERVATION_SIZE:].astype(np.float32)
    zeros = np.zeros(count, dtype=np.int64)
    return Segments(
        segment_ids=zeros - 1,
        observations=observations,
        actions=actions,
        true_rewards=true_reward(observations, actions).astype(np.float32),
        render_states=np.zeros((count, clip_steps, 0)),
        episode_ids=zeros,
        first_steps=zeros,
        env_steps=zeros,
        policy_versions=zeros,
    )


@dataclasses.dataclass
class World:
    """A run folder with a real store and a real collector, an oracle, and trainers over them."""

    folder: RunFolder
    audit_fraction: float = 0.0
    clock: float = 0.0

    def __post_init__(self) -> None:
        self.rng = np.random.default_rng([SEED, *b"world"])
        self.store = SegmentStore(self.folder, SegmentsPart(), SEED, LocalTables())
        self.collector = Collector(
            self.folder, lease_seconds=60, audits=Audits(self.audit_fraction), seed=SEED, clock=lambda: 0.0
        )
        self.answered = 0

    def teach(
        self, count: int, choose: Callable[[float, float], Choice] | None = None, *, teacher: str = "oracle"
    ) -> list[str]:
        """Ask and answer so many new pairs, by the true return unless told otherwise; the answers' ids."""
        segments = make_segments(2 * count, self.rng)
        ids = self.store.add_kept(segments).reshape(-1, 2).tolist()
        returns = segments.true_rewards.sum(1).reshape(-1, 2).tolist()
        self.collector.ask([Query(a, b, 0.0, "test", 0, 0) for a, b in ids])
        answers = []
        for (a, b), (first, second) in zip(ids, returns, strict=True):
            choice = choose(first, second) if choose else (Choice.LEFT if first > second else Choice.RIGHT)
            self.answered += 1
            query_id = Query(a, b, 0.0, "test", 0, 0).query_id
            answers.append(
                Answer(f"answer-{self.answered}", query_id, a, b, choice, teacher, float(self.answered), 1.0)
            )
        self.collector.answer_all(answers)
        return [answer.answer_id for answer in answers]

    def trainer(self, *, lockstep: bool = True, seed: int = SEED, **fields: object) -> RewardTrainer:
        """A trainer over what is in the folder now; its clock is the world's."""
        return RewardTrainer(
            self.folder,
            RewardPart(**({"initial_epochs": 30} | fields)),  # type: ignore[arg-type]  # fields are the test's
            seed,
            inputs=StepInputs((OBSERVATION_SIZE,), ACTION_SIZE, discrete=False),
            collector=self.collector,
            store=self.store,
            lockstep=lockstep,
            clock=lambda: self.clock,
        )

    def restart(self) -> World:
        """What another process finds in the folder."""
        world = World(self.folder, self.audit_fraction, self.clock)
        world.rng, world.answered = self.rng, self.answered
        return world
