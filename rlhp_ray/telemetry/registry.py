"""Every metric of a run, declared once: name, unit, meaning, what is healthy and what to do where it isn't.

The recorder writes no other. metrics.jsonl, W&B, Prometheus and `rlhp-ray status` go by it, and docs/metrics.md is
generated from it.
"""

from __future__ import annotations

import math

from rlhp_ray.telemetry.metric import Metric

COIN_TOSS_LOSS = round(math.log(2), 3)

METRICS: tuple[Metric, ...] = (
    # The run ------------------------------------------------------------------------------------------------------
    Metric("env_steps", "steps", "Environment steps that the learner has trained on.", kind="counter", prometheus=True),
    Metric("labels", "answers", "Answers in force that train the predictor: left, right or equal.", prometheus=True),
    Metric("wall_seconds", "seconds", "Time since the run began, its earlier parts included.", kind="counter"),
    Metric(
        "env_steps_per_second",
        "steps/s",
        "Pace of the learner over about the last 10 seconds.",
        prometheus=True,
    ),
    Metric(
        "labels_per_minute",
        "answers/min",
        "Pace of the teacher over about the last minute.",
        prometheus=True,
        zero=True,
    ),
    Metric(
        "true_return",
        "reward",
        "Mean return of the newest 20 episodes by the task's own reward, which the agent never sees.",
        prometheus=True,
    ),
    Metric(
        "predicted_return",
        "predicted reward",
        "Mean return of the same episodes by the predictor, normalised anew with each version.",
        prometheus=True,
    ),
    Metric(
        "return_correlation",
        "correlation",
        "Correlation of predicted and true return over the newest 100 episodes.",
        low=0.0,
        otherwise="the agent may exploit the predictor (reward hacking): watch a video, and give more labels",
    ),
    Metric("episode_steps", "steps", "Mean length of the newest 20 episodes."),
    Metric(
        "held_seconds",
        "seconds",
        "Time that the agent has waited for labels and their training, by budget.max_env_steps_per_label.",
        kind="counter",
    ),
    Metric(
        "predict_share",
        "share of their time",
        "Time that EnvRunners wait for predicted rewards.",
        high=0.1,
        otherwise="the predictor's replicas are too slow or too few: raise serving.replicas",
        prometheus=True,
    ),
    Metric(
        "answer_to_reward_seconds_p50",
        "seconds",
        "Half of the answers were in the agent's rewards after so long, from the answer to the first fragment that "
        "a predictor trained on it rewarded.",
        high=120.0,
        otherwise="the trainer or the EnvRunners are slow: lower agent.train_batch_size or give the run more CPUs",
        prometheus=True,
    ),
    Metric("answer_to_reward_seconds_p99", "seconds", "The same for 99 of 100 answers.", prometheus=True),
    Metric(
        "warnings",
        "metrics",
        "Metrics outside of their healthy range now; `rlhp-ray status` names them.",
        prometheus=True,
        zero=True,
    ),
    # Answers ------------------------------------------------------------------------------------------------------
    Metric("answers/asked", "queries", "Queries asked so far.", kind="counter", prometheus=True),
    Metric(
        "answers/open",
        "queries",
        "Queries that wait for an answer, the leased ones included.",
        prometheus=True,
        zero=True,
    ),
    Metric("answers/leased", "queries", "Open queries that a teacher looks at now."),
    Metric("answers/left", "answers", "Answers in force: the left clip is better."),
    Metric("answers/right", "answers", "Answers in force: the right clip is better."),
    Metric("answers/equal", "answers", "Answers in force: both are as good; they train with one half each."),
    Metric("answers/cant_tell", "answers", "Answers in force: can't tell; they train nothing."),
    Metric("answers/undone", "answers", "Answers that were taken back.", kind="counter"),
    Metric(
        "answers/withdrawn",
        "queries",
        "Queries that people needn't answer any more, since the predictor has become sure of the answer.",
        kind="counter",
    ),
    # People who answer (teacher.kind=human) -----------------------------------------------------------------------
    Metric("people/count", "people", "How many have answers in force."),
    Metric("people/seconds", "seconds", "Median over the people of their median seconds an answer."),
    Metric(
        "people/fleiss_kappa",
        "kappa",
        "How far people agree on the queries that several answered: 1 always, 0 as by chance.",
        low=0.2,
        otherwise="people see different goals in the task's sentence, or can't tell these clips apart: say it plainer",
    ),
    Metric(
        "people/least_kappa",
        "kappa",
        "Agreement with the others (Cohen's kappa) of who agrees least, of those with ten shared queries or more.",
        low=0.2,
        otherwise="somebody answers unlike all others: find them in the researcher's view of the page",
    ),
    Metric("people/self_consistency", "share", "Of the queries that came back to the same person: answered alike."),
    Metric(
        "people/side_bias",
        "share",
        "How far the share of left answers is from a half, of who favours a side most (ten shared queries or more).",
        high=0.25,
        otherwise="somebody favours a side, whatever it shows: find them in the researcher's view of the page",
    ),
    # The reward predictor -----------------------------------------------------------------------------------------
    Metric("reward/version", "version", "Newest published version of the predictor.", kind="counter", prometheus=True),
    Metric(
        "reward/version_lag",
        "versions",
        "How far the predictor that rewarded the newest fragment was behind it.",
        prometheus=True,
        zero=True,
    ),
    Metric(
        "reward/fresh_accuracy",
        "share",
        "How often the predictor agrees with an answer before it is trained on it, over the newest 100; ties left out.",
        low=0.55,
        otherwise="half is a coin toss: the clips may not show what is to be judged, or the teacher errs or is several",
        prometheus=True,
    ),
    Metric(
        "reward/audit_accuracy",
        "share",
        "How often it agrees with the answers that it is never trained on.",
        low=0.55,
        otherwise="half is a coin toss: give more labels, or look at the teacher's answers in an export",
    ),
    Metric("reward/audit_answers", "answers", "That this accuracy is counted over; ties left out.", zero=True),
    Metric(
        "reward/disagreement",
        "share",
        "How far the members differ in the preference that they predict for an answer before it is trained on: "
        "standard deviation, mean of the newest 100.",
    ),
    Metric(
        "reward/train_loss",
        "nats",
        "Cross-entropy on what the members train on, their mean, without the l2 term.",
        high=COIN_TOSS_LOSS,
        otherwise="it is above a coin toss's: the answers contradict each other, or reward.learning_rate is too high",
        prometheus=True,
    ),
    Metric(
        "reward/validation_loss",
        "nats",
        "The same on what each member holds out, once that is enough; the l2 coefficient follows the ratio of both.",
        high=COIN_TOSS_LOSS,
        otherwise="it is above a coin toss's: the predictor has learned too few labels by heart; give more",
    ),
    Metric("reward/l2", "coefficient", "Mean of the members' l2 coefficients, as adapted.", prometheus=True),
    Metric("reward/labels_processed", "labels", "Labels in all minibatches so far.", kind="counter", prometheus=True),
    Metric("reward/labels_trained", "labels", "Labels in force that were trained on at least once.", prometheus=True),
    # Whether the reward still means what people meant ------------------------------------------------------------
    Metric(
        "health",
        "state",
        "Whether the agent exploits its predictor, as far as can be told: 0 healthy, 1 watch, 2 hacked.",
        high=0,
        otherwise="watch a video; give more labels (budget.labels, and `rlhp-ray resume`), or stop the agent",
        prometheus=True,
        zero=True,
    ),
    # The newest behaviour beside what was labelled: nobody has said anything of what is far away -------------------
    Metric(
        "novelty/disagreement",
        "ratio",
        "How far the members differ about the newest clips, by how far they do about labelled ones.",
    ),
    Metric(
        "novelty/predicted",
        "standard deviations",
        "Predicted return of the newest clips above that of labelled ones, in the labelled ones' deviations.",
    ),
    Metric(
        "novelty/distance",
        "ratio",
        "Distance of the newest steps to the nearest labelled ones, by that among labelled clips; vectors only.",
    ),
    Metric(
        "novelty/unanswered",
        "share",
        "Of all env steps, those since the newest answer that trains the predictor.",
    ),
    # The agent ----------------------------------------------------------------------------------------------------
    Metric("agent/policy_version", "updates", "Updates of the policy so far.", kind="counter", prometheus=True),
    Metric(
        "agent/policy_version_lag",
        "updates",
        "How far the policy that took the newest fragment was behind it.",
        high=4,
        otherwise="the EnvRunners are too many or too fast for the learner: lower agent.num_env_runners",
        prometheus=True,
        zero=True,
    ),
    Metric("agent/policy_loss", "loss", "The clipped policy objective's loss, over the newest update."),
    Metric("agent/value_loss", "squared error", "The value's loss against normalised targets.", prometheus=True),
    Metric(
        "agent/entropy",
        "nats",
        "The policy's entropy; it falls as the policy becomes sure, and a continuous one's may be negative.",
        prometheus=True,
    ),
    Metric(
        "agent/kl",
        "nats",
        "How far the update moved the policy from the one that acted (KL divergence, estimated).",
        high=0.1,
        otherwise="updates are too large: lower agent.learning_rate or agent.num_epochs",
    ),
    Metric(
        "agent/clip_fraction",
        "share",
        "Steps whose probability ratio was clipped.",
        high=0.5,
        otherwise="updates are too large: lower agent.learning_rate or agent.num_epochs",
    ),
    Metric("agent/temperature", "coefficient", "Weight of the entropy, as adapted (sac)."),
    Metric("agent/mean_value", "predicted reward", "Mean Q-value of the newest minibatches (dqn)."),
    Metric("agent/exploration", "share", "Share of random actions (dqn)."),
    # Segments -----------------------------------------------------------------------------------------------------
    Metric(
        "segments/candidates",
        "segments",
        "Segments in the pool that may be asked about.",
        low=2,
        otherwise="there is nothing to compare: episodes may end before a clip's length, segments.clip_steps",
        prometheus=True,
    ),
    Metric("segments/pool_bytes", "bytes", "Memory of the pool's tables in the object store.", prometheus=True),
    Metric("segments/offered", "segments", "Offered to the pool since its process started.", kind="counter"),
    Metric("segments/dropped", "segments", "The oldest, dropped since then to make room.", kind="counter"),
    Metric("segments/kept", "segments", "Durable segments: every one that a query names.", prometheus=True),
    # The cluster --------------------------------------------------------------------------------------------------
    Metric("cluster/actors", "actors", "Actors of the run that are alive, replicas included.", prometheus=True),
    Metric(
        "cluster/restarts",
        "restarts",
        "Restarts of the run's actors since the driver started.",
        high=0,
        otherwise="a process died and came back: the logs under Ray's session folder say why",
        prometheus=True,
        zero=True,
    ),
    Metric(
        "cluster/memory_bytes",
        "bytes",
        "Memory of the driver, the run's actors and all that they or the driver started, on the driver's machine; "
        "shared pages counted once.",
        prometheus=True,
    ),
    Metric("cluster/object_store_bytes", "bytes", "Memory in use in the object stores of all nodes, by everybody."),
    Metric(
        "cluster/object_store_share",
        "share",
        "The same as a share of what the object stores have.",
        high=0.9,
        otherwise="objects will be spilled to disk: lower segments.pool_bytes or raise ray.object_store_bytes",
        prometheus=True,
        zero=True,
    ),
)
