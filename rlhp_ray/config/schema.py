"""A run's configuration: every field, its default and its meaning. A default lives here and nowhere else.

Each component of the flow gets its own part, never all of it. docs/configuration.md is generated from here; the
teachers' and the agent's parts have files of their own. Sources in brackets are rows of docs/recipe.md (Christiano
et al. 2017, arXiv 1706.03741).
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import (
    BeforeValidator,
    Field,
    model_validator,
)

from rlhp_ray.config.agent import AgentPart
from rlhp_ray.config.labeling import LabelingPart
from rlhp_ray.config.part import (
    Fraction,
    NonNegativeFloat,
    NonNegativeInt,
    OneOfOrOwn,
    Part,
    PositiveFloat,
    PositiveInt,
)
from rlhp_ray.config.teacher import TeacherPart


class RunPart(Part):
    """Where the run's folder lies and what it is called."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=80)] = Field(
        "run", description="The run's name; its folder is `run.dir`/`run.name`."
    )
    condition: Annotated[str, Field(max_length=80)] | None = Field(
        None,
        description="What the run is an example of, by which reports and W&B group runs; null: told from algorithm, "
        "labels and teacher.",
    )
    dir: str = Field(
        "runs",
        description="Folder of runs: a path or any address that `pyarrow.fs` reads (`s3://...`, without credentials).",
    )
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
        description="The agent waits while it has taken more env steps than this for each label that its reward "
        "predictor has learned from, or while the training for so many (`reward.labels_per_env_step`) is still to be "
        "done; null: it never waits.",
    )


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
    until_env_steps: PositiveInt | None = Field(
        None, description="Env steps by which all labels have been asked, and after which none is; null: to the end."
    )
    clock: Literal["auto", "env_steps", "answers"] = Field(
        "auto", description="What the schedule counts; auto: answers with a paced teacher, else env steps."
    )
    open_queries: PositiveInt = Field(
        10,
        description="Queries kept open ahead of the teacher where the clock is answers; beside those that people hold.",
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
    longest_crop_steps: PositiveInt | None = Field(
        None, description="Windows are of every length from `crop_steps` to this one, or to the clip's; null: of one."
    )
    error_probability: Fraction = Field(0.1, description="Share of answers taken as uniform [errors of the person].")
    audit_fraction: Annotated[float, Field(ge=0, lt=1)] = Field(
        0.0, description="Share of answers never trained on, that measure the predictor."
    )
    audit_after_env_steps: NonNegativeInt | None = Field(
        None, description="All answers to queries asked after so many env steps are audit answers; null: none for that."
    )
    when_hacked: Literal["say", "ask", "hold"] = Field(
        "say",
        description="While the health of the reward is `hacked`: only say it; ask for more labels at once, within "
        "budget.labels; or hold new versions of the predictor back until it is over or new answers come.",
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
        0.5,
        description="Least time between two published versions while nothing new was answered; new answers are taken "
        "in as often, and each second at least.",
    )
    gpus: NonNegativeFloat | None = Field(
        None,
        description="GPUs that Ray reserves for the trainer; null: one for images where nodes have several, half of "
        "the only one.",
    )


class ServingPart(Part):
    """The Ray Serve deployment of the predictor and its clients."""

    replicas: PositiveInt | None = Field(
        None, description="Replicas at the start, and the least; null: one for each 8 EnvRunners, for images each 2."
    )
    max_replicas: PositiveInt | None = Field(None, description="Autoscale up to this; null: fixed.")
    cpus_per_replica: NonNegativeFloat = Field(0.0, description="CPUs that Ray reserves for a replica.")
    timeout_seconds: PositiveFloat = Field(30.0, description="A request fails after this.")
    retries: NonNegativeInt = Field(5, description="Tries again after a failed request.")

    @property
    def least_replicas(self) -> int:
        """Replicas at the start; one where nothing has decided it."""
        return self.replicas or 1

    @model_validator(mode="after")
    def _max_at_least_min(self) -> ServingPart:
        if self.max_replicas is not None and self.max_replicas < self.least_replicas:
            raise ValueError("serving.max_replicas must be at least serving.replicas, else it can't start")
        return self


class EvaluationPart(Part):
    """The policy on the task's true reward, at the end."""

    episodes: PositiveInt = Field(20, description="Episodes.")
    actions: Literal["greedy", "sampled"] = Field(
        "greedy",
        description="The deterministic policy's, or sampled as in training: in a game without chance the deterministic "
        "policy may play the same rally for ever.",
    )
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
    artifacts: bool = Field(
        False,
        description="When the run has ended, log its answers, the predictor and the policy as artifacts, each with the "
        "one that it was made from, and the definition of a report.",
    )


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


class PlacementPart(Part):
    """Which nodes take which processes: those that offer the custom resource of this name; where none does, all."""

    rollouts: str = Field("rlhp_rollouts", description="EnvRunners.")
    learner: str = Field("rlhp_learner", description="Learner actors.")
    trainer: str = Field("rlhp_trainer", description="The reward trainer.")
    predictor: str = Field("rlhp_predictor", description="Replicas of the reward predictor.")
    records: str = Field("rlhp_records", description="Segment store, collector, questioner and teachers.")
    page: str = Field("rlhp_page", description="The labelling page and what draws its clips.")


class Config(Part):
    """A run."""

    task: str = Field(
        description="A task of ours (`half-cheetah`), a Gymnasium id (`Hopper-v5`), one of the DeepMind Control Suite "
        "(`dm_control/fish-swim`) or `module:function`."
    )
    seed: NonNegativeInt = Field(0, description="Every random generator is made from it.")
    profile: bool = Field(
        False, description="Write a trace of each process while it trains, and a table of where the time went."
    )
    run: RunPart = RunPart()
    budget: BudgetPart = BudgetPart()
    teacher: TeacherPart = TeacherPart()
    labeling: LabelingPart = LabelingPart()
    queries: QueriesPart = QueriesPart()
    segments: SegmentsPart = SegmentsPart()
    reward: RewardPart = RewardPart()
    serving: ServingPart = ServingPart()
    agent: AgentPart = AgentPart()
    evaluation: EvaluationPart = EvaluationPart()
    wandb: WandbPart = WandbPart()
    ray: RayPart = RayPart()
    placement: PlacementPart = PlacementPart()

    @model_validator(mode="after")
    def _people_take_their_time(self) -> Config:
        if self.teacher.kind == "human" and self.run.mode == "lockstep":
            raise ValueError("teacher.kind=human needs run.mode=async, since nobody answers in lockstep")
        return self
