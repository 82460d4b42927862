"""The environment's rollback thresholds against its objectives: never stricter than what is promised."""

from __future__ import annotations

from dataclasses import dataclass

from gonogo.judges.base import Judge
from gonogo.judges.reading import inconclusive, quantity, short
from gonogo.judges.seeing import trouble
from gonogo.model.environment import Comparator, Objective
from gonogo.model.units import convert
from gonogo.model.verdict import Case, Finding, Verdict

_RULE = "rollback thresholds are set and never stricter than the objectives"
_UPPER = {Comparator.BELOW, Comparator.AT_MOST}


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """`required` are names of rollback thresholds that have to be set; at least one has to be in any case."""

    required: tuple[str, ...] = ()


def judge(options: Thresholds, case: Case) -> Finding:
    """Fail for a threshold that is not set, has no objective, or would roll back what keeps its objective."""
    finding = trouble(case, case.evidence)
    if finding is not None:
        return finding
    environment = case.environment
    rollback = environment.rollout.rollback
    where = short(environment.origin)
    problems = [f"{name} is not set" for name in options.required if name not in rollback]
    if not rollback:
        problems = problems or ["no rollback threshold is set"]
    lines: list[str] = []
    for name, threshold in rollback.items():
        objective = environment.objectives.get(name)
        if objective is None:
            problems.append(f"{name} has no objective to hold it against ({short(threshold.origin)})")
            continue
        try:
            problem, line = _stricter(name, threshold, objective)
        except ValueError as error:
            text = f"{name}: {error} ({short(threshold.origin)}, {short(objective.origin)})"
            return inconclusive(_RULE, text, "units differ", "when the units agree")
        lines.append(line)
        if problem:
            problems.append(problem)
    text = "; ".join(problems) or f"{len(rollback)} thresholds, none stricter than its objective"
    return Finding(
        verdict=Verdict.FAIL if problems else Verdict.PASS,
        reason=f"{text} ({where})",
        rule=_RULE,
        observed=text,
        samples=len(rollback),
        details=tuple(lines),
    )


def _stricter(name: str, threshold: Objective, objective: Objective) -> tuple[str | None, str]:
    limit = convert(threshold.limit, threshold.unit, objective.unit)
    told = f"{name} {threshold.comparator.symbol} {quantity(limit, objective.unit)}"
    against = f"{objective.comparator.symbol} {quantity(objective.limit, objective.unit)}"
    line = f"rollback unless {told}; objective {against}"
    at = f"({short(threshold.origin)}, {short(objective.origin)})"
    if (threshold.comparator in _UPPER) is not (objective.comparator in _UPPER):
        return f"{name} is limited on the other side than its objective: {line} {at}", line
    beyond = limit - objective.limit if threshold.comparator in _UPPER else objective.limit - limit
    # At the same figure, `below` rolls back what `at_most` allows.
    edge = beyond == 0 and not threshold.comparator.holds(1, 1) and objective.comparator.holds(1, 1)
    stricter = beyond < 0 or edge
    return (f"{name} is stricter than its objective: {line} {at}" if stricter else None), line


JUDGE = Judge(options=Thresholds, judge=judge)
