"""The reward trainer: takes new preferences in, trains the ensemble at its pace and publishes versions.

It stands between the preference collector with the segment store, and the serving replicas (Christiano et al. 2017,
section 2.2: the third of the processes that run asynchronously). It never makes anybody wait: `step` does a bounded
piece of work, and all of it can be rebuilt from the run folder.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable

import numpy as np
import torch
from torch import Tensor

from rlhp_ray.config.schema import RewardPart
from rlhp_ray.predictor.ensemble import Architecture, make_ensemble
from rlhp_ray.predictor.inputs import StepInputs
from rlhp_ray.predictor.published import PublishedEnsemble
from rlhp_ray.predictor.versions import PublishedVersions
from rlhp_ray.preferences.collector import Collector
from rlhp_ray.reward.answer_clock import AnswerClock
from rlhp_ray.reward.judge import Judge, Novelty
from rlhp_ray.reward.optimizer import EnsembleOptimizer
from rlhp_ray.reward.pacing import Pacing
from rlhp_ray.reward.trainer_report import TrainerReport
from rlhp_ray.reward.trainer_state import TrainerCounters, TrainerStates
from rlhp_ray.reward.training_set import TrainingSet
from rlhp_ray.reward.windows import random_window
from rlhp_ray.segments.store import SegmentStore
from rlhp_ray.storage.run_folder import RunFolder
from rlhp_ray.telemetry import State, health
from rlhp_ray.types import Preference

STEP_SECONDS = 0.3  # async: the work of one step
MAX_TAKE_IN_SECONDS = 1.0  # async: answers are waited for so long at most; those of one interval share minibatches
STEP_LABELS = 4096  # lockstep: the same, so that time has no say in the results
FETCHED_LABELS = 128  # at a time, since clips of images are large
L2_INTERVAL_LABELS = 2048  # processed between two looks at the validation loss
EVALUATED_LABELS = 256
SCALE_GROWTH = 1.1  # the scale of inputs is taken anew when the labelled segments have grown by this
FRESH_WINDOW_LABELS = 100
VECTOR_OUTPUT_STEPS, IMAGE_OUTPUT_STEPS = 8_192, 1_024  # recent behaviour that the output is normalised over
NOVELTY_ENV_STEPS = 16_384  # between two looks at how the newest behaviour differs from the labelled one
NEWEST_CLIPS, NEWEST_IMAGE_CLIPS = 64, 8
IMAGE_DROPOUT = 0.5  # paper, appendix A
LEAST_STD = 1e-6
MORE_LABELS = 10  # asked for by each look that says `hacked`, where the config wants it


class RewardTrainer:
    """Owns the ensemble and its optimiser; state and versions lie under predictor/ in the run folder."""

    def __init__(
        self,
        folder: RunFolder,
        part: RewardPart,
        seed: int,
        *,
        inputs: StepInputs,
        collector: Collector,
        store: SegmentStore,
        lockstep: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin anew, or go on from what lies in the run folder. CorruptDataError where that is damaged.

        `lockstep`: work is bounded by labels instead of seconds, and each step that trained publishes.
        """
        self._part, self._inputs = part, inputs
        self._collector, self._store = collector, store
        self._lockstep, self._clock = lockstep, clock
        batches_seed, torch_seed = np.random.SeedSequence([seed, *b"reward"]).spawn(2)
        self._rng = np.random.default_rng(batches_seed)
        self._generator = torch.Generator().manual_seed(int(torch_seed.generate_state(1)[0]))  # weights and dropout
        self._optimizer = EnsembleOptimizer(
            make_ensemble(_architecture(part, inputs), self._generator),
            learning_rate=part.learning_rate,
            l2_initial=part.l2_initial,
            error_probability=part.error_probability,
        )
        self._output_std = torch.ones(part.members)  # of the newest version
        self._labels = TrainingSet(inputs, members=part.members, seed=seed, window=part.label_window)
        self._judge = Judge(self._optimizer, self._labels, batch_labels=part.batch_labels)
        self._versions = PublishedVersions(folder)
        self._states = TrainerStates(folder)
        self._counters = TrainerCounters()
        self._resume()
        self._pacing = Pacing(part, self._labels, self._counters, self._rng)
        self._evaluated_at_labels = self._counters.labels_processed
        self._taken_in_at = -math.inf
        self._labels_in_force = 0  # when answers were last taken in
        self._disagreement: list[float] = []  # on the newest answers, each before it was trained on
        self._novelty: Novelty | None = None
        self._hacked = False  # at the newest look
        self._more_labels = 0
        self._novelty_at_env_steps = -NOVELTY_ENV_STEPS  # so that the first look is at once
        self._answer_clock = AnswerClock()
        self._published_at = clock()
        self._published_at_labels = self._counters.labels_processed

    def __repr__(self) -> str:
        return f"RewardTrainer(version {self._counters.version}, {len(self._labels)} labels)"

    def first_training(self) -> TrainerReport:
        """Train `initial_epochs` passes over the labels there are, and publish the first version.

        After a restart it brings the newest version back instead. Without labels it does nothing.
        """
        if self._counters.labels_processed:
            return self._report(published=self._versions.newest())
        self._take_in()
        wanted = self._part.initial_epochs * len(self._labels)
        while self._counters.labels_processed < wanted:
            self._train(self._pacing.random_slots(self._part.batch_labels))
        self._pacing.cover_all()
        return self._publish() if wanted else self._report(idle=True)

    def step(self, env_steps: int) -> TrainerReport:
        """A bounded piece of work after so many env steps of the run; publishes where there is reason to."""
        if not self._counters.labels_processed:
            return self._report(idle=True)
        self._answer_clock.advance(env_steps)
        begun_at, begun_labels = self._clock(), self._counters.labels_processed
        interval = min(MAX_TAKE_IN_SECONDS, self._part.publish_seconds)
        if self._lockstep or begun_at - self._taken_in_at >= interval:
            self._taken_in_at = begun_at
            self._take_in()
        self._pacing.grant(env_steps)
        self._look_at_newest(env_steps)
        while (slots := self._pacing.next_slots()) is not None:
            self._train(slots)
            worked_labels = self._counters.labels_processed - begun_labels
            if worked_labels >= STEP_LABELS if self._lockstep else self._clock() - begun_at >= STEP_SECONDS:
                break
        if self._publish_due():
            return self._publish()
        return self._report(idle=self._counters.labels_processed == begun_labels)

    def save(self) -> None:
        """Write the trainer's state to the run folder; publishing does so too."""
        tensors = self._optimizer.state() | {"output_std": self._output_std}
        self._states.write(self._counters, tensors, self._rng, self._generator)

    def _resume(self) -> None:
        state = self._states.read(self._rng, self._generator)
        if state is not None:
            self._counters, tensors = state
            self._output_std = tensors.pop("output_std")
            self._optimizer.load_state(tensors)
            # What came after this position of the log is taken in, as new, by the next step.
            position = self._counters.position
            later = {p.preference_id for p in self._collector.preferences(position).added}
            self._add([p for p in self._collector.preferences(0).added if p.preference_id not in later])
        self._counters.version = max(self._counters.version, self._versions.highest_version())

    def _take_in(self) -> None:
        """Bring the training set to what the answer log says now."""
        changes = self._collector.preferences(self._counters.position)
        self._pacing.forget(sum(name in self._labels for name in changes.removed))
        self._labels.remove(changes.removed)
        self._add(changes.added)
        if self._counters.labels_processed:
            names = [p.preference_id for p in changes.added if p.preference_id in self._labels]
            hits, disagreement = self._judge.answers(self._labels.slots_of(names), self._output_std)
            self._counters.fresh_hits += hits
            del self._counters.fresh_hits[:-FRESH_WINDOW_LABELS]
            self._disagreement += disagreement
            del self._disagreement[:-FRESH_WINDOW_LABELS]
        self._pacing.queue(changes.added)
        if any(not preference.audit for preference in changes.added):
            self._answer_clock.answered()
        self._counters.position, self._labels_in_force = changes.position, changes.labels

    def _add(self, preferences: list[Preference]) -> None:
        kept = self._labels.window_of(preferences)
        for first in range(0, len(kept), FETCHED_LABELS):
            some = kept[first : first + FETCHED_LABELS]
            self._labels.add(some, self._store.fetch(self._labels.missing(some), states=False))
        if kept:
            self._refresh_input_scale()

    def _refresh_input_scale(self) -> None:
        segments = self._labels.segment_count
        if self._inputs.images or segments < SCALE_GROWTH * self._counters.scale_segments:
            return
        self._optimizer.set_input_scale(*self._labels.observation_scale())
        self._counters.scale_segments = segments

    def _look_at_newest(self, env_steps: int) -> None:
        """How the newest behaviour differs from the labelled one, at an interval of env steps."""
        if env_steps < self._novelty_at_env_steps + NOVELTY_ENV_STEPS:
            return
        self._novelty_at_env_steps = env_steps
        newest = self._store.newest(NEWEST_IMAGE_CLIPS if self._inputs.images else NEWEST_CLIPS)
        self._novelty = self._judge.novelty(newest, self._output_std)
        seen = health(self._report().metrics())
        self._hacked = seen is not None and seen.state is State.HACKED
        if self._hacked and self._part.when_hacked == "ask":
            self._more_labels += MORE_LABELS

    def _train(self, slots: Tensor) -> None:
        batch, part = self._labels.minibatch(slots), self._part
        steps = (self._labels.clip_steps, part.crop_steps, part.longest_crop_steps)
        self._optimizer.train(random_window(batch, *steps, self._rng))
        counters = self._counters
        counters.labels_processed += len(slots)
        if counters.labels_processed - self._evaluated_at_labels >= L2_INTERVAL_LABELS:
            training, validation = self._evaluate()
            if self._part.l2_adaptive:
                self._optimizer.adapt_l2(training, validation)

    def _evaluate(self) -> tuple[Tensor, Tensor]:
        """Training and validation loss [M] of the members now; NaN: too little is held out."""
        training, validation = self._judge.losses(self._pacing.random_slots(EVALUATED_LABELS))
        self._counters.train_loss = _mean(training.tolist())
        self._counters.validation_loss = _mean(validation.tolist())
        self._evaluated_at_labels = self._counters.labels_processed
        return training, validation

    def _publish_due(self) -> bool:
        if self._counters.labels_processed == self._published_at_labels:
            return False
        if self._hacked and self._part.when_hacked == "hold" and not self._pacing.newly_covered:
            return False
        if self._lockstep or (self._pacing.newly_covered and not self._counters.fresh):
            return True
        return self._clock() - self._published_at >= self._part.publish_seconds

    def _publish(self) -> TrainerReport:
        """Normalise the output over recent behaviour, save the state and publish the next version."""
        counters = self._counters
        std, mean = torch.std_mean(self._optimizer.rewards(self._recent_steps()), dim=1, correction=0)
        self._output_std = std.clamp(min=LEAST_STD)
        counters.version += 1
        hits, _ = self._judge.answers(self._labels.audit_slots(), self._output_std)
        counters.audit_accuracy, counters.audit_answers = _mean(hits), len(hits)
        if counters.train_loss is None:
            self._evaluate()
        published = PublishedEnsemble(
            counters.version,
            self._optimizer.ensemble,
            output_mean=mean,
            output_std=self._output_std,
            normalized_std=self._part.normalized_std,
        )
        self.save()
        payload = self._versions.publish(published)
        self._published_at = self._clock()
        self._published_at_labels = counters.labels_processed
        answered_at, self._pacing.newly_covered = self._pacing.newly_covered, []
        return self._report(published=payload, answered_at=answered_at)

    def _recent_steps(self) -> Tensor:
        """Inputs [N, *inputs.shape]: the store's newest candidates, and as much of the newest labelled segments."""
        count = (IMAGE_OUTPUT_STEPS if self._inputs.images else VECTOR_OUTPUT_STEPS) // 2
        labelled = self._labels.newest_steps(count)
        candidates = self._store.sample(max(1, count // self._labels.clip_steps), recency=1.0)
        if not len(candidates):
            return labelled
        return torch.cat([labelled, self._labels.steps_of(candidates)])

    def _report(
        self, *, published: bytes | None = None, answered_at: Iterable[float] = (), idle: bool = False
    ) -> TrainerReport:
        counters = self._counters
        return TrainerReport(
            version=counters.version,
            published=published,
            labels_trained=len(self._labels) - self._pacing.untrained,
            labels_covered=self._labels_in_force - self._pacing.untrained,
            env_steps_behind=self._pacing.env_steps_behind,
            labels_processed=counters.labels_processed,
            train_loss=counters.train_loss,
            validation_loss=counters.validation_loss,
            l2=tuple(self._optimizer.l2.tolist()),
            fresh_accuracy=_mean(counters.fresh_hits),
            audit_accuracy=counters.audit_accuracy,
            audit_answers=counters.audit_answers,
            disagreement=_mean(self._disagreement),
            more_labels=self._more_labels,
            novelty=self._novelty,
            unanswered=self._answer_clock.unanswered,
            answered_at=list(answered_at),
            idle=idle,
        )


def _architecture(part: RewardPart, inputs: StepInputs) -> Architecture:
    dropout = part.dropout if part.dropout is not None else IMAGE_DROPOUT if inputs.images else 0.0
    return Architecture(inputs, part.members, part.hidden_sizes, dropout)


def _mean(values: Iterable[float]) -> float | None:
    """Mean of what isn't NaN; None of nothing."""
    known = [value for value in values if value == value]
    return sum(known) / len(known) if known else None
