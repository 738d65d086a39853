"""Watches every process of a run from the driver: who stands still, who waits for what, who was started again.

A process that dies is Ray's to start again. One that hangs (stopped, swapped out, on a machine that is too busy) is
nobody's but ours: it is said, and after a while it is killed, so that Ray starts it again from the run folder.
"""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

import ray
from ray import JobID
from ray._private.state import actors  # the public list needs the dashboard, which a small run doesn't start
from ray.actor import ActorHandle
from ray.exceptions import RayError

from rlhp_ray.agent.algorithm import FragmentAlgorithm
from rlhp_ray.experiment.silence import Limits, Progress, Silence
from rlhp_ray.serving.processes import REPLICA_PREFIX, serve_processes
from rlhp_ray.storage import waits_for

LOOK_SECONDS = 1.0
STOOD_STILL_SECONDS = 5.0  # more between two looks: this process itself stood still

MEANINGS = {
    "segment store": "no clip is taken in or shown",
    "collector": "no answer is accepted",
    "questioner": "nothing new is asked",
    "reward trainer": "the reward predictor stays as it is",
    "Serve controller": "no replica that dies is replaced",
    "replica of the reward predictor": "fragments wait for their rewards",
}
TEACHER_MEANING = "what it is asked stays open"


@dataclasses.dataclass
class _Watched:
    """A process, what is known of it, and the question that is on its way."""

    actor: ActorHandle[Any]
    silence: Silence
    flying: ray.ObjectRef[Any] | None = None
    restarts: int = 0  # that were said
    asked_at: float = 0.0  # by the driver's clock, unix seconds


