"""Looks into a state and a line each: places side by side, few looks at one place at once, none waited for for ever."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any

from gonogo.flows.collecting import LOOK_ENDS_WITHIN, Collector, import_clients
from gonogo.flows.doctor_looks import Asked
from gonogo.model.errors import ConfigError, GonogoError
from gonogo.model.evidence import Cause, Evidence, Seen, Unseen
from gonogo.model.run import PlannedLook
from gonogo.model.units import show_duration
from gonogo.probes import PROBES

AT_ONCE = 4  # looks at one place: a database has few sessions to spare
_MAY_BE_EMPTY = frozenset({"cloud_monitoring", "prometheus"})  # no traffic, no points: nothing is wrong with reading
_STATES = {
    Cause.NO_DATA: "not there",
    Cause.DENIED: "denied",
    Cause.UNREACHABLE: "unreachable",
    Cause.TIMEOUT: "unreachable",
}

Taken = tuple[str, str]  # state, text


def take_all(
    collector: Collector, asked: Sequence[Asked], ends_within: timedelta = LOOK_ENDS_WITHIN
) -> dict[str, Taken]:
    """What each look came to, by key; each is taken once. One that does not end in time is unreachable, and so is one
    that waits behind such at its place.
    """
    looks = {one.look.key: one.look for one in asked}
    for kind in {look.kind for look in looks.values()}:
        with suppress(ConfigError):  # a client that is not installed is told by its look
            import_clients([kind])
    places: dict[str, str] = {}
    for one in asked:
        places.setdefault(one.look.key, one.place)  # the first of two
    waiting: dict[str, queue.SimpleQueue[PlannedLook]] = {place: queue.SimpleQueue() for place in places.values()}
    for key, place in places.items():
        waiting[place].put(looks[key])
    ended: queue.SimpleQueue[tuple[str, Taken]] = queue.SimpleQueue()
    for tasks in waiting.values():
        for _ in range(min(AT_ONCE, tasks.qsize())):  # daemons: a look that hangs does not keep the process alive
            threading.Thread(target=_work, args=(collector, tasks, ended), name="gonogo-look", daemon=True).start()
    longest = max((PROBES[look.kind].takes(look.options) for look in looks.values()), default=timedelta(0))
    allowed = ends_within + longest
    limit = time.monotonic() + allowed.total_seconds()
    taken: dict[str, Taken] = {}
    with suppress(queue.Empty):
        while len(taken) < len(looks):
            key, found = ended.get(timeout=max(0.0, limit - time.monotonic()))
            taken[key] = found
    late = f"the look did not end within {show_duration(allowed)}"
    return {key: taken.get(key, ("unreachable", f"{look.kind}: {late}")) for key, look in looks.items()}


def _work(
    collector: Collector,
    tasks: queue.SimpleQueue[PlannedLook],
    ended: queue.SimpleQueue[tuple[str, Taken]],
) -> None:
    with suppress(queue.Empty):
        while True:
            look = tasks.get_nowait()
            try:
                found = _take(collector, look)
            except BaseException as error:  # noqa: BLE001 - a probe that ends its thread ends one look
                found = "odd", f"the {look.kind} probe ended with {type(error).__name__}"
            ended.put((look.key, found))


def _take(collector: Collector, look: PlannedLook) -> tuple[str, str]:
    try:
        evidence = collector.take(look)
    except GonogoError as error:
        return "not set up", str(error)
    return state(evidence, str(getattr(look.options, "sql", "") or getattr(look.options, "query", "")))


def state(evidence: Evidence, asked: str = "") -> tuple[str, str]:
    """State and text, without the statement or query that was asked: the items that want it tell more."""
    statement = " ".join(asked.split())
    source = evidence.source.partition(f" {statement[:40]}")[0] if statement else evidence.source
    match evidence.outcome:
        case Seen(data=data) if lacking := _lacking(evidence.kind, data):
            return "not there", f"{source}: no {', '.join(lacking)}, which the environment names"
        case Seen():
            return "ok", source
        case Unseen(cause=cause, detail=detail):
            if cause is Cause.NO_DATA and evidence.kind in _MAY_BE_EMPTY:
                return "ok", f"{source}: may be read, holds nothing now"
            said = detail.removesuffix(f": {statement[:200]}").removeprefix(f"{source.rpartition(' ')[2]}: ")
            text = detail if source in detail and not statement else f"{source}: {said}"
            return _STATES.get(cause, "odd"), text if cause in _STATES else f"{source}: {cause}, {said}"


def _lacking(kind: str, data: Mapping[str, Any]) -> list[str]:
    """Names that were asked for in a cluster, and are not among what was found there."""
    if not kind.startswith("kubernetes_"):
        return []
    without_pods = [one["name"] for one in data.get("workloads") or () if one.get("kind") is None]
    return [str(name) for name in (*(data.get("missing") or ()), *without_pods)]
