"""What all learners share: RLlib's Learner with its module and optimisers, our loops in arrays, and their snapshots.

RLlib's loop logs metrics, checks every gradient and slices Python batches at each minibatch; on small networks that
costs more than the mathematics.
"""

from __future__ import annotations

import abc
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from ray.rllib.core import ALL_MODULES, DEFAULT_MODULE_ID
from ray.rllib.core.learner.torch.torch_learner import TorchLearner
from ray.rllib.core.learner.training_data import TrainingData
from ray.rllib.utils.metrics import NUM_ENV_STEPS_SAMPLED_LIFETIME, NUM_ENV_STEPS_TRAINED_LIFETIME
from torch import Tensor, nn

from rlhp_ray.actors import keep_freed_memory
from rlhp_ray.agent import collective
from rlhp_ray.agent.networks import arrays_of, load_arrays
from rlhp_ray.config.agent import SizedAgentPart
from rlhp_ray.types import Array

# the keys of learner_config_dict: SizedAgentPart, the run's seed, its env steps
AGENT, SEED, BUDGET = "agent", "seed", "env_steps_budget"
MODULE_PREFIX = "module/"
_OPTIMIZER = "optimizer/"


class ArrayLearner(TorchLearner, abc.ABC):  # type: ignore[misc]  # RLlib is untyped
    """Updates a module from named arrays. With others it shares a batch and stays equal to them."""

    columns: ClassVar[Sequence[str]]  # the arrays that it learns from
    figures: ClassVar[Sequence[str]]  # what it tells of an update

    @abc.abstractmethod
    def learn(self, arrays: dict[str, Array], *, first_time: bool) -> tuple[Tensor, int]:
        """One update (all its gradient steps); the figures' means, and the rows that were learned from."""

    def build(self) -> None:
        """Build RLlib's learner; what is drawn comes from a generator of the run's seed."""
        self._part: SizedAgentPart = self.config.learner_config_dict[AGENT]
        seed = int(self.config.learner_config_dict[SEED])
        torch.set_num_threads(self._part.learner_threads)
        keep_freed_memory()
        torch.manual_seed(seed)  # new weights
        super().build()
        self._generator = torch.Generator().manual_seed(seed)
        collective.share(self.trained)

    def _make_modules_ddp_if_necessary(self) -> None:
        """Leave the module as it is: `collective` averages what DDP would, and what it wouldn't."""

    @property
    def device(self) -> torch.device:
        """Where the module is, and each batch goes: a GPU where RLlib was given one for the learner."""
        device: torch.device = self._device
        return device

    @property
    def trained(self) -> nn.Module:
        """The module that is trained."""
        module: nn.Module = self.module[DEFAULT_MODULE_ID].unwrapped()
        return module

    def update(self, *, training_data: TrainingData, timesteps: Any = None, **kwargs: Any) -> Any:
        """One update from one batch of arrays; returns RLlib's metrics."""
        training_data.validate()
        training_data.solve_refs()
        (arrays,) = training_data.batch.policy_batches.values()
        first_time = self._weights_seq_no == 0
        self._weights_seq_no += 1
        means, rows = self.learn(dict(arrays), first_time=first_time)
        for name, value in zip(self.figures, collective.mean(means).tolist(), strict=True):
            self.metrics.log_value((DEFAULT_MODULE_ID, name), value, window=1)
        trained = rows * collective.learners()
        self.metrics.log_value((ALL_MODULES, NUM_ENV_STEPS_TRAINED_LIFETIME), trained, reduce="lifetime_sum")
        self.after_gradient_based_update(timesteps=timesteps or {})
        return self.metrics.reduce()

    def snapshot(self) -> dict[str, Array]:
        """All that a learner would need to go on: weights, Adam's moments, the generator, the count of updates."""
        arrays = {f"{MODULE_PREFIX}{name}": array for name, array in arrays_of(self.trained).items()}
        for name, optimizer in self.get_optimizers_for_module(DEFAULT_MODULE_ID):
            for index, moments in optimizer.state_dict()["state"].items():
                arrays |= {f"{_OPTIMIZER}{name}/{index}/{field}": v.cpu().numpy() for field, v in moments.items()}
        arrays["generator"] = self._generator.get_state().numpy()
        arrays["weights_seq_no"] = np.asarray(self._weights_seq_no)
        return arrays

    def restore(self, arrays: dict[str, Array], *, env_steps: int) -> None:
        """Go on from a snapshot taken after so many env steps."""
        load_arrays(
            self.trained,
            {
                name.removeprefix(MODULE_PREFIX): array
                for name, array in arrays.items()
                if name.startswith(MODULE_PREFIX)
            },
        )
        for name, optimizer in self.get_optimizers_for_module(DEFAULT_MODULE_ID):
            prefix, moments = f"{_OPTIMIZER}{name}/", dict[int, dict[str, Tensor]]()
            for key, array in arrays.items():
                if key.startswith(prefix):
                    index, field = key.removeprefix(prefix).split("/")
                    moments.setdefault(int(index), {})[field] = torch.from_numpy(array.copy())
            optimizer.load_state_dict({**optimizer.state_dict(), "state": moments})
        self._generator.set_state(torch.from_numpy(arrays["generator"].copy()))
        self._weights_seq_no = int(arrays["weights_seq_no"])
        self.after_gradient_based_update(timesteps={NUM_ENV_STEPS_SAMPLED_LIFETIME: env_steps})  # the rate of then


def on_a_line(first: float, last: float, passed: float) -> float:
    """Between `first` and `last`, where so much of the way is done; from 1 on it is `last`."""
    return first + min(1.0, passed) * (last - first)
