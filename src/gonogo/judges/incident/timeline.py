"""A recovery's six phases held against the RTO of its incident's class."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gonogo.judges.base import Expression, Judge, ObjectiveName
from gonogo.judges.chosen import Chosen
from gonogo.judges.chosen import judge as judge_chosen
from gonogo.judges.reading import inconclusive, missing, read, wrong_type
from gonogo.model.recovery import whole_minutes
from gonogo.model.verdict import Case, Finding, Verdict

_WHOLE = Expression("@")


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """`value` is the document of a look of kind incident; `objectives` names the RTO of each class.

    The RTO runs from the beginning of the incident to the end of the last phase. A phase that took longer than the
    runbook's minutes is shown, and does not fail: the RTO is what was promised.
    """

    objectives: Mapping[str, ObjectiveName]
    value: Expression = _WHOLE


def judge(options: Timeline, case: Case) -> Finding:
    """Fail beyond the RTO, over or not. Not decidable while a phase is missing, has no end or contradicts another."""
    rule = "the recovery keeps its RTO"
    reading = read(options.value, case, rule)
    if isinstance(reading, Finding):
        return reading
    document = reading.value
    if document is None:
        return missing(reading, rule)
    if not isinstance(document, Mapping) or not isinstance(document.get("phases"), list):
        return wrong_type(reading, rule, "an incident")
    at = "" if options.value == "@" else f"{options.value}."
    held = judge_chosen(
        Chosen(
            value=Expression(f"{at}elapsed_s"),
            by=Expression(f'{at}"class"'),
            objectives=options.objectives,
            name="time since the incident began" if document["restored"] is None else "time to restore",
        ),
        case,
    )
    lines = tuple(_line(row) for row in document["phases"])
    if held.verdict is not Verdict.PASS:
        return _with(held, lines, held.reason)
    waits = document["doubts"] or [f"{name} has no end" for name in document["open"]]
    waits = waits or [f"{name} has not begun" for name in document["not_begun"]]
    if waits:
        when = "when the record is put right" if document["doubts"] else "when the last phase has ended"
        text = f"{'; '.join(waits)} ({reading.source})"
        return _with(inconclusive(held.rule or rule, text, held.observed or "", when), lines, text)
    return _with(held, lines, held.reason)


def _with(finding: Finding, lines: tuple[str, ...], reason: str) -> Finding:
    return Finding(
        verdict=finding.verdict,
        reason=reason,
        rule=finding.rule,
        observed=finding.observed,
        decidable=finding.decidable,
        details=lines,
    )


def _line(row: Mapping[str, Any]) -> str:
    took, budget, beyond = (f"{whole_minutes(row[key])} min" for key in ("took_s", "budget_s", "over_s"))
    state = "" if row["ended"] else ", under way"
    over = f", over its budget by {beyond}" if row["over_s"] > 0 else ""
    return f"{row['words']['en']}: {took} of {budget}{over}{state}"


JUDGE = Judge(options=Timeline, judge=judge)
