"""An incident and its recovery: what was lost, six phases with their budgets, and the disaster recovery drill."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from typing import Any

from gonogo.model.errors import Origin


class IncidentClass(StrEnum):
    """What happened. Each class has an RPO and an RTO of its own among the objectives (`rpo_region_loss` ...)."""

    REGION_LOSS = "region_loss"
    DATABASE_DAMAGE = "database_damage"
    DATA_POLLUTION = "data_pollution"


CLASS_WORDS: Mapping[IncidentClass, Mapping[str, str]] = {
    IncidentClass.REGION_LOSS: {"en": "loss of a region", "ko": "리전 장애"},
    IncidentClass.DATABASE_DAMAGE: {"en": "damage to the database", "ko": "데이터베이스 손상"},
    IncidentClass.DATA_POLLUTION: {"en": "corrupted data", "ko": "데이터 오염"},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """From when to when; without an end it is still under way."""

    started: datetime
    ended: datetime | None = None
    note: str | None = None
    origin: Origin = field(default=Origin(file="?"), compare=False)

    def took(self, now: datetime) -> timedelta:
        """How long it took, or has taken until `now`."""
        return (self.ended or now) - self.started


@dataclass(frozen=True, slots=True, kw_only=True)
class Phases:
    """The six phases of a recovery, in their order; one that has not begun is left out."""

    declare: Span | None = None
    infrastructure: Span | None = None
    restore: Span | None = None
    services: Span | None = None
    verify: Span | None = None
    switch: Span | None = None

    def begun(self) -> dict[str, Span]:
        """Name -> span of those that have begun, in their order."""
        found = {name: getattr(self, name) for name in PHASES}
        return {name: span for name, span in found.items() if span is not None}


_ROUNDED = timedelta(minutes=1)  # people write minutes
PHASES = tuple(each.name for each in fields(Phases))
# The runbook's minutes, and what stands for a phase in reports. Restoring takes 60 to 120 minutes.
BUDGETS: Mapping[str, timedelta] = {
    name: timedelta(minutes=minutes) for name, minutes in zip(PHASES, (15, 30, 120, 30, 30, 30), strict=True)
}
PHASE_WORDS: Mapping[str, Mapping[str, str]] = {
    "declare": {"en": "Assess and declare", "ko": "상황 파악 및 선언"},
    "infrastructure": {"en": "Recovery infrastructure", "ko": "복구 인프라 기동"},
    "restore": {"en": "Restore the data", "ko": "데이터 복원"},
    "services": {"en": "Start the services", "ko": "서비스 기동"},
    "verify": {"en": "Verify data and business", "ko": "데이터·업무 검증"},
    "switch": {"en": "Switch traffic over", "ko": "트래픽 전환"},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class DataLoss:
    """What was written between these moments is lost; equal moments say that nothing is."""

    since: datetime
    until: datetime
    origin: Origin = field(default=Origin(file="?"), compare=False)

    @property
    def took(self) -> timedelta:
        """The width of the window."""
        return self.until - self.since


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """One incident as its commander records it. `class` decides which RPO and RTO hold."""

    id: str
    class_: IncidentClass
    began: datetime
    detected: datetime
    phases: Phases
    summary: Mapping[str, str]  # en and ko: one sentence for customers
    data_loss: DataLoss | None = None
    affected_customers: int | None = None
    commander: str | None = None
    origin: Origin = field(default=Origin(file="?"), compare=False)

    @property
    def restored(self) -> datetime | None:
        """When the last of all six phases ended; None while one is missing or under way."""
        ends = [span.ended for span in self.phases.begun().values()]
        known = [end for end in ends if end is not None]
        return max(known) if len(known) == len(PHASES) else None


class DrillResult(StrEnum):
    """How a step of a drill came out."""

    PASSED = "passed"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class DrillStep:
    """One step of a drill, with where its proof stands."""

    started: datetime
    ended: datetime
    result: DrillResult
    link: str
    origin: Origin = field(default=Origin(file="?"), compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Drill:
    """A recorded rehearsal of the recovery: to the recovery site, what was proven there, and back."""

    by: str
    switch_over: DrillStep
    data_consistency: DrillStep
    smoke: DrillStep
    switch_back: DrillStep
    findings: tuple[str, ...] = ()
    origin: Origin = field(default=Origin(file="?"), compare=False)

    def steps(self) -> dict[str, DrillStep]:
        """The four steps in their order."""
        return {name: getattr(self, name) for name in DRILL_STEPS}


DRILL_STEPS = ("switch_over", "data_consistency", "smoke", "switch_back")


def whole_minutes(seconds: float) -> int:
    """Minutes as people are told them, rounded up: what is beyond a limit must not look as if it had kept it."""
    return math.ceil(seconds / 60)


def timeline(incident: Incident, now: datetime) -> dict[str, Any]:
    """The incident as a JSON document: {id, class, class_words, summary, began, detected, restored, elapsed_s,
    detection_s, phases: [{name, words, started, ended, took_s, budget_s, over_s, note}], not_begun, ahead: [{name,
    words, budget_s}], open, doubts, data_loss, data_loss_s, affected_customers, commander}.

    Moments are ISO 8601; `elapsed_s` runs from `began` to `restored`, or to `now` without it. What the record tells of
    the future counts up to `now`: nothing is missed before it happened. `doubts` says in which
    places the record contradicts itself.
    """
    begun = incident.phases.begun()
    restored = incident.restored
    if restored is not None and restored > now + _ROUNDED:
        restored = None  # a plan, or a slip
    rows = [_row(name, span, now) for name, span in begun.items()]
    loss = incident.data_loss
    return {
        "id": incident.id,
        "class": incident.class_.value,
        "class_words": dict(CLASS_WORDS[incident.class_]),
        "summary": dict(incident.summary),
        "began": incident.began.isoformat(),
        "detected": incident.detected.isoformat(),
        "restored": restored.isoformat() if restored else None,
        "elapsed_s": ((restored or now) - incident.began).total_seconds(),
        "detection_s": (incident.detected - incident.began).total_seconds(),
        "phases": rows,
        "not_begun": [name for name in PHASES if name not in begun],
        "ahead": [
            {"name": name, "words": dict(PHASE_WORDS[name]), "budget_s": BUDGETS[name].total_seconds()}
            for name in PHASES
            if name not in begun
        ],
        "open": [name for name, span in begun.items() if span.ended is None],
        "doubts": _doubts(incident, begun, now),
        "data_loss": None if loss is None else {"since": loss.since.isoformat(), "until": loss.until.isoformat()},
        "data_loss_s": None
        if loss is None
        else max(0.0, (min(loss.until, now + _ROUNDED) - loss.since).total_seconds()),
        "affected_customers": incident.affected_customers,
        "commander": incident.commander,
    }


def _row(name: str, span: Span, now: datetime) -> dict[str, Any]:
    took, budget = span.took(now).total_seconds(), BUDGETS[name].total_seconds()
    return {
        "name": name,
        "words": dict(PHASE_WORDS[name]),
        "started": span.started.isoformat(),
        "ended": span.ended.isoformat() if span.ended else None,
        "took_s": took,
        "budget_s": budget,
        "over_s": max(0.0, took - budget),
        "note": span.note,
    }


def in_future(incident: Incident, now: datetime) -> list[str]:
    """What the record tells as having happened, and what has yet to: `phases.switch.ended lies in the future`."""
    loss = incident.data_loss
    told = {"detected": incident.detected, "data_loss.until": None if loss is None else loss.until}
    for name, span in incident.phases.begun().items():
        told[f"phases.{name}.{'started' if span.ended is None else 'ended'}"] = span.ended or span.started
    return [f"{name} lies in the future" for name, at in told.items() if at is not None and at > now + _ROUNDED]


def _doubts(incident: Incident, begun: Mapping[str, Span], now: datetime) -> list[str]:
    """Phases come one after the other, and are over when they are recorded so; a record in which they do not, or that
    tells what has yet to happen, is no proof of how long anything took.
    """
    found = in_future(incident, now)
    names = list(begun)
    if names and begun[names[0]].started < incident.began:
        found.append(f"{names[0]} started before the incident began")
    for before, after in pairwise(names):
        end = begun[before].ended
        if begun[after].started < begun[before].started:
            found.append(f"{after} started before {before} did")
        elif end is None:
            found.append(f"{after} started and {before} has no end")
        elif begun[after].started < end:
            found.append(f"{after} started before {before} ended")
    last = max((PHASES.index(name) for name in names), default=-1)
    found += [f"{name} is missing, and a later phase began" for name in PHASES[: last + 1] if name not in begun]
    return found
