"""One value of the evidence held against what is expected of it."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from gonogo.judges.base import Expression, Judge, ObjectiveName
from gonogo.judges.expression import show, type_name
from gonogo.judges.percentile import is_number
from gonogo.judges.reading import (
    Reading,
    inconclusive,
    missing,
    place,
    quantity,
    read,
    read_number,
    short,
    unit_of,
    wrong_type,
)
from gonogo.model.environment import Comparator, Objective
from gonogo.model.evidence import Seen
from gonogo.model.units import Unit, convert, show_duration
from gonogo.model.verdict import Case, Finding, Verdict

Scalar = str | int | float | bool

_WAYS = (
    "equals", "not_equals", "one_of", "contains", "matches", "present", "empty",
    "below", "at_most", "above", "at_least", "objective", "same_as",
)  # fmt: skip
_FAILS = {Comparator.BELOW: ">=", Comparator.AT_MOST: ">", Comparator.ABOVE: "<=", Comparator.AT_LEAST: "<"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Expect:
    """`value` is an expression on the document, or on {name: document} when the check has several looks.

    Exactly one expectation is given. `unit` is the unit of the value; without it a suffix of its last field
    (`elapsed_ms`) says it, and without that it is the objective's. `samples` is an expression for the number of
    samples behind the value, by default the document's `count`. `name` stands for the value in sentences.
    """

    value: Expression
    equals: Scalar | None = None
    not_equals: Scalar | None = None
    one_of: tuple[Scalar, ...] = ()
    contains: Scalar | None = None
    matches: str | None = None
    present: bool | None = None
    empty: bool | None = None
    below: float | None = None
    at_most: float | None = None
    above: float | None = None
    at_least: float | None = None
    objective: ObjectiveName | None = None
    same_as: Expression | None = None
    unit: Unit | None = None
    samples: Expression | None = None
    min_samples: int | None = None
    name: str | None = None

    def __post_init__(self) -> None:
        given = [way for way in _WAYS if getattr(self, way) not in (None, ())]
        if len(given) != 1:
            said = " and ".join(given) or "none"
            raise ValueError(f"expect needs exactly one of {', '.join(_WAYS)}; it has {said}")
        if self.matches is not None:
            try:
                re.compile(self.matches)
            except re.error as error:
                raise ValueError(f"matches {self.matches!r} is not a regular expression: {error}") from None

    @property
    def way(self) -> str:
        """The expectation that is given."""
        return next(way for way in _WAYS if getattr(self, way) not in (None, ()))


def judge(options: Expect, case: Case) -> Finding:
    """The finding of one expectation."""
    match options.way:
        case "below" | "at_most" | "above" | "at_least" as way:
            limit = Objective(unit=options.unit or Unit.COUNT, **{way: getattr(options, way)})
            unit = options.unit or unit_of(options.value)
            return _limit(options, case, limit, unit=unit, shown=unit, origin=place(options, case))
        case "objective":
            return _objective(options, case)
        case "same_as":
            return _same(options, case)
        case "present":
            return _present(options, case)
        case _:
            return _shape(options, case)


def _objective(options: Expect, case: Case) -> Finding:
    name = str(options.objective)
    objective = case.environment.objective(name)
    if objective is None:
        text = f"{case.environment.name} sets no objective {name!r} ({short(case.environment.origin)})"
        return inconclusive(f"objective {name}", text, "no objective", "when the environment sets it")
    unit = options.unit or unit_of(options.value) or objective.unit
    try:
        convert(0.0, unit, objective.unit)
    except ValueError as error:
        text = f"{_name(options)}: {error} ({place(options, case)}, {short(objective.origin)})"
        return inconclusive(f"objective {name}", text, f"a value in {unit}", "when the units agree")
    return _limit(options, case, objective, unit=unit, shown=objective.unit, origin=short(objective.origin))


def _limit(
    options: Expect, case: Case, objective: Objective, *, unit: Unit | None, shown: Unit | None, origin: str
) -> Finding:
    name = _name(options)
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
    if observed == against and value != limit:
        observed = f"{value!r} {shown or ''}".strip()
    counted_text = f"n={n}, " if n is not None else ""
    sign = comparator.symbol if holds else _FAILS[comparator]
    return Finding(
        verdict=Verdict.PASS if holds else Verdict.FAIL,
        reason=f"{name} {observed} {sign} {against} ({counted_text}{origin}; {reading.source})",
        rule=rule,
        observed=observed,
        samples=n,
    )


def _samples(options: Expect, case: Case, rule: str) -> int | Finding:
    expression = options.samples
    if expression is None:
        if set(case.evidence) != {"it"}:
            text = f"the number of samples of {_name(options)} is not known: say `samples` ({place(options, case)})"
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
    if n > 0 and is_number(over) and over and over > 0:
        left = timedelta(seconds=round((least - n) * over / n))
        when += f", in about {show_duration(left)} at the present {show(round(n * 3600 / over, 1))} an hour"
    sources = ", ".join(dict.fromkeys(e.source for e in case.evidence.values()))
    text = f"{_name(options)}: too few samples, n={n}/{least} ({origin}; {sources}); {when}"
    return inconclusive(rule, text, f"n={n}/{least}", when, n)


def _out_of_range(value: float, unit: Unit | None) -> str | None:
    if unit is Unit.RATIO and not 0 <= value <= 1:
        return "a ratio lies between 0 and 1; is it in percent?"
    return f"there is no negative {unit}" if unit is not None and value < 0 else None


def _present(options: Expect, case: Case) -> Finding:
    rule = f"{_name(options)} is {'present' if options.present else 'absent'}"
    reading = read(options.value, case, rule)
    if isinstance(reading, Finding):
        return reading
    there = reading.value is not None
    return _told(options, case, reading, rule, holds=there is options.present, text="present" if there else "missing")


def _shape(options: Expect, case: Case) -> Finding:
    rule = f"{_name(options)} {_says(options)}"
    reading = read(options.value, case, rule)
    if isinstance(reading, Finding):
        return reading
    value = reading.value
    if value is None:
        return missing(reading, rule)
    wanted: Any = getattr(options, options.way)
    match options.way:
        case "equals" | "not_equals":
            if _type(value) != _type(wanted):
                return wrong_type(reading, rule, type_name(wanted))
            holds = (value == wanted) is (options.way == "equals")
        case "one_of":
            if _type(value) not in {_type(one) for one in wanted}:
                return wrong_type(reading, rule, type_name(wanted[0]))
            holds = any(_type(value) == _type(one) and value == one for one in wanted)
        case "contains":
            if isinstance(value, str) and isinstance(wanted, str):
                holds = wanted in value
            elif isinstance(value, list):
                holds = any(_type(item) == _type(wanted) and item == wanted for item in value)
            else:
                return wrong_type(reading, rule, "a list" if not isinstance(wanted, str) else "a list or a string")
        case "matches":
            if not isinstance(value, str):
                return wrong_type(reading, rule, "a string")
            holds = re.search(wanted, value) is not None
        case _:
            if not isinstance(value, list | dict | str):
                return wrong_type(reading, rule, "a list, an object or a string")
            holds = (len(value) == 0) is wanted
    return _told(options, case, reading, rule, holds=holds, text=show(value))


def _same(options: Expect, case: Case) -> Finding:
    other = options.same_as or Expression("@")
    rule = f"{_name(options)} is the same as {other}"
    one = read(options.value, case, rule)
    if isinstance(one, Finding):
        return one
    two = read(other, case, rule)
    if isinstance(two, Finding):
        return two
    for reading in (one, two):
        if reading.value is None:
            return missing(reading, rule)
    if _type(one.value) != _type(two.value):
        # The side under test is at fault only if both observations are its own.
        reading = replace(one, of_side=one.of_side and two.of_side)
        return wrong_type(reading, rule, f"{type_name(two.value)} like {other} ({show(two.value, 60)})")
    text = f"{show(one.value)}, {other} is {show(two.value)}"
    return _told(options, case, one, rule, holds=_equal(one.value, two.value), text=text)


def _told(options: Expect, case: Case, reading: Reading, rule: str, *, holds: bool, text: str) -> Finding:
    what = f"{_name(options)} is {text}" + ("" if holds else f", expected: {_says(options)}")
    items = reading.value if isinstance(reading.value, list) and not holds else []
    return Finding(
        verdict=Verdict.PASS if holds else Verdict.FAIL,
        reason=f"{what} ({place(options, case)}; {reading.source})",
        rule=rule,
        observed=text,
        details=tuple(show(item, 200) for item in items[:20]),
    )


def _name(options: Expect) -> str:
    return options.name or options.objective or str(options.value)


def _says(options: Expect) -> str:
    wanted = getattr(options, options.way)
    match options.way:
        case "present":
            return "present" if wanted else "absent"
        case "empty":
            return "empty" if wanted else "not empty"
        case "same_as":
            return f"the same as {wanted}"
        case "one_of":
            return f"one of {', '.join(show(one) for one in wanted)}"
        case way:
            return f"{way.replace('_', ' ')} {show(wanted)}"


def _type(value: Any) -> str:
    return type_name(value)


def _equal(one: Any, two: Any) -> bool:
    """Equality of JSON values; 1 and 1.0 are equal, 1 and true are not."""
    if type_name(one) != type_name(two):
        return False
    if isinstance(one, dict):
        return one.keys() == two.keys() and all(_equal(one[key], two[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(two) and all(_equal(a, b) for a, b in zip(one, two, strict=True))
    return bool(one == two)


JUDGE = Judge(options=Expect, judge=judge)
