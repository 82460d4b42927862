"""What the faults of Prometheus' items would have been counted as: flows that are added, ended or replaced."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from factory import past
from factory.ledger import JUDGMENT_S, Pace
from factory.past import BOUNDS, EXPLANATION_S, Flow
from factory.world import HOUR, PRODUCTION, World

CANARY_S = EXPLANATION_S / 0.1  # between two requests of the canary's users
NEW_S = 12 * 60  # of a canary that nobody has used for longer
_PATH = "/api/v1/judgment/executions/{id}/explanation"
_SLOW_S = 4.0


def changed(flows: list[Flow], world: World) -> list[Flow]:
    """The counted past as the faults of this world would have made it."""
    if world.fault("canary-idle"):
        until = world.t0 + 120
        flows = [replace(one, until=until) if one.labels.get("track") == "canary" else one for one in flows]
    if world.fault("canary-new"):
        since = world.now - NEW_S
        flows = [replace(one, since=since) if one.labels.get("track") == "canary" else one for one in flows]
    if world.fault("cache-hits-35pct"):
        flows = [one for one in flows if one.name not in (past.HITS, past.MISSES)]
    return flows + [one for fault, added in ADDED.items() if world.fault(fault) for one in added(world)]


def changed_gauges(
    gauges: list[tuple[str, dict[str, str], float]], world: World
) -> list[tuple[str, dict[str, str], float]]:
    """The same of states."""
    if world.fault("breakers-not-exported"):
        gauges = [one for one in gauges if one[0] != past.BREAKERS]
    if world.fault("breaker-open"):
        gauges = [
            (name, labels, float(labels["state"] == "OPEN"))
            if labels.get("breaker") == "mcp"
            else (name, labels, value)
            for name, labels, value in gauges
        ]
    return gauges


def _judgment(track: str = "stable") -> dict[str, str]:
    return {"service": "judgment", "namespace": PRODUCTION, "track": track}


def _errors(track: str, every_s: float, since: float) -> Iterator[Flow]:
    labels = {**_judgment(track), "path": _PATH, "method": "GET", "status": "503"}
    yield Flow(name=past.REQUESTS, labels=labels, pace=Pace(every_s=every_s), since=since)


def _slow(track: str, every_s: float, since: float) -> Iterator[Flow]:
    """Requests that take _SLOW_S, in all that is counted of them."""
    labels, pace = {**_judgment(track), "path": _PATH}, Pace(every_s=every_s)
    yield Flow(name=past.REQUESTS, labels={**labels, "method": "GET", "status": "200"}, pace=pace, since=since)
    for le in BOUNDS:
        if float(le) >= _SLOW_S:
            yield Flow(name=f"{past.LATENCY}_bucket", labels={**labels, "le": le}, pace=pace, since=since)
    yield Flow(name=f"{past.LATENCY}_count", labels=labels, pace=pace, since=since)
    yield Flow(name=f"{past.LATENCY}_sum", labels=labels, pace=pace, since=since, amount=_SLOW_S)


def _unreadable(track: str, every_s: float, since: float) -> Iterator[Flow]:
    yield Flow(name=past.LLM_UNREADABLE, labels=_judgment(track), pace=Pace(every_s=every_s), since=since)


def _cost(world: World) -> Iterator[Flow]:
    pace = Pace(every_s=JUDGMENT_S)
    yield Flow(name=past.LLM_COST, labels=_judgment(), pace=pace, since=world.now - 48 * HOUR, amount=0.012)


def _timeouts(world: World) -> Iterator[Flow]:
    labels = {"service": "mcp-hub", "namespace": PRODUCTION, "track": "stable", "tool": "erp.lookup"}
    yield Flow(name=past.MCP_TIMEOUTS, labels=labels, pace=Pace(every_s=20), since=world.now - 2 * HOUR)


def _few_hits(world: World) -> Iterator[Flow]:
    born = world.now - past.SINCE_DAYS * 24 * HOUR
    for name, first, count in ((past.HITS, 0, 7), (past.MISSES, 7, 13)):
        pace = Pace(every_s=JUDGMENT_S, of=20, first=first, count=count)
        yield Flow(name=name, labels=_judgment(), pace=pace, since=born)


ADDED: dict[str, Callable[[World], Iterator[Flow]]] = {
    "llm-parse-failures": lambda world: _unreadable("stable", EXPLANATION_S / 0.03, world.now - 20 * HOUR),
    "llm-cost-over": _cost,
    "mcp-timeouts": _timeouts,
    "cache-hits-35pct": _few_hits,
    "errors-stay": lambda world: _errors("stable", EXPLANATION_S / 0.08, world.now - 2 * HOUR),
    "slowness-stays": lambda world: _slow("stable", EXPLANATION_S / 0.1, world.now - 2 * HOUR),
    "canary-errors-3pct": lambda world: _errors("canary", CANARY_S / 0.03, world.t0),
    "canary-slow": lambda world: _slow("canary", CANARY_S / 0.1, world.t0),
    "canary-unreadable": lambda world: _unreadable("canary", CANARY_S / 0.02, world.t0),
}
