"""What a plan for a limiter may ask for."""

from __future__ import annotations

from dataclasses import dataclass

from gonogo.model.load import Event
from gonogo.model.rate_scenes import Skipped, Variant


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """Send nothing for so many seconds."""

    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Send:
    """Send `n` requests, `spacing` seconds apart; 0: as fast as it goes, not waiting for answers.

    `scene`: ids of the properties that they show. `variant`: how they differ, None for plain ones. `fresh`: each over
    a connection of its own. `serial`: each after the answer of the one before.
    """

    n: int
    spacing: float = 0.0
    scene: str = ""
    variant: Variant | None = None
    fresh: bool = False
    serial: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """Nothing more to learn, or no leave to: why. `short`: what a proof needed and could not wait for.

    `more`: about how many more requests would show all that was skipped.
    """

    reason: str
    short: str = ""
    skipped: tuple[Skipped, ...] = ()
    more: int = 0


Step = Wait | Send | Done


def accepted(event: Event) -> bool:
    """True for an answer that no limiter and no fault made."""
    return 0 < event.status < 400
