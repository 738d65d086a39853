"""Hot-swap on a running Serve application: callers, replicas that die and start, versions that come meanwhile."""

from __future__ import annotations

import pickle
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import ray
from serving_versions import ACTIONS, OBSERVATIONS, make_version, publish

from rlhp_ray.config.schema import ServingPart
from rlhp_ray.errors import PredictorUnavailableError
from rlhp_ray.serving import ServedPredictor, broadcast, delete
from rlhp_ray.serving.deployment import HEALTH_CHECK_SECONDS
from rlhp_ray.storage.run_folder import RunFolder

Deploy = Callable[[str, RunFolder, ServingPart], str]
REPLICAS, CALLERS, SWAPS = 3, 4, 200


def replica_actors(app: str) -> list[str]:
    """Names of the application's living replica actors."""
    actors = ray.util.list_named_actors(all_namespaces=True)
    return sorted(actor["name"] for actor in actors if f"{app}#Predictor" in actor["name"])


@pytest.fixture(scope="module")
def app(deploy_app: Deploy, folder: RunFolder) -> str:
    publish(folder, 1)
    return deploy_app("hot-swap", folder, ServingPart(replicas=REPLICAS))


class Caller(threading.Thread):
    """Asks again and again until it is stopped; notes every version and every failure."""

    def __init__(self, app: str) -> None:
        super().__init__()
        self.predictor = ServedPredictor(app, ServingPart())
        self.versions: list[int] = []
        self.wrong = 0  # rewards that aren't of the version that they claim
        self.failures: list[BaseException] = []
        self.stopped = threading.Event()

    def run(self) -> None:
        while not self.stopped.is_set():
            try:
                predicted = self.predictor.rewards(OBSERVATIONS, ACTIONS)
            except BaseException as error:  # whatever it is, the test says it
                self.failures.append(error)
                return
            self.versions.append(predicted.version)
            self.wrong += round(float(predicted.rewards.mean()) / 1000) != predicted.version


def test_200_swaps_under_four_callers_while_one_of_three_replicas_dies_and_starts_anew(
    app: str, folder: RunFolder
) -> None:
    callers = [Caller(app) for _ in range(CALLERS)]
    for caller in callers:
        caller.start()
    before = replica_actors(app)
    assert len(before) == REPLICAS
    reached: list[list[int]] = []
    version = 1
    while version <= SWAPS or len(reached[-1]) < REPLICAS:  # the new replica joins in mid-swap
        version += 1
        reached.append(broadcast(app, publish(folder, version)))
        if version == 30:
            ray.kill(ray.get_actor(before[0], namespace="serve"))
        if version >= 60 and len(reached[-1]) < REPLICAS:
            time.sleep(0.1)
    for caller in callers:
        caller.stopped.set()
    for caller in callers:
        caller.join(timeout=60)
    after = replica_actors(app)

    assert len(after) == REPLICAS and len(set(before) - set(after)) == 1  # one died, another took its place
    assert min(map(len, reached)) == REPLICAS - 1
    assert reached[-1] == [version] * REPLICAS  # the new one among them
    for caller in callers:
        assert caller.failures == []
        assert caller.wrong == 0
        assert caller.versions == sorted(caller.versions)
        assert len(set(caller.versions)) > 50


def test_a_large_request_is_shared_by_all_replicas_and_comes_back_of_one_version(app: str, folder: RunFolder) -> None:
    first = 5_000
    broadcast(app, publish(folder, first))
    observations, actions = np.repeat(OBSERVATIONS, 2_000, axis=0), np.repeat(ACTIONS, 2_000, axis=0)
    ended, failures, seen = threading.Event(), list[BaseException](), list[int]()

    def ask() -> None:
        predictor = ServedPredictor(app, ServingPart(replicas=REPLICAS))
        parts = predictor._replies
        predictor._replies = lambda method, some, least: asked.append(len(some)) or parts(method, some, least)
        try:
            while not ended.is_set():
                predicted = predictor.rewards(observations, actions)
                expected = make_version(predicted.version).rewards(OBSERVATIONS, ACTIONS)
                np.testing.assert_allclose(predicted.rewards, np.repeat(expected, 2_000, axis=0), rtol=1e-5)
                members = predictor.member_returns(observations, actions)
                expected = make_version(members.version).member_returns(OBSERVATIONS, ACTIONS)
                np.testing.assert_allclose(members.returns, np.repeat(expected, 2_000, axis=1), rtol=1e-4, atol=1e-3)
                seen.append(predicted.version)
        except BaseException as error:
            failures.append(error)

    asked: list[int] = []
    caller = threading.Thread(target=ask)
    caller.start()
    version = first
    while (len(seen) < 8 or len(set(seen)) < 5) and not failures:
        version += 1
        answered = len(seen)
        broadcast(app, publish(folder, version))  # while the next request is on its way
        while len(seen) == answered and not failures:
            time.sleep(0.01)
    ended.set()
    caller.join()
    assert failures == []
    assert seen == sorted(seen)
    assert max(asked) == REPLICAS  # in parts


