"""What a judge finds, what a check comes to, and what the gate decides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from gonogo.model.check import Check
from gonogo.model.environment import Environment, Release
from gonogo.model.errors import ExitStatus
from gonogo.model.evidence import Evidence


class Verdict(StrEnum):
    """Of one item."""

    PASS = "pass"  # noqa: S105 - a verdict
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"


class Decision(StrEnum):
    """Of a run."""

    GO = "GO"
    NO_GO = "NO-GO"
    HOLD = "HOLD"

    @property
    def exit_status(self) -> ExitStatus:
        """The exit status that says this decision."""
        return {"GO": ExitStatus.GO, "NO-GO": ExitStatus.NO_GO, "HOLD": ExitStatus.HOLD}[self.value]


@dataclass(frozen=True, slots=True, kw_only=True)
class Blame:
    """What an engineer reads first in an incident: the one likely cause, its evidence line by line, the next step.

    `name` is None where no single cause can be named; `says` then says why.
    """

    name: str | None
    says: str
    evidence: tuple[str, ...]
    next_step: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One rule, judged. `rule` and `observed` are short texts; `reason` puts the observation inside the rule:
    `p95_latency 412 ms > 300 ms (n=1840, ion-canary.yaml:12)`. `details` are lines worth listing.
    """

    verdict: Verdict
    reason: str
    rule: str
    observed: str
    samples: int | None = None
    details: tuple[str, ...] = ()
    decidable: str | None = None  # for HOLD: when it becomes decidable, or what is missing
    blame: Blame | None = None  # of a playbook's item
    alone: bool = False  # what the item asks for cannot be there: its other findings count for nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One check, judged: the worst of its findings, all of them kept."""

    check: Check
    verdict: Verdict
    reason: str
    findings: tuple[Finding, ...] = ()
    evidence: tuple[str, ...] = ()  # Look keys
    attempts: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """All that a judge may know, beside its options. Nothing in it does I/O.

    `evidence` holds this check's looks by their names in the checklist ("it" when there is one).
    `reached` are the sides that answered anything at all in this run (for the control rule).
    `beside` are the back ends that are no sides, and answered: the observer's network is not wholly gone then.
    `others` are outcomes of the other checks, for items that sum up (empty for all the rest).
    `waived` are ids whose failure is under a waiver that is valid now, for the same items.
    """

    check: Check
    environment: Environment
    release: Release | None
    now: datetime
    t0: datetime | None
    evidence: Mapping[str, Evidence]
    reached: frozenset[str] = frozenset()
    beside: frozenset[str] = frozenset()
    others: tuple[Outcome, ...] = ()
    waived: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiver:
    """An accepted failure: annotates a fail, never rewrites it. Bound to one release."""

    id: str
    environment: str
    release: str
    owner: str
    reason: str
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Gated:
    """The gate's answer for one run."""

    decision: Decision
    reasons: tuple[str, ...]  # why it is not GO, worst first; empty for GO
    waived: Mapping[str, Waiver] = field(default_factory=dict)
    not_due: Mapping[str, timedelta | None] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)


Json = dict[str, Any]
