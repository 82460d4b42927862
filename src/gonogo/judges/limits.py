"""A number of the evidence held against a limit or an objective, on enough samples."""

from __future__ import annotations

from datetime import timedelta

from gonogo.judges.base import Expression
from gonogo.judges.behind import behind
from gonogo.judges.expectation import Expect, called
from gonogo.judges.expression import show
from gonogo.judges.percentile import is_number
from gonogo.judges.reading import inconclusive, place, quantity, read_number, short, unit_of
from gonogo.model.environment import Comparator, Objective
from gonogo.model.evidence import Seen
from gonogo.model.units import Unit, convert, show_duration, show_number
from gonogo.model.verdict import Case, Finding, Verdict

_AT_MOST_SOURCES = 3  # in one line; the evidence of the item has them all
_UPPER = (Comparator.BELOW, Comparator.AT_MOST)
_FAILS = {Comparator.BELOW: ">=", Comparator.AT_MOST: ">", Comparator.ABOVE: "<=", Comparator.AT_LEAST: "<"}


def hold_limit(options: Expect, case: Case) -> Finding:
    """The finding of `below`, `at_most`, `above` or `at_least`."""
    limit = Objective(unit=options.unit or Unit.COUNT, **{options.way: getattr(options, options.way)})
    unit = options.unit or unit_of(options.value)
    return _limit(options, case, limit, unit=unit, shown=unit, origin=place(options, case))


def hold_objective(options: Expect, case: Case) -> Finding:
    """The finding of `objective`; the observation is shown in the objective's unit."""
    name = str(options.objective)
    objective = case.environment.objective(name)
    if objective is None:
        text = f"{case.environment.name} sets no objective {name!r} ({short(case.environment.origin)})"
        return inconclusive(f"objective {name}", text, "no objective", "when the environment sets it")
    unit = options.unit or unit_of(options.value) or objective.unit
    try:
        convert(0.0, unit, objective.unit)
    except ValueError as error:
        text = f"{called(options)}: {error} ({place(options, case)}, {short(objective.origin)})"
        return inconclusive(f"objective {name}", text, f"a value in {unit}", "when the units agree")
    return _limit(options, case, objective, unit=unit, shown=objective.unit, origin=short(objective.origin))


def _limit(
    options: Expect, case: Case, objective: Objective, *, unit: Unit | None, shown: Unit | None, origin: str
) -> Finding:
    name = called(options)
    comparator, limit = objective.comparator, objective.limit
    rule = f"{name} {comparator.symbol} {quantity(limit, shown)}"
    least = options.min_samples if options.min_samples is not None else objective.min_samples
    n: int | None = None
    if least > 1 or options.samples is not None:
        counted = _samples(options, case, rule)
        if isinstance(counted, Finding):
            return counted
        n = counted
        if n < least:
            return _too_few(options, case, rule, counted=(n, least), origin=origin)
    number = read_number(options.value, case, rule)
    if isinstance(number, Finding):
        return number
    reading, raw = number
    impossible = _out_of_range(raw, unit)
    if impossible:
        text = f"{name} is {quantity(raw, unit)}: {impossible} ({origin}; {reading.source})"
        return inconclusive(rule, text, quantity(raw, unit), "when the unit is put right", n)
    value = convert(float(raw), unit, shown) if unit is not None and shown is not None else float(raw)
    holds = comparator.holds(value, limit)
    observed, against = quantity(value, shown), quantity(limit, shown)
    if observed == against and value != limit:  # what was rounded must not look equal
        observed, against = (f"{one} {shown or ''}".strip() for one in (repr(value), show_number(limit)))
    counted_text = f"n={n}, " if n is not None else ""
    sign = comparator.symbol if holds else _FAILS[comparator]

    def far(raw: float) -> tuple[bool, float]:
        one = convert(float(raw), unit, shown) if unit is not None and shown is not None else float(raw)
        return not comparator.holds(one, limit), one - limit if comparator in _UPPER else limit - one

    named = () if holds else behind(options, case, far)
    told = f"{name} {observed} {sign} {against}" + (f": {named[0]}" if named else "")
    return Finding(
        verdict=Verdict.PASS if holds else Verdict.FAIL,
        reason=f"{told} ({counted_text}{origin}; {reading.source})",
        rule=rule,
        observed=observed,
        samples=n,
        details=named[1:],
    )


def _samples(options: Expect, case: Case, rule: str) -> int | Finding:
    expression = options.samples
    if expression is None:
        if set(case.evidence) != {"it"}:
            text = f"the number of samples of {called(options)} is not known: say `samples` ({place(options, case)})"
            return inconclusive(rule, text, "n unknown", "when the rule says where its samples are counted")
        expression = Expression("count")
    number = read_number(expression, case, rule)
    if isinstance(number, Finding):
        return number
    reading, n = number
    if n < 0 or n != int(n):
        text = f"{reading.expression} is {show(n)}, not a number of samples ({reading.source})"
        return inconclusive(rule, text, show(n), "when the source counts right")
    return int(n)


def _too_few(options: Expect, case: Case, rule: str, *, counted: tuple[int, int], origin: str) -> Finding:
    n, least = counted
    when = f"decidable when n reaches {least}"
    documents = [e.outcome.data for e in case.evidence.values() if isinstance(e.outcome, Seen)]
    over = documents[0].get("over_s") if len(documents) == 1 else None
    if n > 0 and is_number(over) and over > 0:
        left = timedelta(seconds=round((least - n) * over / n))
        when += f", in about {show_duration(left)} at the present {show(round(n * 3600 / over, 1))} an hour"
    known = list(dict.fromkeys(e.source for e in case.evidence.values()))
    more = f" and {len(known) - _AT_MOST_SOURCES} more" if len(known) > _AT_MOST_SOURCES else ""
    sources = ", ".join(known[:_AT_MOST_SOURCES]) + more
    text = f"{called(options)}: too few samples, n={n}/{least} ({origin}; {sources}); {when}"
    return inconclusive(rule, text, f"n={n}/{least}", when, n)


def _out_of_range(value: float, unit: Unit | None) -> str | None:
    if unit is Unit.RATIO and not 0 <= value <= 1:
        return "a ratio lies between 0 and 1; is it in percent?"
    return f"there is no negative {unit}" if unit is not None and value < 0 else None
