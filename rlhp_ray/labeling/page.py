"""The labelling page as a Ray Serve application: deploy it, and say where it is.

It owns nothing: answers are the collector's, clips are drawn by actors, what it shows of the run lies in the folder.
"""

from __future__ import annotations

from urllib.parse import urlencode

import ray
from ray import serve
from ray.exceptions import RayError
from ray.serve.exceptions import RayServeException
from starlette.types import ASGIApp

from rlhp_ray.actors import NAMESPACE, proxy
from rlhp_ray.config.labeling import LabelingPart
from rlhp_ray.config.schema import Config
from rlhp_ray.errors import ClusterError
from rlhp_ray.labeling.access import Invitations, Person, Role
from rlhp_ray.labeling.clips import ClipMaker
from rlhp_ray.labeling.http import make_app
from rlhp_ray.labeling.person_desk import PersonDesk
from rlhp_ray.labeling.study import RunStudy
from rlhp_ray.preferences import Collector
from rlhp_ray.serving import ANY_HOST, QUIET, listen_on_loopback
from rlhp_ray.storage import RunFolder
from rlhp_ray.tasks import load_task

MAX_ONGOING_REQUESTS = 200
FAREWELL_SECONDS = 6.0  # after a run's end its page serves so long, so that every open one hears of the end
ADDRESS_FILE = "labeling/address"
OWNER = Person("researcher", Role.RESEARCHER)  # whoever began the run


@serve.ingress()
class Page:
    """The deployment's class: the page's application over a run's actors, found by their names."""

    def __init__(self, config: Config, folder: RunFolder, collector: str, clips: list[str]) -> None:
        listen_on_loopback()
        self._config, self._folder = config, folder
        self._collector, self._clips = collector, clips

    def __serve_build_asgi_app__(self) -> ASGIApp:
        config = self._config
        answers = proxy(ray.get_actor(self._collector, namespace=NAMESPACE), Collector)
        makers = [proxy(ray.get_actor(name, namespace=NAMESPACE), ClipMaker) for name in self._clips]
        task = load_task(config.task, config.segments.clip_steps)
        return make_app(
            PersonDesk(answers, budget_labels=config.budget.labels, seed=config.seed),
            RunStudy(config, task, self._folder, answers, makers),
            Invitations.of_run(self._folder),
            secure=(config.labeling.public_address or "").startswith("https:"),
        )


def deploy_page(
    app_name: str,
    path: str,
    config: Config,
    folder: RunFolder,
    *,
    collector: str,
    clips: list[str],
    listening: tuple[str, int],
    resources: dict[str, float],
) -> None:
    """Start the page at this path, whose actors have these names, and wait until it serves.

    `listening`: Serve's host and port; `resources`: custom ones that the page's node must offer.
    ClusterError if it can't.
    """
    deployment = serve.deployment(
        name="Page",
        ray_actor_options={"num_cpus": 0, "resources": resources},
        max_ongoing_requests=MAX_ONGOING_REQUESTS,
        graceful_shutdown_wait_loop_s=0.1,
        graceful_shutdown_timeout_s=2.0,
        logging_config=QUIET,
    )(Page)
    folder.write(ADDRESS_FILE, f"{_origin(config.labeling, *listening)}/{path}/".encode())
    try:
        serve.run(
            deployment.bind(config, folder, collector, clips),
            name=app_name,
            route_prefix=f"/{path}",
            logging_config=QUIET,
        )
    except (RuntimeError, RayError, RayServeException, TimeoutError) as error:
        raise ClusterError(f"The labelling page can't start ({error}); look for the cause in Ray's logs.") from error


def page_link(folder: RunFolder, person: Person = OWNER) -> str:
    """The link that lets this person in. FileNotFoundError where the run has no page."""
    address = folder.read(ADDRESS_FILE).decode()
    return f"{address}?{urlencode({'token': Invitations.of_run(folder).token(person)})}"


def _origin(part: LabelingPart, host: str, port: int) -> str:
    if part.public_address is not None:
        return part.public_address
    return f"http://{'127.0.0.1' if host == ANY_HOST else host}:{port}"