class Watch:
    """A thread that asks every process for its pulse, and looks at how the driver's loop turns."""

    def __init__(
        self,
        parts: Mapping[str, ActorHandle[Any]],
        app: str | None,
        progress: Progress,
        limits: Limits,
        say: Callable[[str], None],
    ) -> None:
        """`parts`: the run's actors, by what they are called; `app`: on Serve; `progress`: of the driver's own loop."""
        self._limits, self._say, self._app, self._progress = limits, say, app, progress
        self._watched = {name: self._watch(name, actor) for name, actor in parts.items()}
        self._waited_on: Callable[[], dict[str, ActorHandle[Any]]] = dict
        self._restarts: dict[str, tuple[str, int]] = {}  # of EnvRunners, by the actor's id: its name, how often
        self._own_trouble = ""
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)

    def start(self) -> None:
        """Begin to watch."""
        self._thread.start()

    def stop(self) -> None:
        """Watch no more."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join(timeout=LOOK_SECONDS)

    def follow(self, agent: FragmentAlgorithm) -> None:
        """The agent that the driver's loop trains; its EnvRunners and learners are whom a turn waits on."""
        self._waited_on = lambda: waited_on(agent)
        handles = agent.env_runner_group._worker_manager.actors()  # RLlib tells it nowhere else
        self._restarts = {handle._actor_id.hex(): (f"EnvRunner {index}", 0) for index, handle in handles.items()}

    def _watch(self, name: str, actor: ActorHandle[Any]) -> _Watched:
        meaning = MEANINGS.get(name, TEACHER_MEANING)
        return _Watched(actor, Silence(f"The {name}", meaning, self._limits, self._say))

    def _run(self) -> None:
        before = time.monotonic()
        while not self._ended.wait(LOOK_SECONDS):
            now = time.monotonic()
            if now - before - LOOK_SECONDS > STOOD_STILL_SECONDS:
                self._stood_still(now - before - LOOK_SECONDS)
            before = now
            try:
                self._look(now)
            except Exception as error:  # of a cluster that is going down: the driver's own thread meets it too
                self._say(f"The watch over the run's processes missed a look ({type(error).__name__}: {error}).")

    def _stood_still(self, seconds: float) -> None:
        self._say(f"The driver stood still for {seconds:.0f} s (it was stopped, or its machine is too busy).")
        for watched in self._watched.values():
            watched.silence.stood_still(seconds)
        self._progress.stood_still(seconds)

    def _look(self, now: float) -> None:
        self._look_at_the_driver()
        self._look_at_the_runners()
        self._look_at_serve()
        for name, watched in list(self._watched.items()):
            if (restarts := _restarts(watched.actor)) > watched.restarts:
                watched.restarts = restarts
                watched.silence.restarted()
            self._ask(name, watched, now)
            if watched.silence.look(now):
                ray.kill(watched.actor, no_restart=False)
        # What the driver waits for is known where somebody is silent or waits for the disk.
        if not self._own_trouble and not any(watched.silence.troubled for watched in self._watched.values()):
            late = self._waited_on()
            if self._progress.look(now, list(late)):
                _start_again(late)

    def _look_at_the_driver(self) -> None:
        trouble = waits_for()
        if trouble and trouble != self._own_trouble:
            self._say(f"The driver waits: {trouble}")
        elif self._own_trouble and not trouble:
            self._say("The driver goes on.")
        self._own_trouble = trouble

    def _look_at_the_runners(self) -> None:
        """EnvRunners have no pulse of their own; Ray knows how often it started each again."""
        job = ray.get_runtime_context().get_job_id()
        for actor_id, entry in actors(job_id=JobID.from_hex(job), actor_state_name="ALIVE").items():
            name, before = self._restarts.get(actor_id, ("", 0))
            if name and entry["NumRestarts"] > before:
                self._say(f"{name} died and was started again; a fragment that was on its way is sampled anew.")
                self._restarts[actor_id] = (name, entry["NumRestarts"])

    def _look_at_serve(self) -> None:
        if self._app is None:
            return
        found = serve_processes(self._app)
        for name, (kind, actor) in found.items():
            if name not in self._watched:
                self._watched[name] = self._watch(kind, actor)
                self._watched[name].restarts = _restarts(actor)
        for name in [name for name in self._watched if name.startswith(REPLICA_PREFIX) and name not in found]:
            self._watched.pop(name).silence.gone("where it died, another one is started in its place")

    def _ask(self, name: str, watched: _Watched, now: float) -> None:
        actor: Any = watched.actor
        ours = hasattr(actor, "pulse")
        if watched.flying is not None:
            ready, _ = ray.wait([watched.flying], timeout=0)
            if not ready:
                return
            try:
                pulse = ray.get(watched.flying)
            except RayError:
                if ours:  # Ray would have asked it again, if it were to come back
                    self._watched.pop(name).silence.gone("it was taken off the cluster")
                    _start_again(self._waited_on())  # the driver's loop would wait for what can't come any more
                    return
                watched.silence.lost()
            else:
                watched.silence.answered(now, pulse[0] if ours else "")
                if ours:
                    watched.silence.clock(pulse[1], asked=watched.asked_at, now=time.time())
        watched.flying = actor.pulse.remote() if ours else actor.__ray_ready__.remote()
        watched.silence.asked(now)
        watched.asked_at = time.time()


def _restarts(actor: ActorHandle[Any]) -> int:
    entry = actors(actor_id=actor._actor_id.hex())
    return int(entry.get("NumRestarts", 0))


def waited_on(agent: FragmentAlgorithm) -> dict[str, ActorHandle[Any]]:
    """Whom a turn of the agent waits on: EnvRunners with a fragment on its way; without any, its learner actors."""
    manager = agent.env_runner_group._worker_manager  # RLlib tells it nowhere else
    flying = {ref: runner for ref, (_, runner) in dict(manager._in_flight_req_to_actor_id).items()}
    _, late = ray.wait(list(flying), num_returns=len(flying), timeout=0) if flying else ([], [])
    handles = manager.actors()
    runners = {f"EnvRunner {flying[ref]}": handles[flying[ref]] for ref in late if flying[ref] in handles}
    if runners or not agent.learner_group.is_remote:
        return runners
    return {f"learner {index}": actor for index, actor in agent.learner_group._worker_manager.actors().items()}


def _start_again(late: Mapping[str, ActorHandle[Any]]) -> None:
    """Kill them: RLlib takes an EnvRunner that Ray restarts into service, and the driver builds a lost agent again."""
    for actor in late.values():
        ray.kill(actor, no_restart=False)
