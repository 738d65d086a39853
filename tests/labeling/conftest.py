"""What the tests of the page share: a cluster whose Serve listens."""

from __future__ import annotations

import pathlib
from collections.abc import Iterator

import pytest
from human_run import ON_LOOPBACK, PORT, Cluster, HumanRun
from page_data import Run, make_run
from page_server import PageServer
from playwright.sync_api import Browser, ConsoleMessage, Page, Request


@pytest.fixture(scope="session")
def page_cluster() -> Iterator[Cluster]:
    """The cluster that these tests share; its processes listen on loopback, as those of one that a run starts do."""
    cluster = Cluster(environment=ON_LOOPBACK)
    yield cluster
    cluster.stop()


@pytest.fixture
def page(chromium: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A page of a browser, the context's settings being the fixture's parameter: no error, no foreign address."""
    context = chromium.new_context(**{"viewport": {"width": 1280, "height": 800}} | getattr(request, "param", {}))
    page = context.new_page()
    wrong: list[str] = []

    def note_request(request: Request) -> None:
        if not request.url.startswith(("http://127.0.0.1:", "blob:http://127.0.0.1:", "data:")):
            wrong.append(request.url)

    def note_message(message: ConsoleMessage) -> None:
        if "Content Security Policy" in message.text:
            wrong.append(message.text)

    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", note_message)
    context.on("request", note_request)
    yield page
    context.close()
    assert wrong == []


@pytest.fixture
def run(tmp_path: pathlib.Path, request: pytest.FixtureRequest) -> Run:
    """What a page stands on, without a run that trains; the config's text may be the fixture's parameter."""
    return make_run(tmp_path / "run", getattr(request, "param", ""))


@pytest.fixture
def served(run: Run) -> Iterator[PageServer]:
    """Its page, served."""
    with PageServer(run) as server:
        yield server


@pytest.fixture
def taught(page_cluster: Cluster, tmp_path: pathlib.Path, request: pytest.FixtureRequest) -> Iterator[HumanRun]:
    """A run of the pendulum, or of the task that is the fixture's parameter, whose page is open."""
    once = ("labeling.second_share=0", "labeling.repeat_share=0")  # each query is asked once
    budget = ("budget.labels=60", "budget.env_steps=100000")
    task = getattr(request, "param", "inverted-pendulum")
    run = HumanRun(page_cluster, tmp_path, f"labeling.port={PORT}", *once, *budget, task=task)
    try:
        run.wait_until_open()
        yield run
    finally:
        run.stop()
