"""Latency, errors and memory kills into the automatic recovery action that applies, named as advice."""

from __future__ import annotations

from dataclasses import dataclass

from gonogo.judges.base import Expression, Judge
from gonogo.judges.expression import show
from gonogo.judges.reading import inconclusive, missing, quantity, read, read_number, wrong_type
from gonogo.model.units import Unit, convert
from gonogo.model.verdict import Case, Finding, Verdict

_RULE = "no automatic recovery applies"


@dataclass(frozen=True, slots=True, kw_only=True)
class AutoRecovery:
    """`error_ratio` runs from 0 to 1, `p95_ms` is a P95 in ms, `oom_count` memory kills: a number or a list."""

    error_ratio: Expression
    p95_ms: Expression
    oom_count: Expression


def judge(options: AutoRecovery, case: Case) -> Finding:
    """Fail when an action applies; nothing is ever done here."""
    applies: list[str] = []
    lacking: list[Finding] = []
    for finding in (_errors(options, case), _latency(options, case), _oom(options, case)):
        if isinstance(finding, Finding):
            lacking.append(finding)
        elif finding is not None:
            applies.append(finding)
    if applies:
        text = "; ".join(applies)
        unknown = tuple(f"not seen: {finding.reason}" for finding in lacking)
        return Finding(
            verdict=Verdict.FAIL,
            reason=f"automatic recovery applies: {text} (advice, nothing was changed)",
            rule=_RULE,
            observed=text,
            details=(*applies, *unknown),
        )
    if lacking:
        text = "; ".join(dict.fromkeys(finding.reason for finding in lacking))
        return inconclusive(
            _RULE, f"whether a recovery applies is not known: {text}", "not known", lacking[0].decidable
        )
    sources = ", ".join(dict.fromkeys(evidence.source for evidence in case.evidence.values()))
    return Finding(verdict=Verdict.PASS, reason=f"{_RULE} ({sources})", rule=_RULE, observed="none")


def _errors(options: AutoRecovery, case: Case) -> str | Finding | None:
    number = read_number(options.error_ratio, case, _RULE)
    if isinstance(number, Finding):
        return number
    reading, ratio = number
    if not 0 <= ratio <= 1:
        text = f"error ratio {ratio} is not between 0 and 1 ({reading.source})"
        return inconclusive(_RULE, text, str(ratio), "when the unit is put right")
    return (
        f"error_rate {quantity(ratio, Unit.RATIO)} > 0.5: restart latest revision, after 30 s" if ratio > 0.5 else None
    )


def _latency(options: AutoRecovery, case: Case) -> str | Finding | None:
    number = read_number(options.p95_ms, case, _RULE)
    if isinstance(number, Finding):
        return number
    p95 = convert(float(number[1]), Unit.MS, Unit.S)
    return f"p95_latency {quantity(p95, Unit.S)} > 10 s: scale up to 50 instances" if p95 > 10 else None


def _oom(options: AutoRecovery, case: Case) -> str | Finding | None:
    reading = read(options.oom_count, case, _RULE)
    if isinstance(reading, Finding):
        return reading
    match reading.value:
        case None:
            return missing(reading, _RULE)
        case list() as entries:
            n: float = len(entries)
        case bool() | str() | dict():
            return wrong_type(reading, _RULE, "a number or a list")
        case number:
            n = number
    return f"oom_error {show(n)} times: restart with 2 GB memory, after 60 s" if n > 0 else None


JUDGE = Judge(options=AutoRecovery, judge=judge)
