"""The labelling page over HTTP: the page itself, clips, answers, how the run stands, and the study's own pages.

It stands between the browser and the desk. All calls can be repeated: an answer carries an id of the browser's making.
Annotations aren't postponed here: FastAPI reads those that name a local.
"""

import functools
import json
import math
from collections.abc import Mapping
from importlib import resources
from typing import Annotated, Any, Protocol

from fastapi import Cookie, Depends, FastAPI, Header, HTTPException, Path, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse
from pydantic import BaseModel, ConfigDict, Field
from ray.exceptions import RayError

from rlhp_ray.errors import RlhpRayError
from rlhp_ray.labeling.access import Invitations, Person, Role
from rlhp_ray.labeling.guard import Guard, RateBound
from rlhp_ray.labeling.person_desk import Pair, PersonDesk
from rlhp_ray.types import Choice

COOKIE = "rlhp_ray"
_KINDS = {".html": "text/html; charset=utf-8", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
_ID = r"^[A-Za-z0-9_-]{1,64}$"
_QUERY_ID = r"^\d{1,18}-\d{1,18}$"

QueryId = Annotated[str, Field(pattern=_QUERY_ID)]
PageId = Annotated[str, Field(pattern=_ID, description="Made by the browser, once for each of its tabs.")]


class Body(BaseModel):
    """What a request brings."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Holding(Body):
    """What a page has."""

    page: PageId
    holding: list[QueryId] = Field(max_length=64)


class GivenAnswer(Body):
    """An answer as a person gave it."""

    answer_id: str = Field(pattern=_ID, description="Made by the browser, once for each answer.")
    query_id: QueryId
    left: int = Field(ge=0, lt=2**53, description="Segment whose clip stood left.")
    right: int = Field(ge=0, lt=2**53)
    choice: Choice
    seconds: float = Field(ge=0, le=86_400, allow_inf_nan=False, description="From both clips playing to the answer.")


class Undone(Body):
    """An answer to be taken back."""

    page: PageId
    answer_id: str = Field(pattern=_ID)


class Failure(Body):
    """A clip that can't be played."""

    page: PageId
    query_id: QueryId
    segment_id: int = Field(ge=0, lt=2**53)


class Excluded(Body):
    """Whether somebody's answers are left out."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$")
    excluded: bool


class Invited(Body):
    """Somebody to be invited."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,39}$")
    role: Role


class Study(Protocol):
    """What the page shows of the run, and does for it, beside pairs and answers."""

    def clip(self, segment_id: int) -> bytes:
        """The segment's clip; RlhpRayError where there is none."""
        ...

    def task(self) -> Mapping[str, Any]:
        """The sentence for a person, and the clips' length."""
        ...

    def standing(self, person: Person) -> Mapping[str, Any]:
        """How the run and the person stand, as JSON; what only a researcher may see is for researchers."""
        ...

    def episode(self) -> bytes | None:
        """The agent's newest episode, an MP4 file."""
        ...

    def clip_failed(self, person: Person, query_id: str, segment_id: int) -> None:
        """Note a clip that a browser couldn't play."""
        ...

    def people(self) -> Mapping[str, Any]:
        """Everybody's figures, for a researcher."""
        ...

    def exclude(self, name: str, excluded: bool, by: Person) -> bool:
        """Leave somebody's answers out, or take them in again."""
        ...


