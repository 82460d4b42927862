"""The incidents of AI Factory, each as all that know of it show it at once: health, metrics, calls of the LLM.

What is wrong in PostgreSQL is really wrong there (`sessions`), what is wrong with votes stands in its tables
(`sickness`), and pods and the Helm release tell of memory and of the deploy (`kubernetes_*`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from factory import past
from factory.ledger import DAY, Pace
from factory.past import BOUNDS, EXPLANATION_S, Flow
from factory.world import HOUR, OLD_VERSION, PRODUCTION, World

SINCE_S = 20 * 60.0  # how long ago an incident began
CANARY_S = 900.0  # from T0 until all pods have the new version
PATH = "/api/v1/judgment/executions/{id}/explanation"
# Judgment answers 503 to everything, /health too.
DOWN = ("incident-oom", "incident-db-slow", "incident-db-locks", "incident-db-connections", "incident-db-full")
POOL_FULL = ("incident-pool", "incident-llm-slow", "incident-db-slow", "incident-db-locks")
# Of judgment's requests, how many more fail: (status, ratio of the good ones, seconds each took).
FAILS: dict[str, tuple[str, float, float]] = {
    "incident-oom": ("503", 0.6, 0.01),
    "incident-pool": ("503", 0.5, 2.0),
    "incident-llm-down": ("502", 0.4, 2.0),
    "incident-llm-slow": ("504", 0.3, 60.0),
    "incident-db-slow": ("503", 0.4, 8.0),
    "incident-db-locks": ("503", 0.5, 8.0),
    "incident-db-connections": ("503", 0.4, 0.05),
    "incident-db-full": ("503", 0.6, 0.05),
    "database-down": ("503", 0.5, 2.0),
    "incident-unknown": ("503", 0.3, 0.3),
}
CODE_FAILS = ("500", 0.35, 0.02)
LLM_ERRORS = {"incident-llm-down": (0.8, 2.0), "llm-recovering": (0.03, 2.0)}  # ratio of the good calls, seconds each
LLM_SLOW_S = 45.0
LLM_PAST = (HOUR * 0.8, HOUR * 0.5)  # since and until when, before now, a provider that recovers had failed


def changed(flows: list[Flow], world: World) -> list[Flow]:
    """The counted past as the incidents would have made it."""
    since = world.now - SINCE_S
    found = [*flows, *_by_version(world)]
    for fault, (status, ratio, seconds) in FAILS.items():
        if world.fault(fault):
            found += _failed(world, status, ratio, seconds, since)
    if world.fault("incident-bad-code"):
        found += _failed(world, *CODE_FAILS, since=_promoted(world))
    for fault, (ratio, seconds) in LLM_ERRORS.items():
        if world.fault(fault):
            found += _calls("error", EXPLANATION_S / ratio, seconds, since)
    if world.fault("llm-recovering"):
        begin, end = (world.now - ago for ago in LLM_PAST)
        found += _calls("error", EXPLANATION_S / 0.5, 2.0, begin, end)
    if world.fault("incident-llm-slow"):
        slow = (past.LLM_LATENCY, past.LLM_CALLS)
        found = [replace(one, until=since) if one.name.startswith(slow) else one for one in found]
        found += _calls("ok", EXPLANATION_S, LLM_SLOW_S, since)
    return found


def changed_gauges(
    gauges: list[tuple[str, dict[str, str], float]], world: World
) -> list[tuple[str, dict[str, str], float]]:
    """The same of states: a full pool."""
    if not any(world.fault(name) for name in POOL_FULL):
        return gauges
    return [(name, labels, float(past.POOL_OF) if name == past.POOL_USED else value) for name, labels, value in gauges]


def _failed(world: World, status: str, ratio: float, seconds: float, since: float) -> Iterator[Flow]:
    """Requests of judgment that fail, in all that is counted of them; by version as the pods are."""
    labels = {"service": "judgment", "namespace": PRODUCTION, "track": "stable", "path": PATH}
    pace = Pace(every_s=EXPLANATION_S / ratio)
    yield Flow(name=past.REQUESTS, labels={**labels, "method": "GET", "status": status}, pace=pace, since=since)
    yield from _histogram(Flow(name=past.LATENCY, labels=labels, pace=pace, since=since), seconds)
    if world.scene != "deployed":
        return
    told = {"service": "judgment", "namespace": PRODUCTION, "status": status}
    new = _promoted(world)
    if since < new:
        yield Flow(name=past.ANSWERS, labels={**told, "version": OLD_VERSION}, pace=pace, since=since, until=new)
    yield Flow(name=past.ANSWERS, labels={**told, "version": world.new_version}, pace=pace, since=max(since, new))


def _promoted(world: World) -> float:
    """When all pods of judgment got the new version."""
    return world.t0 + CANARY_S


def _by_version(world: World) -> Iterator[Flow]:
    """What judgment's pods answered, by the version that they run: 5 a second, and two of a thousand fail."""
    if world.scene != "deployed":
        return
    new = _promoted(world)
    spans = ((OLD_VERSION, world.now - past.SINCE_DAYS * DAY, new), (world.new_version, new, None))
    for version, since, until in spans:
        for status, first, count in (("200", 0, 998), ("503", 998, 2)):
            labels = {"service": "judgment", "namespace": PRODUCTION, "version": version, "status": status}
            pace = Pace(every_s=EXPLANATION_S, of=1000, first=first, count=count)
            yield Flow(name=past.ANSWERS, labels=labels, pace=pace, since=since, until=until)


def _calls(outcome: str, every_s: float, seconds: float, since: float, until: float | None = None) -> Iterator[Flow]:
    """Calls of the LLM."""
    labels = {"service": "judgment", "namespace": PRODUCTION, "track": "stable"}
    pace = Pace(every_s=every_s)
    yield Flow(name=past.LLM_CALLS, labels={**labels, "outcome": outcome}, pace=pace, since=since, until=until)
    yield from _histogram(Flow(name=past.LLM_LATENCY, labels=labels, pace=pace, since=since, until=until), seconds)


def _histogram(one: Flow, seconds: float) -> Iterator[Flow]:
    """The observations of a flow whose events take so long."""
    for le in BOUNDS:
        if seconds <= float(le):
            yield replace(one, name=f"{one.name}_bucket", labels={**one.labels, "le": le})
    yield replace(one, name=f"{one.name}_count")
    yield replace(one, name=f"{one.name}_sum", amount=seconds)
