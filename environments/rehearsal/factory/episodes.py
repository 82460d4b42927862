"""Trouble of the last month that is over: when a circuit breaker was open, and which alert fired when.

Both are told by the same episodes, so that a quarter's review finds each opened breaker announced by its alert, but
for the faults that say otherwise.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from factory import past
from factory.metrics import Series
from factory.world import DAY, HOUR, World

MINUTE = 60.0
NOTICED_S = 2 * MINUTE  # until a rule that holds is an alert that fires


@dataclass(frozen=True, slots=True, kw_only=True)
class Episode:
    """`ago` seconds before the rehearsal began, for `lasts`: a breaker that was open, the alerts that fired."""

    ago: float
    lasts: float
    alerts: tuple[str, ...]
    breaker: str | None = None


PAST = (
    Episode(ago=9.4 * DAY, lasts=42 * MINUTE, alerts=("LLMHighFailureRate", "CircuitBreakerOpen"), breaker="llm"),
    Episode(ago=16.2 * DAY, lasts=8 * MINUTE, alerts=("JudgmentServiceDown",)),
    Episode(ago=21.7 * DAY, lasts=25 * MINUTE, alerts=("CircuitBreakerOpen",), breaker="mcp"),
    Episode(ago=3.1 * DAY, lasts=35 * MINUTE, alerts=("DatabaseHighCPU",)),
)
_UNALERTED = Episode(ago=14.5 * DAY, lasts=130 * MINUTE, alerts=(), breaker="database")
_FLAPPING = tuple(
    Episode(ago=2 * DAY + n * 3 * HOUR, lasts=10 * MINUTE, alerts=("LLMHighFailureRate",)) for n in range(60)
)


def episodes(world: World) -> tuple[Episode, ...]:
    """Those of a world."""
    more = (_UNALERTED,) if world.fault("breaker-opened-unalerted") else ()
    return PAST + more + (_FLAPPING if world.fault("alerts-flapping") else ())


def changed(series: list[Series], world: World) -> list[Series]:
    """Breakers as they were: open in their episodes."""
    return [_opened(one, world) if one.name == past.BREAKERS else one for one in series]


def _opened(one: Series, world: World) -> Series:
    spans = [
        (world.now - each.ago, world.now - each.ago + each.lasts)
        for each in episodes(world)
        if each.breaker == one.labels.get("breaker")
    ]
    if not spans:
        return one
    return replace(one, at=_at(one.at, spans, float(one.labels.get("state") == "OPEN")))


def _at(
    usual: Callable[[float], float | None], spans: list[tuple[float, float]], during: float
) -> Callable[[float], float | None]:
    def at(moment: float) -> float | None:
        for since, until in spans:
            if since <= moment <= until:
                return during
        return usual(moment)

    return at


def fired(world: World) -> list[tuple[str, float, float]]:
    """(alert, since, until) of the past."""
    return [
        (alert, world.now - each.ago + NOTICED_S, world.now - each.ago + each.lasts)
        for each in episodes(world)
        for alert in each.alerts
    ]