def make_app(
    desk: PersonDesk,
    study: Study,
    invitations: Invitations,
    *,
    secure: bool = False,
    rate: RateBound | None = None,
) -> FastAPI:
    """The page's application. `secure`: it is reached by HTTPS, so the cookie travels by nothing else."""
    app = FastAPI(title="rlhp_ray: labelling", docs_url=None, redoc_url=None, openapi_url="/api/openapi.json")
    app.add_middleware(Guard, rate=rate)

    def somebody(
        rlhp_ray: Annotated[str | None, Cookie()] = None, authorization: Annotated[str | None, Header()] = None
    ) -> Person:
        bearer = (authorization or "").removeprefix("Bearer ")
        person = invitations.person(rlhp_ray or bearer)
        if person is None:
            raise HTTPException(401, "Open the page by the link that you were sent.")
        return person

    def researcher(person: Annotated[Person, Depends(somebody)]) -> Person:
        if person.role is not Role.RESEARCHER:
            raise HTTPException(403, "This is for whoever runs the study.")
        return person

    somebody_ = Annotated[Person, Depends(somebody)]
    researcher_ = Annotated[Person, Depends(researcher)]

    @app.exception_handler(RlhpRayError)
    def refused(_: Request, error: Exception) -> Response:
        # What can't be taken says so for good; what the run can't do now is tried again by the page.
        final = type(error) is RlhpRayError
        return JSONResponse({"detail": str(error)}, status_code=409 if final else 503)

    @app.exception_handler(RayError)
    def away(_: Request, error: Exception) -> Response:
        return JSONResponse({"detail": "The run doesn't answer at the moment."}, status_code=503)

    @app.exception_handler(RequestValidationError)
    def malformed(_: Request, error: Exception) -> Response:
        # FastAPI's own answer repeats what was sent, which may be bytes that are no text.
        assert isinstance(error, RequestValidationError)
        detail = [{"loc": one["loc"], "msg": one["msg"], "type": one["type"]} for one in error.errors()]
        return Response(json.dumps({"detail": detail}), status_code=422, media_type="application/json")

    @app.get("/", include_in_schema=False)
    def page(
        request: Request,
        token: Annotated[str | None, Query()] = None,
        rlhp_ray: Annotated[str | None, Cookie()] = None,
    ) -> Response:
        if token is not None and invitations.person(token) is not None:
            # The token leaves the address bar at once, and with it the browser's history.
            home = request.scope.get("root_path", "") + "/"
            response: Response = RedirectResponse(home, status_code=303)
            response.set_cookie(
                COOKIE, token, max_age=90 * 86_400, path=home, httponly=True, samesite="strict", secure=secure
            )
            return response
        if invitations.person(rlhp_ray or "") is None:
            return _file("closed.html", status=401)
        return _file("index.html")

    @app.get("/static/{name}", include_in_schema=False)
    def static(name: str) -> Response:
        return _file(name)

    @app.get("/api/session")
    def session(person: somebody_) -> dict[str, Any]:
        """Who I am, and what is to be taught."""
        return {"name": person.name, "role": person.role, **study.task()}

    @app.post("/api/pairs")
    def pairs(holding: Holding, person: somebody_) -> dict[str, Any]:
        """Keep what the page has, and give what is missing to four pairs."""
        handed = desk.hand(person, holding.holding, holding.page)
        return {
            "pairs": [{"query_id": p.query_id, "left": p.left, "right": p.right} for p in handed.pairs],
            "kept": handed.kept,
            "reason": handed.reason,
            "held": handed.held,
            "until": handed.until,
        }

    @app.post("/api/leave")
    def leave(holding: Holding, person: somebody_) -> dict[str, int]:
        """Give back what the page has: it is closed."""
        return {"released": desk.leave(person, holding.holding, holding.page)}

    @app.post("/api/answers")
    def answer(given: GivenAnswer, person: somebody_) -> dict[str, bool]:
        """Take an answer; it is durable when this returns."""
        pair = Pair(given.query_id, given.left, given.right)
        return {"new": desk.answer(person, given.answer_id, pair, given.choice, given.seconds)}

    @app.post("/api/undo")
    def undo(undone: Undone, person: somebody_) -> dict[str, bool]:
        """Take an answer of one's own back."""
        return {"new": desk.undo(person, undone.answer_id, undone.page)}

    @app.post("/api/failures")
    def failure(failed: Failure, person: somebody_) -> dict[str, bool]:
        """Report a clip that can't be played: its pair is asked again later, and the run's log says so."""
        desk.failed(person, failed.query_id, failed.page)
        study.clip_failed(person, failed.query_id, failed.segment_id)
        return {"noted": True}

    @app.get("/api/clips/{segment_id}")
    def clip(segment_id: Annotated[int, Path(ge=0, lt=2**53)], person: somebody_) -> Response:
        """A clip, the same for ever: an MP4 file, or poses of the session's scene."""
        headers = {"cache-control": "private, max-age=86400, immutable"}
        return Response(study.clip(segment_id), media_type="application/octet-stream", headers=headers)

    @app.get("/api/standing")
    def standing(person: somebody_) -> dict[str, Any]:
        """How the run stands."""
        return _finite(study.standing(person))

    @app.get("/api/episode.mp4")
    def episode(person: somebody_) -> Response:
        """The agent's newest episode."""
        found = study.episode()
        if found is None:
            raise HTTPException(404, "No episode was filmed yet.")
        return Response(found, media_type="video/mp4")

    @app.get("/api/people")
    def people(person: researcher_) -> dict[str, Any]:
        """Everybody's figures."""
        return _finite(study.people())

    @app.post("/api/people/excluded")
    def exclude(excluded: Excluded, person: researcher_) -> dict[str, bool]:
        """Leave somebody's answers out of the training, or take them in again."""
        return {"new": study.exclude(excluded.name, excluded.excluded, person)}

    @app.post("/api/invitations")
    def invite(invited: Invited, person: researcher_) -> dict[str, str]:
        """A link's token for somebody."""
        return {"token": invitations.token(Person(invited.name, invited.role))}

    return app


@functools.cache
def _files() -> dict[str, bytes]:
    folder = resources.files("rlhp_ray.labeling") / "static"
    return {entry.name: entry.read_bytes() for entry in folder.iterdir() if entry.is_file()}


def _file(name: str, *, status: int = 200) -> Response:
    """A file of the page's own, by its name: no path is ever made of it."""
    found = _files().get(name)
    if found is None:
        raise HTTPException(404, "There is no such file.")
    kind = _KINDS[name[name.rindex(".") :]]
    return Response(found, status_code=status, media_type=kind)


def _finite(values: Mapping[str, Any]) -> dict[str, Any]:
    """JSON knows no NaN."""

    def clean(value: Any) -> Any:
        if isinstance(value, float):
            return value if math.isfinite(value) else None
        if isinstance(value, Mapping):
            return {name: clean(inner) for name, inner in value.items()}
        return [clean(inner) for inner in value] if isinstance(value, list | tuple) else value

    cleaned: dict[str, Any] = clean(values)
    return cleaned
