"""10,000 malformed or unauthorised requests, drawn by a seed: no status 500, nobody in, nothing changed."""

from __future__ import annotations

import asyncio
import json
import random
import re
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from fastapi import FastAPI
from page_data import ANN, EVE, make_run
from starlette.routing import Route

from rlhp_ray.labeling.guard import RateBound

REQUESTS = 10_000
NASTY = (
    *("", "0", "-1", "1e999", "NaN", "null", "a" * 3_000, "\x00", "%00", "\u0661", "\ud800", "💥", "../../secret"),
    *("..%2f..%2flabeling%2fsecret", "{", "[" * 500, "'; DROP TABLE answers; --", "<script>alert(1)</script>"),
    *("${jndi:ldap://x}", "9" * 5_000, "\u00b2", "1-2", "true", "\r\n", "file:///secret"),
)
HEADERS = (
    *("content-type", "content-length", "transfer-encoding", "origin", "host", "cookie", "authorization", "range"),
    *("accept", "accept-encoding", "if-none-match", "x-forwarded-for", "x-forwarded-host", "expect", "upgrade"),
)
HEADER_VALUES = (
    *("", "-1", "\u00b2", "9" * 5_000, "chunked", "gzip, deflate", "http://[", "http://evil", "null", "page", "[::1"),
    *("Bearer ", "Bearer \u00ff", "rlhp_ray=", "rlhp_ray=a.b.c; rlhp_ray=d", "bytes=5-1", "bytes=-", "*/*;q=x", "h2c"),
    *("multipart/form-data", "application/xml", "application/json; charset=utf-99", "text/plain", "\x7f"),
)


def draw_value(rng: random.Random, depth: int = 0) -> object:
    """JSON of any kind."""
    kinds = [rng.choice(NASTY), rng.randint(-(2**70), 2**70), rng.random() * 10 ** rng.randint(-300, 300), None, True]
    if depth < 3:
        kinds += [
            [draw_value(rng, depth + 1) for _ in range(rng.randint(0, 3))],
            {rng.choice(NASTY): draw_value(rng, depth + 1)},
        ]
    return rng.choice(kinds)


def draw_body(rng: random.Random, fields: tuple[str, ...]) -> bytes:
    """Of a request: no JSON at all, or fields that are known with values that aren't."""
    match rng.randrange(4):
        case 0:
            return rng.randbytes(rng.randint(0, 400))
        case 1:
            return b"{" * rng.choice([1, 400, 8_000])
        case 2:
            return rng.randbytes(40_000)
    chosen = rng.sample(fields, rng.randint(0, len(fields)))
    return json.dumps({name: draw_value(rng) for name in chosen}).encode()


async def call(
    app: FastAPI, method: str, target: str, headers: list[tuple[bytes, bytes]], body: bytes
) -> tuple[int, bytes]:
    """What a server does with a request, but that no client and no parser stands before the application."""
    path, _, query = target.partition("?")
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": unquote(path),
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": headers,
        "client": ("127.0.0.1", 1),
        "server": ("page", 80),
    }
    messages = [{"type": "http.request", "body": body, "more_body": False}]
    got = {"status": 0, "body": b""}

    async def receive() -> dict[str, Any]:
        return messages.pop() if messages else {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        got["status"] = message.get("status", got["status"])
        got["body"] += message.get("body", b"")

    await app(scope, receive, send)
    return got["status"], got["body"]


def test_ten_thousand_malformed_or_unauthorised_requests(tmp_path: Path) -> None:
    run = make_run(tmp_path, rate=RateBound(1e9, 1e9))
    run.ask(2)
    before = run.collector.counts()
    schemas = run.app.openapi()["components"]["schemas"].values()
    fields = tuple(sorted({name for schema in schemas for name in schema.get("properties", ())}))
    assert {"answer_id", "query_id", "choice", "seconds", "holding"} <= set(fields)
    routes = [(m, r.path) for r in run.app.routes if isinstance(r, Route) for m in sorted(r.methods or ())]
    tokens = [run.invitations.token(person) for person in (ANN, EVE)]
    forged = ["", "x", "ann.annotator.", tokens[0].replace("annotator", "researcher"), tokens[1][:-2] + "0", "\u00ff"]
    rng = random.Random(0)
    seen: Counter[tuple[bool, int]] = Counter()

    async def flood() -> None:
        for _ in range(REQUESTS):
            method, path = rng.choice(routes)
            if rng.random() < 0.1:
                method = rng.choice(["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "QUERY"])
            path = re.sub(r"{[\w:]+}", lambda _: quote(rng.choice(NASTY).encode("utf-8", "ignore")), path)
            if rng.random() < 0.2:
                path += "/" + rng.choice(["..", "%2e%2e/secret", "%00", "%ff", "//x", ";", "a" * 2_000])
            known = rng.random() < 0.5
            token = rng.choice(tokens if known else forged)
            body = draw_body(rng, fields) if method not in ("GET", "HEAD") else b""
            headers = [("authorization", f"Bearer {token}"), ("host", "page"), ("content-type", "application/json")]
            headers += [("content-length", str(len(body)))]
            drawn = rng.sample(HEADERS, rng.randint(0, 2))
            headers = [(n, v) for n, v in headers if n not in drawn] + [(n, rng.choice(HEADER_VALUES)) for n in drawn]
            query = rng.choice(["", "?token=" + quote(rng.choice(forged)), "?of=%ff", "?" + "a=b&" * 500])
            raw = [(name.encode(), value.encode("latin-1")) for name, value in headers]
            status, said = await call(run.app, method, path + query, raw, body)
            assert status < 500, (method, path, headers, body, said)
            seen[known, status] += 1
            public = path in ("/", "/api/openapi.json") or path.startswith("/static/")
            assert known or public or status >= 400, (method, path, headers, said)
            of_researchers = path.startswith(("/api/people", "/api/invitations"))
            assert token != tokens[0] or not of_researchers or status >= 400, (method, path, headers, said)

    asyncio.run(flood())
    assert seen[False, 401] > 1_000 and sum(count for (known, _), count in seen.items() if known) > 4_000
    after = run.collector.counts()
    assert (after.labels, after.asked, after.undone, run.collector.excluded()) == (0, before.asked, 0, [])
