"""A page of `page_data`'s over loopback, for a browser."""

from __future__ import annotations

import asyncio
import threading
import time
from types import TracebackType

import uvicorn
from page_data import Run
from ports import free_port
from starlette.types import Receive, Scope, Send

from rlhp_ray.labeling.access import Person


class PageServer:
    """Serves it from a thread of its own. Requests and the test's queries come to the run in turn, as to its actors."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.port = free_port()
        config = uvicorn.Config(
            self._one_by_one,
            interface="asgi3",
            port=self.port,
            log_level="error",
            lifespan="off",
            http="h11",
            ws="none",
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run)

    def link(self, person: Person) -> str:
        """That lets this person in."""
        return f"http://127.0.0.1:{self.port}/?token={self.run.invitations.token(person)}"

    def __enter__(self) -> PageServer:
        self._thread.start()
        while not self._server.started:
            assert self._thread.is_alive()
            time.sleep(0.01)
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        self._server.should_exit = True
        self._thread.join()

    async def _one_by_one(self, scope: Scope, receive: Receive, send: Send) -> None:
        await asyncio.to_thread(self.run.turn.acquire)
        try:
            await self.run.app(scope, receive, send)
        finally:
            self.run.turn.release()
