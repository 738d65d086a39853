"""The RL algorithm's part of the configuration."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from rlhp_ray.config.part import (
    Fraction,
    NonNegativeFloat,
    NonNegativeInt,
    Part,
    PositiveFloat,
    PositiveInt,
)

Algorithm = Literal["ppo", "appo", "sac", "dqn"]
OFF_POLICY = ("sac", "dqn")
BATCH, OFF_POLICY_BATCH = 4096, 256  # agent.train_batch_size where it is null; for each learner, and of sac and dqn


class AgentPart(Part):
    """The RL algorithm."""

    algorithm: Algorithm = Field(
        "ppo",
        description="`ppo`: an update takes a fragment of every EnvRunner. `appo`: of one, as soon as it is there. "
        "`sac` (continuous actions), `dqn` (discrete): off-policy, from a replay buffer that is relabelled.",
    )
    num_env_runners: PositiveInt | None = Field(
        None, description="EnvRunner actors; null: by the cluster's CPUs ([docs/cluster.md](cluster.md))."
    )
    num_learners: NonNegativeInt | None = Field(
        None,
        description="Learner actors that share each update (sac and dqn: at most 1); 0: the driver learns itself; "
        "null: by the cluster's CPUs.",
    )
    gpus_per_learner: NonNegativeFloat | None = Field(
        None,
        description="GPUs that Ray reserves for each learner actor; null: one for images where nodes have several, "
        "half of the only one, whose other half is the reward trainer's.",
    )
    learner_threads: PositiveInt = Field(1, description="Threads of torch in each learner; sac gives its policy half.")
    envs_per_runner: PositiveInt = Field(16, description="Environments in each.")
    hidden_sizes: tuple[PositiveInt, ...] = Field(
        (64, 64), description="Layers of policy and of value, tanh; sac and dqn: (256, 256), ReLU."
    )
    train_batch_size: PositiveInt | None = Field(
        None,
        description="Env steps of a fragment of every EnvRunner; appo, sac and dqn update on each one's share by "
        "itself. null: 4096 (sac, dqn: 256), and as much for each learner where there are several.",
    )
    minibatch_size: PositiveInt | None = Field(
        None, description="Steps of a gradient step, over all learners; null: 256 for each learner."
    )
    num_epochs: PositiveInt = Field(10, description="Passes over a batch (ppo, appo).")
    replay_env_steps: PositiveInt = Field(
        1_000_000, description="Env steps that the replay buffer holds (sac, dqn); the oldest are overwritten."
    )
    pretraining_env_steps: NonNegativeInt = Field(
        0,
        description="Env steps before the first labels in which the agent learns to see as many different states as it "
        "can (sac); its first clips then show more [pretraining].",
    )
    learning_starts: NonNegativeInt = Field(5_000, description="Env steps in the buffer before the first update.")
    updates_per_env_step: PositiveFloat = Field(1.0, description="Gradient steps an env step (sac, dqn).")
    target_rate: Annotated[float, Field(gt=0, le=1)] = Field(
        0.005, description="How far the target networks follow at each gradient step (sac, dqn)."
    )
    exploration_env_steps: PositiveInt = Field(
        20_000, description="Env steps over which random actions become rare (dqn)."
    )
    exploration_final: Fraction = Field(0.05, description="Share of random actions from then on (dqn).")
    learning_rate: PositiveFloat = Field(3e-4, description="Adam's step size.")
    learning_rate_schedule: Literal["constant", "linear"] = Field(
        "constant", description="`linear`: falls to zero at the end of the env steps."
    )
    gamma: Annotated[float, Field(gt=0, le=1)] = Field(0.99, description="Discount.")
    gae_lambda: Annotated[float, Field(ge=0, le=1)] = Field(0.95, description="GAE's lambda.")
    clip: PositiveFloat = Field(0.2, description="PPO's clipping of the ratio.")
    entropy_coefficient: NonNegativeFloat = Field(0.0, description="Entropy bonus.")
    bounds_coefficient: NonNegativeFloat = Field(
        0.0,
        description="Penalty on a Gaussian policy's means beyond the actions' bounds, squared (ppo, appo). Out there "
        "every action is clipped to the same one, so that a policy that an early predictor drove there learns nothing "
        "from later ones; the penalty brings it back.",
    )
    value_coefficient: NonNegativeFloat = Field(0.5, description="Weight of the value loss.")
    max_grad_norm: PositiveFloat = Field(0.5, description="Gradients are scaled down to this norm.")
    initial_log_std: float = Field(0.0, description="Log standard deviation of a new Gaussian policy.")
    final_log_std: float | None = Field(
        None,
        description="Where it is set, a Gaussian policy's noise isn't learned: its log standard deviation goes from "
        "`initial_log_std` to this in a line over the env steps (ppo, appo), so that no early predictor can talk the "
        "agent out of trying.",
    )
    reset_env_steps: tuple[PositiveInt, ...] = Field(
        (),
        description="After so many env steps policy and value begin anew (ppo, appo): what they learned from the first "
        "predictors may be a dead end for what they are to learn from later ones [resets].",
    )
    overlap: bool = Field(True, description="Sample the next batch while the learner updates (a lag of one batch).")

    @model_validator(mode="before")
    @classmethod
    def _by_algorithm(cls, given: Any) -> Any:
        """Defaults that are another algorithm's own."""
        if not isinstance(given, dict):
            return given
        own = {"hidden_sizes": (256, 256)} if given.get("algorithm") in OFF_POLICY else {}
        # pydantic takes a YAML list for a tuple, but not one that a validator has seen
        return own | {name: tuple(value) if isinstance(value, list) else value for name, value in given.items()}

    @property
    def off_policy(self) -> bool:
        """Whether it learns from a replay buffer."""
        return self.algorithm in OFF_POLICY

    @model_validator(mode="after")
    def _sizes_fit(self) -> AgentPart:
        """Those that are given; the others are made to fit them."""
        batch, minibatch = self.train_batch_size, self.minibatch_size
        runners, learners = self.num_env_runners or 1, self.num_learners or 0
        per_step = runners * self.envs_per_runner
        if batch is not None and batch % per_step:
            raise ValueError(
                f"agent.train_batch_size={batch} must be a multiple of "
                f"agent.num_env_runners x agent.envs_per_runner={per_step}, "
                "since every environment gives equally many steps"
            )
        if self.pretraining_env_steps and self.algorithm != "sac":
            raise ValueError("agent.pretraining_env_steps is for agent.algorithm=sac: 0 with any other")
        if self.entropy_coefficient and self.final_log_std is not None:
            raise ValueError(
                "agent.entropy_coefficient has nothing to change where agent.final_log_std gives the policy's noise: "
                "set one of them"
            )
        if self.off_policy:
            if learners > 1:
                raise ValueError(f"agent.algorithm={self.algorithm} has one learner: agent.num_learners=0 or 1")
            if self.replay_env_steps < self.learning_starts + (batch or OFF_POLICY_BATCH):
                raise ValueError(
                    "agent.replay_env_steps must be at least agent.learning_starts and one agent.train_batch_size, "
                    "else learning never starts"
                )
            return self
        if (minibatch or 0) > (batch or BATCH * max(1, learners)):
            raise ValueError("agent.minibatch_size must be at most agent.train_batch_size")
        sequences = self.envs_per_runner * (runners if self.algorithm == "ppo" else 1)
        if learners and (sequences % learners or (minibatch or 0) % learners):
            raise ValueError(
                f"agent.num_learners={learners} must divide agent.minibatch_size={minibatch} and "
                f"the {sequences} environments of an update, since every learner takes an equal share"
            )
        return self


class SizedAgentPart(AgentPart):
    """The RL algorithm of a run on its cluster: what was left to the cluster is decided (`rlhp_ray.config.sizing`)."""

    num_env_runners: PositiveInt
    num_learners: NonNegativeInt
    gpus_per_learner: NonNegativeFloat
    train_batch_size: PositiveInt
    minibatch_size: PositiveInt

    @property
    def fragment_steps(self) -> int:
        """Vector steps of one runner's fragment."""
        return self.train_batch_size // (self.num_env_runners * self.envs_per_runner)
