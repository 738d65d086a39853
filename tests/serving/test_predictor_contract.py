"""One suite over both implementations of RewardPredictor: the Serve client and its in-process twin.

The tests of a kind share one application, and versions only grow, so each publishes the next ones.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from serving_versions import ACTIONS, OBSERVATIONS, make_version, publish

from rlhp_ray.config.schema import ServingPart
from rlhp_ray.errors import PredictorUnavailableError
from rlhp_ray.interfaces import RewardPredictor
from rlhp_ray.serving import LocalPredictor, ServedPredictor, broadcast
from rlhp_ray.serving.newest import NewestEnsemble
from rlhp_ray.storage.run_folder import RunFolder

PART = ServingPart(retries=2, timeout_seconds=20)


@dataclasses.dataclass
class Service:
    """A predictor's service: how versions come in, and how a new caller connects."""

    folder: RunFolder
    connect: Callable[[], LocalPredictor | ServedPredictor]
    swap: Callable[[bytes], object]
    versions: Iterator[int]

    def publish(self) -> int:
        """Publish the next version and bring it to the replicas; its number."""
        version = next(self.versions)
        self.swap(publish(self.folder, version))
        return version


@pytest.fixture(scope="module", params=["local", "served"])
def service(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Service:
    folder = RunFolder(str(tmp_path_factory.mktemp("run")))
    if request.param == "local":
        twin = LocalPredictor(folder.address)

        def connect() -> LocalPredictor:
            twin._seen_version, twin.wait_seconds = 0, 0.0  # as a new caller of the same replica
            return twin

        return Service(folder, connect, twin.swap, itertools.count(1))
    deploy_app = request.getfixturevalue("deploy_app")
    app = deploy_app("contract", folder, PART)
    return Service(
        folder, lambda: ServedPredictor(app, PART), lambda payload: broadcast(app, payload), itertools.count(1)
    )


def test_before_the_first_version_it_says_so(service: Service) -> None:
    predictor = service.connect()
    with pytest.raises(PredictorUnavailableError, match="no version of it was published yet"):
        predictor.rewards(OBSERVATIONS, ACTIONS)
    assert predictor.wait_seconds > 0


def test_before_the_first_version_members_say_nothing_of_segments(service: Service) -> None:
    """The first queries are chosen without a predictor: version 0 says so."""
    returns = service.connect().member_returns(OBSERVATIONS, ACTIONS)
    assert returns.version == 0 and returns.returns.tolist() == [[0.0] * 4]


def test_rewards_are_the_newest_versions(service: Service) -> None:
    for _ in range(2):
        version = service.publish()
        predicted = service.connect().rewards(OBSERVATIONS, ACTIONS)
        assert predicted.version == version and predicted.rewards.dtype == np.float32
        np.testing.assert_allclose(predicted.rewards, make_version(version).rewards(OBSERVATIONS, ACTIONS), rtol=1e-5)


def test_member_returns_are_the_newest_versions(service: Service) -> None:
    version = service.publish()
    returns = service.connect().member_returns(OBSERVATIONS, ACTIONS)
    assert returns.version == version and returns.returns.shape == (3, 4)
    expected = make_version(version).member_returns(OBSERVATIONS, ACTIONS)
    np.testing.assert_allclose(returns.returns, expected, rtol=1e-4, atol=1e-4)


def test_an_older_version_changes_nothing(service: Service) -> None:
    version = service.publish()
    service.swap(make_version(version - 1).to_bytes())
    assert service.connect().rewards(OBSERVATIONS, ACTIONS).version == version


def test_a_caller_who_saw_a_newer_version_gets_it_from_the_folder(service: Service) -> None:
    predictor = service.connect()
    old = service.publish()
    assert predictor.rewards(OBSERVATIONS, ACTIONS).version == old
    assert predictor._seen_version == old  # what its next request asks for at least
    version = next(service.versions)
    publish(service.folder, version)  # the broadcast missed this replica
    predictor._seen_version = version  # seen at another one
    assert predictor.rewards(OBSERVATIONS, ACTIONS).version == version


def test_a_caller_that_connects_before_it_asks_asks_as_any_other(service: Service) -> None:
    version = service.publish()
    predictor = service.connect()
    predictor.connect()
    assert predictor.wait_seconds == 0
    assert predictor.rewards(OBSERVATIONS, ACTIONS).version == version


def test_no_older_version_is_accepted(service: Service) -> None:
    predictor = service.connect()
    version = service.publish()
    predictor._seen_version = version + 1000
    with pytest.raises(PredictorUnavailableError, match=f"holds version {version}"):
        predictor.rewards(OBSERVATIONS, ACTIONS)


def test_a_whole_fragment_in_one_request_of_any_layout(service: Service) -> None:
    version = service.publish()
    observations = np.tile(OBSERVATIONS, (500, 1, 1)).astype(np.float64)
    actions = np.asfortranarray(np.tile(ACTIONS, (500, 1, 1)))
    predictor: RewardPredictor = service.connect()
    predicted = predictor.rewards(observations, actions)
    expected = np.tile(make_version(version).rewards(OBSERVATIONS, ACTIONS), (500, 1))
    np.testing.assert_allclose(predicted.rewards, expected, rtol=1e-4)


def test_a_damaged_folder_is_named_when_it_is_needed(service: Service) -> None:
    version = service.publish()
    predictor = service.connect()
    newest = service.folder.read("predictor/newest.json")
    service.folder.write("predictor/newest.json", b"damaged")
    try:
        assert predictor.rewards(OBSERVATIONS, ACTIONS).version == version  # what is held goes on serving
        predictor._seen_version = version + 1
        with pytest.raises(PredictorUnavailableError, match=r"newest\.json in the run folder is damaged"):
            predictor.rewards(OBSERVATIONS, ACTIONS)
    finally:
        service.folder.write("predictor/newest.json", newest)


def test_a_replica_starts_with_the_newest_version_in_the_folder(tmp_path: Path) -> None:
    folder = RunFolder(str(tmp_path))
    publish(folder, 7)
    assert NewestEnsemble(folder).version == 7
