"""What a plan for a limiter may ask for."""

from __future__ import annotations

from dataclasses import dataclass

from gonogo.model.load import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """Send nothing for so many seconds."""

    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Send:
    """Send `n` requests, `spacing` seconds apart; 0: as fast as it goes, not waiting for answers."""

    n: int
    spacing: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """Nothing more to learn, or no leave to: why."""

    reason: str


Step = Wait | Send | Done


def accepted(event: Event) -> bool:
    """True for an answer that no limiter and no fault made."""
    return 0 < event.status < 400
