"""Latency, errors and answering sides into the severity of an incident, with its response time and escalation."""

from __future__ import annotations

from dataclasses import dataclass

from gonogo.judges.base import Expression, Judge, ObjectiveName
from gonogo.judges.percentile import is_number
from gonogo.judges.reading import inconclusive, quantity, read_number
from gonogo.judges.seeing import trouble
from gonogo.model.evidence import Seen, Unseen
from gonogo.model.units import Unit, convert
from gonogo.model.verdict import Case, Finding, Verdict

_RULE = "no severity applies"


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """One severity: limits that are exceeded, how soon somebody responds, whom it escalates to."""

    name: str
    respond_within: str
    escalation: str


CRITICAL = Level(
    name="critical",
    respond_within="5 min",
    escalation="page at once, Slack incident-response, PagerDuty",
)
HIGH = Level(name="high", respond_within="15 min", escalation="announce beforehand")
MEDIUM = Level(name="medium", respond_within="1 h", escalation="none")
LOW = Level(name="low", respond_within="24 h", escalation="none")
_WORST_FIRST = (CRITICAL, HIGH, MEDIUM, LOW)


@dataclass(frozen=True, slots=True, kw_only=True)
class Severity:
    """`p95_ms` is a P95 in ms, `error_ratio` a ratio from 0 to 1.

    `health` is the HTTP status of the service: no answer or 5xx is critical, any other that is no success high.
    Without it, every side among the looks is asked: all of them down is critical, some of them high.
    `objective` names the latency objective: a P95 that keeps it is no incident, whatever the bands say.
    """

    p95_ms: Expression
    error_ratio: Expression
    health: Expression | None = None
    objective: ObjectiveName | None = None


def judge(options: Severity, case: Case) -> Finding:
    """The worst level that applies fails; none passes."""
    found, lacking = _sides(case) if options.health is None else _health(options.health, case)
    latency = read_number(options.p95_ms, case, _RULE)
    if isinstance(latency, Finding):
        lacking.append(latency)
    elif latency[1] < 0:
        text = f"a P95 of {latency[1]} ms is no time ({latency[0].source})"
        lacking.append(inconclusive(_RULE, text, str(latency[1]), "when the source is put right"))
    else:
        found += _by_latency(options, case, convert(float(latency[1]), Unit.MS, Unit.S))
    errors = read_number(options.error_ratio, case, _RULE)
    if isinstance(errors, Finding):
        lacking.append(errors)
    elif not 0 <= errors[1] <= 1:
        text = f"error ratio {errors[1]} is not between 0 and 1 ({errors[0].source})"
        lacking.append(inconclusive(_RULE, text, str(errors[1]), "when the unit is put right"))
    else:
        found += _by_errors(float(errors[1]))
    missing = "; ".join(dict.fromkeys(finding.reason for finding in lacking))
    if found:
        level = next(level for level in _WORST_FIRST if any(level is one for one, _ in found))
        why = "; ".join(text for one, text in found if one is level)
        at_least = " or worse" if missing and level is not CRITICAL else ""
        return Finding(
            verdict=Verdict.FAIL,
            reason=f"severity {level.name}{at_least}: {why}",
            rule=_RULE,
            observed=level.name,
            details=(
                *(f"{one.name}: {text}" for one, text in found),
                f"respond within {level.respond_within}",
                f"escalation: {level.escalation}",
                *((f"not seen: {missing}",) if missing else ()),
            ),
        )
    if lacking:
        return inconclusive(_RULE, f"severity is not known: {missing}", "not known", lacking[0].decidable)
    sources = ", ".join(dict.fromkeys(evidence.source for evidence in case.evidence.values()))
    return Finding(verdict=Verdict.PASS, reason=f"no severity applies ({sources})", rule=_RULE, observed="none")


def _health(health: Expression, case: Case) -> tuple[list[tuple[Level, str]], list[Finding]]:
    number = read_number(health, case, _RULE)
    if isinstance(number, Finding):
        return (
            ([(CRITICAL, f"service down ({number.reason})")], []) if number.verdict is Verdict.FAIL else ([], [number])
        )
    reading, status = number
    if status >= 500:
        return [(CRITICAL, f"service down (status {status}, {reading.source})")], []
    if not 200 <= status < 300:
        return [(HIGH, f"health is not told (status {status}, {reading.source})")], []
    return [], []


def _sides(case: Case) -> tuple[list[tuple[Level, str]], list[Finding]]:
    """The levels that silent or failing sides give, and what is not known of them."""
    looks = {name: evidence for name, evidence in case.evidence.items() if evidence.side is not None}
    down: list[str] = []
    lacking: list[Finding] = []
    for name, evidence in looks.items():
        finding = trouble(case, [name])
        match evidence.outcome:
            case Unseen(detail=detail) if finding is not None and finding.verdict is Verdict.FAIL:
                down.append(f"{evidence.side}: {detail}")
            case Seen(data=data) if finding is None and is_number(status := data.get("status")) and status >= 500:
                down.append(f"{evidence.side}: status {status}")
            case _ if finding is not None:
                lacking.append(finding)
            case _:
                pass
    if not down:
        return [], lacking
    text = ", ".join(down)
    return [
        (CRITICAL, f"service down ({text})") if len(down) == len(looks) else (HIGH, f"partly down ({text})")
    ], lacking


def _by_latency(options: Severity, case: Case, p95: float) -> list[tuple[Level, str]]:
    objective = case.environment.objectives.get(options.objective) if options.objective else None
    over = 0.0
    if objective is not None:
        limit = convert(objective.limit, objective.unit, Unit.S)
        if objective.comparator.holds(convert(p95, Unit.S, objective.unit), objective.limit):
            return []
        over = p95 - limit
    shown = f"P95 {quantity(p95, Unit.S)}"
    if p95 > 10:
        return [(CRITICAL, f"{shown} > 10 s")]
    if p95 > 5:
        return [(HIGH, f"{shown} > 5 s")]
    if p95 >= 1:
        return [(MEDIUM, f"{shown} in 1-5 s")]
    return [(LOW, f"{shown} is {quantity(over, Unit.S)} over its objective")] if objective is not None else []


def _by_errors(ratio: float) -> list[tuple[Level, str]]:
    shown = f"error ratio {quantity(ratio, Unit.RATIO)}"
    if ratio > 0.5:
        return [(CRITICAL, f"{shown} > 0.5")]
    if ratio > 0.1:
        return [(HIGH, f"{shown} > 0.1")]
    return [(MEDIUM, f"{shown} in 0.01-0.1")] if ratio >= 0.01 else []


JUDGE = Judge(options=Severity, judge=judge)
