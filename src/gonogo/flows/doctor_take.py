"""Looks into a state and a line each: places side by side, few looks at one place at once, none waited for for ever."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any

from gonogo.flows.collecting import LOOK_ENDS_WITHIN, Collector, import_clients
from gonogo.flows.doctor_looks import Asked
from gonogo.flows.side_by_side import side_by_side
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
    lanes: dict[str, list[PlannedLook]] = {}
    for key, place in places.items():
        lanes.setdefault(place, []).append(looks[key])
    longest = max((PROBES[look.kind].takes(look.options) for look in looks.values()), default=timedelta(0))
    within = ends_within + longest
    results = side_by_side([(lane, AT_ONCE) for lane in lanes.values()], collector.take, within)
    return {look.key: _taken(look, result, within) for look, result in results}


def _taken(look: PlannedLook, result: Evidence | BaseException | None, within: timedelta) -> Taken:
    match result:
        case Evidence():
            return state(result, str(getattr(look.options, "sql", "") or getattr(look.options, "query", "")))
        case GonogoError():
            return "not set up", str(result)
        case None:
            return "unreachable", f"{look.kind}: the look did not end within {show_duration(within)}"
        case _:
            return "odd", f"the {look.kind} probe ended with {type(result).__name__}"


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
