"""The labelling page's part of the configuration."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from rlhp_ray.config.part import Fraction, NonNegativeInt, Part, PositiveFloat, PositiveInt


class LabelingPart(Part):
    """The page on which people compare clips (teacher.kind=human)."""

    host: str = Field(
        "127.0.0.1", description="Where Ray Serve listens; loopback is seen by this machine only, 0.0.0.0 by all."
    )
    port: Annotated[int, Field(ge=1, le=65_535)] = Field(8000, description="Its port.")
    public_address: Annotated[str, Field(pattern=r"^https?://[^/?#]+$")] | None = Field(
        None,
        description="What links begin with where people reach the page otherwise, such as `https://label.example.org` "
        "before a proxy; null: `http://host:port`.",
    )
    width: Annotated[int, Field(ge=64, le=2048)] = Field(
        320, description="Pixels of a clip that is a video, as a game's; robots are drawn by the browser."
    )
    height: Annotated[int, Field(ge=64, le=2048)] = Field(240, description="The same.")
    cache_bytes: PositiveInt = Field(300_000_000, description="Clips that each process that makes them keeps.")
    processes: PositiveInt = Field(1, description="Processes that make clips.")
    second_share: Fraction = Field(0.05, description="Share of the queries that go to a second person too.")
    repeat_share: Fraction = Field(0.05, description="Share of the queries that come back to the same person.")
    repeat_after: NonNegativeInt = Field(20, description="Answers that the person gives before one comes back.")
    pause_minutes: PositiveFloat | None = Field(20.0, description="A pause is suggested after so long; null: never.")
    film_seconds: PositiveFloat = Field(
        60.0, description="The newest episode is filmed for the page this often, while it trains."
    )
