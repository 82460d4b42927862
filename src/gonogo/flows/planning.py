"""A book and the phases asked for into the plan that is fixed before the first packet."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from gonogo.flows.book import Book
from gonogo.model.check import Check
from gonogo.model.errors import ConfigError
from gonogo.model.evidence import Look
from gonogo.model.run import Plan, PlannedLook
from gonogo.model.units import show_duration
from gonogo.probes import PROBES
from gonogo.probes.http.probe import HttpOptions

_ALWAYS = timedelta.max
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """Checks of the selected phases, split by whether they are due."""

    due: tuple[Check, ...]
    not_due: Mapping[str, timedelta | None]


def scene_of(book: Book, phase: str) -> str:
    """The scene in which a rehearsed environment plays this phase; empty elsewhere."""
    start = book.environment.start
    return start.scenes.get(phase, "") if start else ""


def look_of(book: Book, kind: str, options: object, phase: str) -> Look:
    """The one look that serves every check of this phase that asks for the same.

    A side's health path is spelled out, so that asking for it by name and asking for it by default is one look.
    """
    sides = book.environment.sides
    if isinstance(options, HttpOptions) and options.path is None and options.side in sides:
        options = replace(options, path=sides[options.side].health)
    return Look(environment=book.environment.name, kind=kind, options=options, scene=scene_of(book, phase))


def t0_look(book: Book, phases: Iterable[str]) -> Look | None:
    """The look that tells when the serving revision was created: for a timeline whose release gives no T0."""
    checks = book.candidates(phases)
    if book.release is not None and book.release.t0 is not None:
        return None
    needed = any(_needs_t0(check) for check in checks)
    environment = book.environment
    if not needed or "cloud_run" not in environment.back_ends:
        return None
    phase = next(check.phase for check in checks if _needs_t0(check))
    side = "canary" if phase == "canary" and "canary" in environment.sides else "stable"
    if side not in environment.sides or environment.sides[side].service is None:
        return None
    return look_of(book, "cloud_run", PROBES["cloud_run"].options(side=side), phase)


def _needs_t0(check: Check) -> bool:
    if check.at is not None and check.at > timedelta(0):
        return True
    return any(getattr(spec.options, "since_t0", False) for spec in check.probes.values())


def manifest(book: Book, phases: Iterable[str], t0: datetime | None, now: datetime) -> Manifest:
    """Which checks are due: those whose place on the timeline has come, by --at or by now minus T0."""
    place = _place(book, t0, now)
    at = _ALWAYS if place is None else place
    due: list[Check] = []
    not_due: dict[str, timedelta | None] = {}
    for check in book.candidates(phases):
        if check.at is None or check.at <= at:
            due.append(check)
        else:
            not_due[check.id] = check.at
    return Manifest(due=tuple(due), not_due=not_due)


def _place(book: Book, t0: datetime | None, now: datetime) -> timedelta | None:
    """Where on the timeline this run stands, in whole seconds as --at is written; None if nobody knows."""
    if book.at is not None or t0 is None:
        return book.at
    return timedelta(seconds=(now - t0) // timedelta(seconds=1))


def time_doubts(plan: Plan, *, sought: bool) -> tuple[str, ...]:
    """Why the place on the timeline cannot be relied on; each makes HOLD. `sought`: a look was to tell T0.

    What is judged before its time is judged on figures of the release before.
    """
    if plan.t0 is None:
        unknown = sought and plan.at is None
        return (
            ("T0 is not known, so nobody knows what is due: give t0 in the release file, or --at",) if unknown else ()
        )
    passed = plan.created - plan.t0
    told = f"T0 was {show_duration(timedelta(seconds=passed // _SECOND))} ago" if passed >= _SECOND else "T0 is to come"
    places = {check.id: check.at for check in plan.checks if check.at is not None}
    early = [check_id for check_id, at in places.items() if at > timedelta(0) and passed < at * 0.9]
    if early:
        return (f"{told}: it is too early for {', '.join(early[:3])}" + (" and more" if len(early) > 3 else ""),)
    before = any(at < timedelta(0) for at in (*places.values(), *plan.not_due.values()) if at is not None)
    if plan.not_due and plan.checks and not before and passed < -timedelta(minutes=1):
        return (f"{told}, at {plan.t0:%Y-%m-%d %H:%M %Z}: nothing can be shown of what comes after it",)
    return ()


def make_plan(book: Book, phases: tuple[str, ...], t0: datetime | None, now: datetime) -> Plan:
    """The manifest with its looks and controls; each distinct look stands in it once."""
    split = manifest(book, phases, t0, now)
    looks: dict[str, PlannedLook] = {}
    uses: dict[str, dict[str, str]] = {}
    keys: dict[Look, str] = {}  # many checks share few looks, and a key is a digest
    for check in split.due:
        uses[check.id] = {}
        for name, spec in check.probes.items():
            look = look_of(book, spec.kind, spec.options, check.phase)
            if look not in keys:
                keys[look] = _planned(looks, look)
            uses[check.id][name] = keys[look]
    controls = _controls(book, split.due, looks)
    sent = sum(getattr(look.options, "times", 1) for look in looks.values())
    if sent > book.environment.guards.max_requests:
        raise ConfigError(
            f"the plan needs {sent} requests and {book.environment.name} allows {book.environment.guards.max_requests}"
            " (guards.max_requests)",
            book.environment.origin,
        )
    return Plan(
        run_id=secrets.token_hex(8),
        created=now,
        environment=book.environment,
        system=book.environment.system,
        phases=phases,
        checks=split.due,
        digests=book.digests,
        at=_place(book, t0, now),
        t0=t0,
        release=book.release,
        not_due=split.not_due,
        looks=tuple(looks.values()),
        uses=uses,
        controls=controls,
        faults=book.faults,
        scenes={phase: scene_of(book, phase) for phase in phases if scene_of(book, phase)},
        actions=book.actions,
        not_asked=book.not_asked(phases),
        waivers=book.waivers,
    )


def _planned(looks: dict[str, PlannedLook], look: Look) -> str:
    key = look.key
    if key not in looks:
        sides = PROBES[look.kind].sides(look.options)
        looks[key] = PlannedLook(
            key=key, kind=look.kind, options=look.options, side=sides[0] if sides else None, scene=look.scene
        )
    return key


def _controls(book: Book, due: Iterable[Check], looks: dict[str, PlannedLook]) -> tuple[str, ...]:
    """Where HTTP sides are looked at, every other side's health too: only then can a failing side be told
    from a failing observer.
    """
    sides = book.environment.sides
    phases = sorted({check.phase for check in due if any(spec.kind == "http" for spec in check.probes.values())})
    if len(sides) < 2:
        return ()
    keys: list[str] = []
    for phase in phases:
        for name, side in sides.items():
            options = HttpOptions(side=name, path=side.health)
            key = look_of(book, "http", options, phase).key
            if key not in looks:
                _planned(looks, look_of(book, "http", options, phase))
                keys.append(key)
    return tuple(keys)
