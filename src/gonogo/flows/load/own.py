"""A load run of somebody's own Locust users: what its profile allows of it, and what its paths are held against."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from gonogo.flows.load.guards import SIDES
from gonogo.flows.load.run import Asked, Order, take_order
from gonogo.judges.loads.slos import Standard
from gonogo.judges.rate.limit import validate
from gonogo.load.fleet import Found
from gonogo.model.errors import ConfigError, SafetyRefusal
from gonogo.model.load import OutcomeClass, Workload
from gonogo.model.ratelimit import Algorithm, Policy, PropertyResult, Shown
from gonogo.model.units import show_duration

_WORST = (Shown.FAIL, Shown.NOT_VISIBLE, Shown.PASS)
_NAMED = 3  # paths of a side that are spelt out


@dataclass(frozen=True, slots=True, kw_only=True)
class Own:
    """What users that bring their own paths are held against. `problems` keep it from being GO."""

    standards: Mapping[str, Standard]
    findings: tuple[PropertyResult, ...]
    problems: tuple[str, ...] = ()


def own_order(asked: Asked, run_time: int | None) -> Order:
    """The order of own users, who bring their paths; `run_time` in s may shorten it. Raises as `take_order` does."""
    plain = Asked(root=asked.root)
    for name in ("method", "canary_path", "legacy_path", "body"):
        if getattr(asked, name) != getattr(plain, name):
            raise ConfigError(f"--{name.replace('_', '-')} is for FleetUser; your own classes say what they send")
    order = take_order(replace(asked, canary_path="/", legacy_path="/"))
    profile = order.profile
    if profile.workload is Workload.OPEN:
        raise ConfigError(
            f"profile {profile.name!r} is open: its requests leave by a schedule, and users that wait for their answers"
            " cannot keep one; load it with FleetUser, or name a closed profile",
            profile.origin,
        )
    if run_time is not None:
        wanted = timedelta(seconds=run_time)
        if profile.duration is not None and wanted > profile.duration:
            raise SafetyRefusal(
                f"{order.environment.name} allows {profile.name!r} for {show_duration(profile.duration)},"
                f" not for {show_duration(wanted)}",
                order.environment.origin,
            )
        order = replace(order, profile=replace(profile, duration=wanted))
    return order


def guard_users(order: Order, users: Mapping[str, int]) -> None:
    """SafetyRefusal when a side would have more users than the profile has connections."""
    most = order.profile.connections
    for side, count in users.items():
        if count > most:
            raise SafetyRefusal(
                f"{order.environment.name} allows {most} user{'s' * (most != 1)} a side with {order.profile.name!r},"
                f" not {count} of {side}",
                order.environment.origin,
            )


def own_rejects(order: Order) -> dict[str, int]:
    """Path -> status, of the policies that reject with a status of their own."""
    return {
        policy.path: policy.reject_status
        for policy in order.environment.policies
        if policy.algorithm is not Algorithm.NONE
    }


def hold_to_paths(order: Order, found: Found | None, problems: Iterable[str]) -> Own:
    """What a run of own users is held against, once its paths are known."""
    standards = _standards(order, found)
    return Own(standards=standards, findings=_findings(order, found), problems=tuple(problems))


def _standards(order: Order, found: Found | None) -> dict[str, Standard]:
    made: dict[str, Standard] = {}
    for side in order.paths:
        paths = _paths(found, side)
        shown = ", ".join(paths[:_NAMED]) + (f" and {len(paths) - _NAMED} more" if len(paths) > _NAMED else "")
        declared = [policy for policy in order.environment.policies if policy.path in paths]
        declared.sort(key=lambda policy: policy.algorithm is Algorithm.NONE)
        made[side] = Standard(
            path=shown or "/",
            names=SIDES[side],
            objectives=order.environment.objectives,
            policy=declared[0] if declared else None,
        )
    return made


def _findings(order: Order, found: Found | None) -> tuple[PropertyResult, ...]:
    """Each property of each side over all of its paths: the worst of what they show."""
    if found is None:
        return ()
    declared = {policy.path: policy for policy in order.environment.policies}
    seen = {path for side in order.paths for path in _paths(found, side)}
    mine = [policy for path, policy in declared.items() if path in seen]
    if not found.events or not mine:
        return ()
    shown = [*validate(found.events, mine, started=found.started.timestamp()), *_undeclared(found, declared)]
    by_property: dict[tuple[str, str], PropertyResult] = {}
    for one in sorted(shown, key=lambda one: _WORST.index(one.verdict)):
        by_property.setdefault((one.id, one.side), one)
    return tuple(by_property.values())


def _undeclared(found: Found, declared: Mapping[str, Policy]) -> Iterable[PropertyResult]:
    """Rejects of paths that no policy speaks of."""
    for side in found.sides:
        rejects: dict[str, int] = {}
        for event in found.events:
            path = event.endpoint.partition(" ")[2]
            if event.side == side.side and path not in declared and event.outcome is OutcomeClass.LIMITED:
                rejects[path] = rejects.get(path, 0) + 1
        for path, count in rejects.items():
            said = f"{count} requests were answered 429, and no policy is declared for {path}"
            yield PropertyResult(id="P2", side=side.side, path=path, verdict=Shown.FAIL, reason=said)


def _paths(found: Found | None, side: str) -> list[str]:
    if found is None:
        return []
    endpoints = [event.endpoint for event in found.events if event.side == side] or [
        histogram.endpoint for one in found.sides if one.side == side for histogram in one.histograms
    ]
    return list(dict.fromkeys(endpoint.partition(" ")[2] for endpoint in endpoints))
