"""Requests of every kind, made from the page's own description: none ends in an error of the server's."""

from __future__ import annotations

import contextlib
from pathlib import Path

import hypothesis
import hypothesis.errors
import pytest
import schemathesis
from page_data import ANN, EVE, make_run

from rlhp_ray.labeling.access import Person
from rlhp_ray.labeling.guard import RateBound

CHECKS = list(hypothesis.HealthCheck)


@pytest.mark.parametrize("person", [ANN, EVE, None], ids=["annotator", "researcher", "stranger"])
def test_no_request_that_fits_the_description_or_not_breaks_the_page(tmp_path: Path, person: Person | None) -> None:
    run = make_run(tmp_path, rate=RateBound(1e6, 1e6))
    run.ask(5)
    schema = schemathesis.openapi.from_asgi("/api/openapi.json", run.app)
    headers = {"authorization": f"Bearer {run.invitations.token(person)}"} if person else {}
    seen: set[int] = set()
    for operation in (operation.ok() for operation in schema.get_all_operations()):
        for mode in schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE:

            @hypothesis.seed(0)
            @hypothesis.settings(max_examples=30, deadline=None, database=None, suppress_health_check=CHECKS)
            @hypothesis.given(case=operation.as_strategy(generation_mode=mode))
            def request(case: schemathesis.Case) -> None:
                status = case.call(headers=headers).status_code
                seen.add(status)
                assert status < 500, (case, status)

            with contextlib.suppress(hypothesis.errors.Unsatisfiable):  # nothing can be wrong about some
                request()
    if person is None:
        assert 200 not in seen
    else:
        assert {200, 401, 409, 422} <= seen and (403 in seen) == (person is ANN)
