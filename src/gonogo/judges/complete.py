"""The figures of a report, each of which has to be there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gonogo.judges.base import Expression, Judge
from gonogo.judges.expression import show
from gonogo.judges.percentile import is_number
from gonogo.judges.reading import inconclusive, missing, read, wrong_type
from gonogo.model.units import show_number
from gonogo.model.verdict import Case, Finding, Verdict

_RANK = {Verdict.FAIL: 0, Verdict.INCONCLUSIVE: 1, Verdict.PASS: 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class Complete:
    """`figures` names each figure of the report and the expression that gives it: a number, a text or a list."""

    figures: Mapping[str, Expression]

    def __post_init__(self) -> None:
        if not self.figures:
            raise ValueError("complete needs at least one figure")


def judge(options: Complete, case: Case) -> Finding:
    """Pass when every figure is present and finite; the details list them."""
    rule = f"{', '.join(options.figures)} are known"
    lines: list[str] = []
    lacking: list[tuple[str, Finding]] = []
    sources: dict[str, None] = {}
    for name, expression in options.figures.items():
        reading = read(expression, case, rule)
        if not isinstance(reading, Finding) and reading.value is None:
            reading = missing(reading, rule)
        if isinstance(reading, Finding):
            lacking.append((name, reading))
            continue
        value = reading.value
        if isinstance(value, int | float) and not isinstance(value, bool) and not is_number(value):
            lacking.append((name, wrong_type(reading, rule, "a finite number")))
            continue
        sources[reading.source] = None
        shown = show_number(value) if is_number(value) else value if isinstance(value, str) else show(value, 300)
        lines.append(f"{name}: {shown}")
    if lacking:
        name, worst = min(lacking, key=lambda item: _RANK[item[1].verdict])
        known = f"{len(lines)} of {len(options.figures)} figures known"
        text = f"{name} is not known ({known}): {worst.reason}"
        if worst.verdict is Verdict.FAIL:
            return Finding(verdict=worst.verdict, reason=text, rule=rule, observed=known, details=tuple(lines))
        return inconclusive(rule, text, known, worst.decidable)
    return Finding(
        verdict=Verdict.PASS,
        reason=f"{'; '.join(lines)} ({', '.join(sources)})",
        rule=rule,
        observed=f"{len(lines)} figures",
        samples=len(lines),
        details=tuple(lines),
    )


JUDGE = Judge(options=Complete, judge=judge)
