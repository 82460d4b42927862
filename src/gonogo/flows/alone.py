"""One item looked at and judged by itself, outside of a run of the checklist."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from gonogo.flows.clock import SystemClock
from gonogo.flows.collecting import Collector
from gonogo.flows.judging import reached_beside, reached_sides
from gonogo.flows.look import redact
from gonogo.flows.standing import Standing
from gonogo.judges.verdict import judge_check
from gonogo.model.check import Check
from gonogo.model.evidence import Evidence
from gonogo.model.run import PlannedLook
from gonogo.model.verdict import Case, Decision, Outcome, Verdict

_DECISIONS = {Verdict.PASS: Decision.GO, Verdict.FAIL: Decision.NO_GO, Verdict.INCONCLUSIVE: Decision.HOLD}


@dataclass(frozen=True, slots=True, kw_only=True)
class Alone:
    """An item that was looked at. `evidence` is by the names of its probes, secrets scrubbed."""

    outcome: Outcome
    evidence: Mapping[str, Evidence]
    started: datetime
    ended: datetime

    @property
    def decision(self) -> Decision:
        """What its verdict means for who asked."""
        return _DECISIONS[self.outcome.verdict]

    @property
    def reasons(self) -> tuple[str, ...]:
        """One line a rule."""
        return tuple(f"{finding.verdict.value}: {finding.reason}" for finding in self.outcome.findings)


def look_alone(check: Check, where: Standing) -> Alone:
    """Take its looks side by side, and judge it."""
    clock = SystemClock()
    started = clock.now()
    collector = Collector(vantage=where.vantage, clock=clock, redact=lambda one: redact(one, where.redactor))
    found = collector.take_all(
        [PlannedLook(key=name, kind=spec.kind, options=spec.options) for name, spec in check.probes.items()]
    )
    ended = clock.now()
    case = Case(
        check=check,
        environment=where.vantage.environment,
        release=where.vantage.release,
        now=ended,
        t0=None,
        evidence=found,
        reached=reached_sides(found.values()),
        beside=reached_beside(found.values()),
    )
    return Alone(outcome=judge_check(case), evidence=found, started=started, ended=ended)
