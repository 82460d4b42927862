"""WHAT: one checklist item, its looks and its rules, as the checklist gives them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Any

from gonogo.model.errors import Origin


class Phase(StrEnum):
    """The pytest mark that selects an item."""

    PREDEPLOY = "predeploy"
    CANARY = "canary"
    POSTDEPLOY = "postdeploy"
    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"
    QUARTERLY = "quarterly"
    INCIDENT = "incident"
    ROLLBACK = "rollback"
    RECOVERY = "recovery"


class Area(StrEnum):
    """Rows of the readiness board."""

    TECHNICAL = "technical"
    OPERATIONS = "operations"
    MONITORING = "monitoring"
    TEAM = "team"


class Severity(StrEnum):
    """Whether an item decides."""

    BLOCKING = "blocking"
    ADVISORY = "advisory"


class Mode(StrEnum):
    """Whether a machine decides the item or a person attests it."""

    AUTO = "auto"
    SIGNOFF = "signoff"


@dataclass(frozen=True, slots=True, kw_only=True)
class Eventually:
    """For what takes its time after a deploy: look every `every` until the rules pass or `within` is over."""

    within: timedelta
    every: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeSpec:
    """`kind` names a probe of the registry, `options` is that probe's frozen options dataclass."""

    kind: str
    options: Any
    origin: Origin = Origin(file="?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """`kind` names a judge of the registry, `options` is that judge's frozen options dataclass."""

    kind: str
    options: Any
    origin: Origin = Origin(file="?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One checklist item. Either `probes` and `rules`, or rules that sum up other verdicts."""

    id: str
    title: Mapping[str, str]
    system: str
    phase: Phase
    area: Area
    owner: str
    remedy: str
    source: str
    probes: Mapping[str, ProbeSpec] = field(default_factory=dict)  # name -> spec; a single one is named "it"
    rules: tuple[Rule, ...] = ()
    at: timedelta | None = None  # offset from T0; None: always due
    severity: Severity = Severity.BLOCKING
    mode: Mode = Mode.AUTO
    eventually: Eventually | None = None
    action: str | None = None  # changes something: enters a manifest only with --allow-action NAME
    raw: Mapping[str, Any] = field(default_factory=dict)  # as it stood in the file, for plan.json
    origin: Origin = Origin(file="?")
