"""One run of the gate: what was planned before the first packet, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from gonogo.model.check import Check
from gonogo.model.environment import Environment, Release
from gonogo.model.evidence import Evidence
from gonogo.model.verdict import Gated, Outcome, Waiver

SCHEMA = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedLook:
    """One distinct probe that this run will send. `key` is Look.key; `side` is the target under test, if any."""

    key: str
    kind: str
    options: Any
    side: str | None = None
    scene: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is due and how it will be looked at, fixed before anything is sent.

    `checks` is the manifest. `uses` says which look answers which probe of a check (id -> probe name -> key),
    so that recorded evidence finds its check again. `controls` are keys of looks that only serve the control rule.
    """

    run_id: str
    created: datetime
    environment: Environment
    system: str
    phases: tuple[str, ...]
    checks: tuple[Check, ...]
    digests: Mapping[str, str] = field(default_factory=dict)  # configuration file -> SHA-256
    at: timedelta | None = None
    t0: datetime | None = None
    release: Release | None = None
    not_due: Mapping[str, timedelta | None] = field(default_factory=dict)  # id -> its place on the timeline
    looks: tuple[PlannedLook, ...] = ()
    uses: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    controls: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()
    scenes: Mapping[str, str] = field(default_factory=dict)  # phase -> scene
    actions: tuple[str, ...] = ()
    not_asked: Mapping[str, str] = field(default_factory=dict)  # id -> the action that --allow-action did not name
    waivers: tuple[Waiver, ...] = ()  # as they stood at the start, so that judging again sees the same
    schema: int = SCHEMA

    @property
    def ids(self) -> tuple[str, ...]:
        """The manifest: ids of all that is due."""
        return tuple(check.id for check in self.checks)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A judged run. `now` is the moment it was judged for: judging it again uses the same.

    `narrowed` are ids of the manifest that were deselected or never ran. `notes` concern the run as a whole.
    """

    plan: Plan
    evidence: Mapping[str, Evidence]
    outcomes: tuple[Outcome, ...]
    gated: Gated
    started: datetime
    ended: datetime
    now: datetime
    folder: Path | None = None
    narrowed: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()  # each of them makes HOLD: evidence not written, configuration changed, worker lost
    notes: tuple[str, ...] = ()
