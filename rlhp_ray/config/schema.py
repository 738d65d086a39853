"""A run's configuration: every field, its default and its meaning. A default lives here and nowhere else.

Each component of the flow gets its own part, never all of it. docs/configuration.md is generated from this file.
Sources in brackets are rows of docs/recipe.md (Christiano et al. 2017, arXiv 1706.03741).
"""

from __future__ import annotations

import dataclasses
import re
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

PositiveInt = Annotated[int, Field(gt=0)]
NonNegativeInt = Annotated[int, Field(ge=0)]
PositiveFloat = Annotated[float, Field(gt=0)]
NonNegativeFloat = Annotated[float, Field(ge=0)]
Fraction = Annotated[float, Field(ge=0, le=1)]
Share = Annotated[float, Field(ge=0, lt=1)]


@dataclasses.dataclass(frozen=True)
class OneOfOrOwn:
    """Text that is one of these names, or names a user's own code as `module:function`."""

    names: tuple[str, ...]

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"anyOf": [{"enum": list(self.names)}, {"type": "string", "format": "module:function"}]}

    def _check(self, value: str) -> str:
        if value not in self.names and not re.fullmatch(r"\w+(\.\w+)*:\w+", value):
            raise PydanticCustomError("literal_error", "must be one of {names}", {"names": self.names})
        return value


class Part(BaseModel):
    """A frozen part of the configuration that refuses unknown fields."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class RunPart(Part):
    """Where the run's folder lies and what it is called."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=80)] = Field(
        "run", description="The run's name; its folder is `run.dir`/`run.name`."
    )
    dir: str = Field("runs", description="Folder of runs: a path or any address that `pyarrow.fs` reads (`s3://...`).")
    overwrite: bool = Field(False, description="Remove a folder of this name first, instead of refusing it.")
    mode: Literal["async", "lockstep"] = Field(
        "async",
        description="`async`: agent, teacher and trainer in parallel. `lockstep`: in turn, deterministic for a seed.",
    )
    checkpoint_seconds: PositiveFloat = Field(60.0, description="A checkpoint at least this often, in seconds.")
    report_seconds: PositiveFloat = Field(5.0, description="A line of metrics at least this often, in seconds.")
    patience_seconds: NonNegativeFloat = Field(
        300.0, description="How long a full disk or a run folder that is away is waited for before the run stops."
    )


class BudgetPart(Part):
    """When a run ends, and what holds the agent back."""

    env_steps: PositiveInt = Field(1_000_000, description="Environment steps of the agent's training.")
    labels: NonNegativeInt = Field(700, description="Labels (left, right or equal) asked of the teacher.")
    max_env_steps_per_label: PositiveFloat | None = Field(
        None,
        description="The agent waits while it has taken more env steps than this for each label; null: it never waits.",
    )


class OneTeacherPart(Part):
    """Who compares the clips, and how well. The oracle's ways to err are B-Pref's (docs/recipe.md, the teachers)."""

    kind: Annotated[str, OneOfOrOwn(("oracle", "recorded"))] = Field(
        "oracle",
        description="`oracle`: the true reward over the clip. `recorded`: the answers of an earlier run's export. "
        "`module:function`: your own (docs/own_use.md).",
    )
    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=40)] | None = Field(
        None, description="What its answers are signed with; null: its kind."
    )
    answers_per_minute: PositiveFloat | None = Field(None, description="Pace of a simulated person; null: at once.")
    tie_tolerance: NonNegativeFloat = Field(
        0.0, description="Oracle: clips whose true returns differ by at most this are equal."
    )
    equal_share: Share = Field(
        0.0,
        description="Oracle: share of the queries that are equal, those whose clips differ least of the newest 100.",
    )
    cant_tell_below: float | None = Field(
        None, description="Oracle: can't tell where both clips' true returns are below this; null: can always tell."
    )
    cant_tell_share: Share = Field(
        0.0,
        description="Oracle: share of the queries that it can't tell, those whose better clip is the worst of the "
        "newest 100.",
    )
    mistake_probability: Fraction = Field(0.0, description="Oracle: how often left and right are confused.")
    rationality: PositiveFloat | None = Field(
        None,
        description="Oracle: prefers left with probability 1/(1+exp(-rationality x (left - right true return))); "
        "null: always the better one.",
    )
    discount: Annotated[float, Field(gt=0, le=1)] = Field(
        1.0, description="Oracle: weight of each step's reward relative to the next step's; below 1 it is myopic."
    )
    path: str | None = Field(None, description="Recorded: the folder that `rlhp-ray export` wrote.")

    @property
    def signature(self) -> str:
        """What its answers are signed with."""
        return self.name or self.kind

    @property
    def errors(self) -> dict[str, Any]:
        """The oracle's fields that are other than by default."""
        fields = OneTeacherPart.model_fields
        return {name: getattr(self, name) for name in ORACLE_FIELDS if getattr(self, name) != fields[name].default}

    def problem(self) -> str | None:
        """What doesn't fit together in it."""
        if self.kind == "recorded" and self.path is None:
            return "teacher.kind=recorded needs teacher.path, the folder that `rlhp-ray export` wrote"
        if self.kind != "oracle" and self.errors:
            field = next(iter(self.errors))
            return f"teacher.{field} is the oracle's, but teacher.kind is {self.kind}: leave out one of them"
        if self.equal_share + self.cant_tell_share >= 1:
            return (
                "teacher.equal_share and teacher.cant_tell_share must be less than 1 together, else nothing is learned"
            )
        return None