def test_a_replica_that_no_broadcast_reached_looks_for_itself(app: str, folder: RunFolder) -> None:
    version = 10_000
    publish(folder, version)  # and no broadcast
    deadline = time.monotonic() + 10 * HEALTH_CHECK_SECONDS
    while ServedPredictor(app, ServingPart()).rewards(OBSERVATIONS, ACTIONS).version < version:
        assert time.monotonic() < deadline
        time.sleep(0.2)


def test_the_client_works_in_actors_and_travels_as_a_pickle(app: str) -> None:
    @ray.remote(num_cpus=0)
    class Runner:
        def __init__(self, predictor: ServedPredictor) -> None:
            self.predictor = predictor

        def ask(self) -> tuple[int, bool]:
            predicted = self.predictor.rewards(OBSERVATIONS, ACTIONS)
            return predicted.version, self.predictor.wait_seconds > 0

    predictor = ServedPredictor(app, ServingPart())
    version = predictor.rewards(OBSERVATIONS, ACTIONS).version
    # Replicas may be at different versions after the tests above; a copy accepts none older than it saw.
    assert pickle.loads(pickle.dumps(predictor)).rewards(OBSERVATIONS, ACTIONS).version >= version  # noqa: S301  # ours
    runner = Runner.remote(predictor)
    seen, waited = ray.get(runner.ask.remote())
    assert seen >= version and waited
    ray.kill(runner)


def test_arrays_that_dont_fit_are_an_error_at_once(app: str) -> None:
    begun_at = time.monotonic()
    with pytest.raises(ValueError, match="don't fit"):
        ServedPredictor(app, ServingPart(retries=50)).rewards(OBSERVATIONS[:, :2], ACTIONS)
    assert time.monotonic() - begun_at < 5


def test_a_deleted_application_is_said_in_a_sentence(deploy_app: Deploy, tmp_path: Path) -> None:
    folder = RunFolder(str(tmp_path))
    payload = publish(folder, 1)
    part = ServingPart(max_replicas=2, retries=1, timeout_seconds=5)
    app = deploy_app("short-lived", folder, part)
    predictor = ServedPredictor(app, part)
    assert predictor.rewards(OBSERVATIONS, ACTIONS).version == 1
    delete(app)
    delete(app)  # twice is fine
    assert replica_actors(app) == []
    with pytest.raises(PredictorUnavailableError, match="gave no answer in 2 tries"):
        predictor.rewards(OBSERVATIONS, ACTIONS)
    assert broadcast(app, payload) == []


def test_rewards_of_one_request_are_of_one_version(app: str, folder: RunFolder) -> None:
    publish(folder, 20_000)
    broadcast(app, make_version(20_000).to_bytes())
    predicted = ServedPredictor(app, ServingPart()).rewards(OBSERVATIONS, ACTIONS)
    np.testing.assert_allclose(predicted.rewards, make_version(20_000).rewards(OBSERVATIONS, ACTIONS), rtol=1e-5)


def test_a_caller_connects_where_there_is_an_application_and_goes_without_elsewhere(app: str) -> None:
    here, nowhere = ServedPredictor(app, ServingPart()), ServedPredictor("no-such-app", ServingPart(retries=0))
    here.connect()
    nowhere.connect()
    assert here._handle is not None and nowhere._handle is None
    with pytest.raises(PredictorUnavailableError):
        nowhere.rewards(OBSERVATIONS, ACTIONS)
