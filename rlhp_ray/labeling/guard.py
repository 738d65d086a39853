"""What stands before every request to the labelling page: its size, its rate, its origin, and the answer's headers.

The page has no third-party address and no path of a request reaches the file system. A page of somebody else's can
neither read it (no CORS), nor frame it, nor send in a person's name: the cookie is SameSite=Strict, and what changes
something must come from the page's own origin.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_BODY_BYTES = 16_384
REQUESTS_PER_SECOND, BURST_REQUESTS = 200.0, 1_000.0  # of one address, behind which many may sit; a person makes two
_DIGITS = re.compile(r"[0-9]{1,9}")
MAX_ADDRESSES = 10_000
HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "media-src 'self' blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


class RateBound:
    """A bucket of requests for each name, filled at a steady rate."""

    def __init__(self, per_second: float, burst: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_second, self._burst, self._clock = per_second, burst, clock
        self._buckets: dict[str, tuple[float, float]] = {}  # what is left, when that was

    def allows(self, name: str) -> bool:
        """Whether one more is within the bound."""
        now = self._clock()
        left, at = self._buckets.pop(name, (self._burst, now))
        left = min(self._burst, left + (now - at) * self._per_second)
        while len(self._buckets) >= MAX_ADDRESSES:
            del self._buckets[next(iter(self._buckets))]
        self._buckets[name] = (max(0.0, left - 1), now)
        return left >= 1


class Guard:
    """ASGI middleware: refuses what is too large, too often, or of another origin; adds the headers."""

    def __init__(self, app: ASGIApp, rate: RateBound | None = None) -> None:
        self._app = app
        self._rate = rate or RateBound(REQUESTS_PER_SECOND, BURST_REQUESTS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault("cache-control", "no-store")
            await send(message)

        refused = self._refused(scope)
        if refused is not None:
            await refused(scope, receive, with_headers)
        else:
            await self._app(scope, receive, with_headers)

    def _refused(self, scope: Scope) -> JSONResponse | None:
        headers = Headers(scope=scope)
        client = scope.get("client")
        if not self._rate.allows(client[0] if client else ""):
            return _refusal(429, "Too many requests: wait a few seconds.")
        if scope["method"] in ("GET", "HEAD"):
            return None
        length = headers.get("content-length", "0")
        if "transfer-encoding" in headers or not _DIGITS.fullmatch(length) or int(length) > MAX_BODY_BYTES:
            return _refusal(413, f"A request may have {MAX_BODY_BYTES:,} bytes at most, and must say how many.")
        origin = headers.get("origin")
        if origin is not None and _host(origin) != headers.get("host"):
            return _refusal(403, "This request comes from another page.")
        return None


def _host(origin: str) -> str | None:
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return None


def _refusal(status: int, sentence: str) -> JSONResponse:
    return JSONResponse({"detail": sentence}, status_code=status)