ORACLE_FIELDS = (
    "tie_tolerance",
    "equal_share",
    "cant_tell_below",
    "cant_tell_share",
    "mistake_probability",
    "rationality",
    "discount",
)


class PanelTeacherPart(OneTeacherPart):
    """What one teacher of a panel has other than the rest."""

    @model_serializer(mode="wrap")
    def _only_what_was_given(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {name: value for name, value in serialize(self).items() if name in self.model_fields_set}


class TeacherPart(OneTeacherPart):
    """Who compares the clips, and how well. The oracle's ways to err are B-Pref's (docs/recipe.md, the teachers)."""

    panel: tuple[PanelTeacherPart, ...] = Field(
        (),
        description="Several teachers at once, each with what it has other than the fields above; empty: one teacher.",
    )

    def teachers(self) -> tuple[OneTeacherPart, ...]:
        """Each teacher with all its fields."""
        shared = OneTeacherPart(**{name: getattr(self, name) for name in OneTeacherPart.model_fields})
        return tuple(
            shared.model_copy(update={name: getattr(one, name) for name in one.model_fields_set}) for one in self.panel
        ) or (shared,)

    @model_validator(mode="after")
    def _fits(self) -> TeacherPart:
        teachers = self.teachers()
        for one in teachers:
            if problem := one.problem():
                raise ValueError(problem)
            if self.panel and "recorded" in (self.kind, one.kind):
                raise ValueError("teacher.kind=recorded can't be in teacher.panel, since it brings its own queries")
        names = [one.signature for one in teachers]
        twice = [name for name in names if names.count(name) > 1]
        if twice:
            raise ValueError(f"teacher.panel has {twice[0]} twice: give each of its teachers a name of its own")
        return self


class QueriesPart(Part):
    """Which pairs are asked, and when."""

    method: Annotated[str, OneOfOrOwn(("disagreement", "random"))] = Field(
        "disagreement",
        description="Pairs whose preference varies most over the ensemble; any pairs [query selection]; "
        "or `module:function` of your own (docs/own_use.md).",
    )
    candidates_per_query: PositiveInt = Field(10, description="Candidate pairs for each one asked [query selection].")
    recency: Fraction = Field(
        0.5, description="Share of candidate segments taken from the newest fifth of the pool; the rest from all of it."
    )
    schedule: Literal["annealed", "constant"] = Field(
        "annealed", description="Label rate: proportional to c/(T+c), or constant [label rate]."
    )
    annealing_env_steps: PositiveFloat = Field(2e6, description="c of the annealed schedule [label rate].")
    clock: Literal["auto", "env_steps", "answers"] = Field(
        "auto", description="What the schedule counts; auto: answers with a paced teacher, else env steps."
    )
    open_queries: PositiveInt = Field(
        10, description="Queries kept open ahead of the teacher where the clock is answers."
    )
    initial_fraction: Fraction = Field(
        0.25, description="Share of the labels asked of the untrained policy [first labels]."
    )
    lease_seconds: PositiveFloat = Field(120.0, description="A query taken and not answered is asked again after this.")


class SegmentsPart(Part):
    """Cutting, the pool of candidates, the durable shards."""

    clip_steps: PositiveInt | None = Field(None, description="Steps a clip; null: the task's own (1.5 s) [segment].")
    pool_segments: PositiveInt = Field(10_000, description="Candidates held; the oldest are dropped and counted.")
    pool_bytes: PositiveInt = Field(1_000_000_000, description="Bytes of candidates held.")
    offered_fraction: Fraction = Field(0.5, description="Share of the behaviour that is cut and offered as candidates.")


class RewardPart(Part):
    """The reward predictor and its training."""

    source: Annotated[Literal["learned", "true"], BeforeValidator(lambda value: "true" if value is True else value)] = (
        Field("learned", description="`true`: the task's own reward, as a baseline.")
    )
    members: PositiveInt = Field(3, description="Predictors in the ensemble [ensemble].")
    hidden_sizes: tuple[PositiveInt, ...] = Field((64, 64), description="MLP's layers, leaky ReLU 0.01 [predictor].")
    learning_rate: PositiveFloat = Field(1e-3, description="Adam's step size.")
    batch_labels: PositiveInt = Field(64, description="Preferences in a minibatch.")
    crop_steps: PositiveInt | None = Field(
        None, description="A minibatch takes a random window of so many steps of its clips; null: all of them [crops]."
    )
    error_probability: Fraction = Field(0.1, description="Share of answers taken as uniform [errors of the person].")
    audit_fraction: Annotated[float, Field(ge=0, lt=1)] = Field(
        0.0, description="Share of answers never trained on, that measure the predictor."
    )
    label_window: PositiveInt | None = Field(
        None, description="Only the newest so many labels train; null: all [label window]."
    )
    l2_initial: NonNegativeFloat = Field(1e-4, description="First l2 coefficient of each member [validation].")
    l2_adaptive: bool = Field(
        True, description="Tune l2 so that validation loss is 1.1 to 1.5 times training loss [validation]."
    )
    dropout: Annotated[float, Field(ge=0, lt=1)] | None = Field(
        None, description="On each convolution or hidden layer; null: 0.5 for images, none for vectors [dropout]."
    )
    normalized_std: PositiveFloat = Field(1.0, description="Standard deviation of predicted rewards [normalisation].")
    initial_epochs: PositiveInt = Field(200, description="Passes over the first labels before RL begins.")
    labels_per_env_step: PositiveFloat = Field(0.1, description="Labels processed an env step [pace of the trainer].")
    max_epochs: PositiveInt = Field(2_000, description="The trainer rests after so many passes over the labels it has.")
    publish_seconds: PositiveFloat = Field(
        0.5, description="Least time between two published versions while nothing new was answered."
    )
    gpus: NonNegativeFloat = Field(0.0, description="GPUs that Ray reserves for the trainer; it uses one for images.")


class ServingPart(Part):
    """The Ray Serve deployment of the predictor and its clients."""

    replicas: PositiveInt = Field(1, description="Replicas at the start, and the least.")
    max_replicas: PositiveInt | None = Field(None, description="Autoscale up to this; null: fixed.")
    cpus_per_replica: NonNegativeFloat = Field(0.0, description="CPUs that Ray reserves for a replica.")
    timeout_seconds: PositiveFloat = Field(30.0, description="A request fails after this.")
    retries: NonNegativeInt = Field(5, description="Tries again after a failed request.")

    @model_validator(mode="after")
    def _max_at_least_min(self) -> ServingPart:
        if self.max_replicas is not None and self.max_replicas < self.replicas:
            raise ValueError("serving.max_replicas must be at least serving.replicas, else it can't start")
        return self


Algorithm = Literal["ppo", "appo", "sac", "dqn"]
OFF_POLICY = ("sac", "dqn")


class AgentPart(Part):
    """The RL algorithm."""

    algorithm: Algorithm = Field(
        "ppo",
        description="`ppo`: an update takes a fragment of every EnvRunner. `appo`: of one, as soon as it is there. "
        "`sac` (continuous actions), `dqn` (discrete): off-policy, from a replay buffer that is relabelled.",
    )
    num_env_runners: PositiveInt = Field(1, description="EnvRunner actors.")
    num_learners: NonNegativeInt = Field(
        0, description="Learner actors that share each update (sac and dqn: at most 1); 0: the driver learns itself."
    )
    learner_threads: PositiveInt = Field(1, description="Threads of torch in each learner.")
    envs_per_runner: PositiveInt = Field(16, description="Environments in each.")
    hidden_sizes: tuple[PositiveInt, ...] = Field(
        (64, 64), description="Layers of policy and of value, tanh; sac and dqn: (256, 256), ReLU."
    )
    train_batch_size: PositiveInt = Field(
        4096,
        description="Env steps of a fragment of every EnvRunner; appo, sac (64) and dqn (64) update on each one's "
        "share by itself.",
    )
    minibatch_size: PositiveInt = Field(256, description="Steps of a gradient step, over all learners.")
    num_epochs: PositiveInt = Field(10, description="Passes over a batch (ppo, appo).")
    replay_env_steps: PositiveInt = Field(
        1_000_000, description="Env steps that the replay buffer holds (sac, dqn); the oldest are overwritten."
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
    value_coefficient: NonNegativeFloat = Field(0.5, description="Weight of the value loss.")
    max_grad_norm: PositiveFloat = Field(0.5, description="Gradients are scaled down to this norm.")
    initial_log_std: float = Field(0.0, description="Log standard deviation of a new Gaussian policy.")
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
        own = {"hidden_sizes": (256, 256), "train_batch_size": 64} if given.get("algorithm") in OFF_POLICY else {}
        # pydantic takes a YAML list for a tuple, but not one that a validator has seen
        return own | {name: tuple(value) if isinstance(value, list) else value for name, value in given.items()}

    @property
    def off_policy(self) -> bool:
        """Whether it learns from a replay buffer."""
        return self.algorithm in OFF_POLICY

    @model_validator(mode="after")
    def _sizes_fit(self) -> AgentPart:
        per_step = self.num_env_runners * self.envs_per_runner
        if self.train_batch_size % per_step:
            raise ValueError(
                f"agent.train_batch_size={self.train_batch_size} must be a multiple of "
                f"agent.num_env_runners x agent.envs_per_runner={per_step}, "
                "since every environment gives equally many steps"
            )
        if self.off_policy:
            if self.num_learners > 1:
                raise ValueError(f"agent.algorithm={self.algorithm} has one learner: agent.num_learners=0 or 1")
            if self.replay_env_steps < self.learning_starts + self.train_batch_size:
                raise ValueError(
                    "agent.replay_env_steps must be at least agent.learning_starts and one agent.train_batch_size, "
                    "else learning never starts"
                )
            return self
        if self.minibatch_size > self.train_batch_size:
            raise ValueError("agent.minibatch_size must be at most agent.train_batch_size")
        sequences = self.envs_per_runner * (self.num_env_runners if self.algorithm == "ppo" else 1)
        if self.num_learners and (sequences % self.num_learners or self.minibatch_size % self.num_learners):
            raise ValueError(
                f"agent.num_learners={self.num_learners} must divide agent.minibatch_size={self.minibatch_size} and "
                f"the {sequences} environments of an update, since every learner takes an equal share"
            )
        return self

    @property
    def fragment_steps(self) -> int:
        """Vector steps of one runner's fragment."""
        return self.train_batch_size // (self.num_env_runners * self.envs_per_runner)


class EvaluationPart(Part):
    """The deterministic policy on the task's true reward, at the end."""

    episodes: PositiveInt = Field(20, description="Episodes.")
    random_episodes: PositiveInt = Field(10, description="Episodes of a random policy, for comparison.")
    video: bool = Field(True, description="Write a video of one episode where the task can be rendered.")
    video_env_steps: PositiveInt | None = Field(
        None,
        description="While it trains too, a video of the newest checkpoint's policy this often; null: at the end only.",
    )
    plot: bool = Field(True, description="Write a picture of the learning curve.")


class WandbPart(Part):
    """Weights & Biases."""

    mode: Literal["off", "offline", "online"] = Field("off", description="Nothing leaves the machine unless `online`.")
    project: str = Field("rlhp_ray", description="W&B project.")
    entity: str | None = Field(None, description="W&B team or user; null: the account's own.")


class RayPart(Part):
    """The cluster."""

    address: str | None = Field(
        None, description="Of a running cluster (`auto`, `host:port`, `ray://...`); null: start one here."
    )
    num_cpus: PositiveInt | None = Field(
        None, description="CPUs of the cluster started here; null: all of this machine."
    )
    object_store_bytes: Annotated[int, Field(ge=80_000_000)] = Field(
        2_000_000_000, description="Object store of the cluster started here."
    )
    silent_seconds: PositiveFloat = Field(
        15.0, description="A process that doesn't answer for so long is said to hang."
    )
    restart_seconds: PositiveFloat = Field(60.0, description="One that hangs for so long is killed and started again.")
    dashboard: bool = Field(False, description="Start Ray's dashboard with the cluster started here.")


class Config(Part):
    """A run."""

    task: str = Field(description="A task of ours (`half-cheetah`), a Gymnasium id (`Hopper-v5`) or `module:function`.")
    seed: NonNegativeInt = Field(0, description="Every random generator is made from it.")
    profile: bool = Field(
        False, description="Write a trace of each process while it trains, and a table of where the time went."
    )
    run: RunPart = RunPart()
    budget: BudgetPart = BudgetPart()
    teacher: TeacherPart = TeacherPart()
    queries: QueriesPart = QueriesPart()
    segments: SegmentsPart = SegmentsPart()
    reward: RewardPart = RewardPart()
    serving: ServingPart = ServingPart()
    agent: AgentPart = AgentPart()
    evaluation: EvaluationPart = EvaluationPart()
    wandb: WandbPart = WandbPart()
    ray: RayPart = RayPart()
