"""One value of the evidence held against what is expected of it."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from gonogo.judges.base import Expression, Judge
from gonogo.judges.behind import behind, in_reason, lines_of
from gonogo.judges.expectation import Expect, called, says
from gonogo.judges.expression import show, type_name
from gonogo.judges.limits import hold_limit, hold_objective
from gonogo.judges.reading import Reading, missing, place, read, wrong_type
from gonogo.model.verdict import Case, Finding, Verdict


def judge(options: Expect, case: Case) -> Finding:
    """The finding of one expectation; one that does not hold names who is behind it."""
    finding = _judge(options, case)
    if finding.observed != "missing" or finding.details:
        return finding
    reason, *lines = behind(options, case) or ("",)
    return replace(finding, reason=f"{finding.reason}: {reason}", details=tuple(lines)) if lines else finding


def _judge(options: Expect, case: Case) -> Finding:
    match options.way:
        case "below" | "at_most" | "above" | "at_least":
            return hold_limit(options, case)
        case "objective":
            return hold_objective(options, case)
        case "same_as":
            return _same(options, case)
        case "present":
            return _present(options, case)
        case _:
            return _shape(options, case)


def _present(options: Expect, case: Case) -> Finding:
    rule = f"{called(options)} is {'present' if options.present else 'absent'}"
    reading = read(options.value, case, rule)
    if isinstance(reading, Finding):
        return reading
    there = reading.value is not None
    return _told(options, case, reading, rule, holds=there is options.present, text="present" if there else "missing")


def _shape(options: Expect, case: Case) -> Finding:
    rule = f"{called(options)} {says(options)}"
    reading = read(options.value, case, rule)
    if isinstance(reading, Finding):
        return reading
    value = reading.value
    if value is None:
        return missing(reading, rule)
    wanted: Any = getattr(options, options.way)
    match options.way:
        case "equals" | "not_equals":
            if type_name(value) != type_name(wanted):
                return wrong_type(reading, rule, type_name(wanted))
            holds = (value == wanted) is (options.way == "equals")
        case "one_of":
            if type_name(value) not in {type_name(one) for one in wanted}:
                return wrong_type(reading, rule, type_name(wanted[0]))
            holds = any(type_name(value) == type_name(one) and value == one for one in wanted)
        case "contains":
            if isinstance(value, str) and isinstance(wanted, str):
                holds = wanted in value
            elif isinstance(value, list):
                holds = any(type_name(item) == type_name(wanted) and item == wanted for item in value)
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
    rule = f"{called(options)} is the same as {other}"
    one = read(options.value, case, rule)
    if isinstance(one, Finding):
        return one
    two = read(other, case, rule)
    if isinstance(two, Finding):
        return two
    for reading in (one, two):
        if reading.value is None:
            return missing(reading, rule)
    if type_name(one.value) != type_name(two.value):
        # The side under test is at fault only if both observations are its own.
        reading = replace(one, of_side=one.of_side and two.of_side)
        return wrong_type(reading, rule, f"{type_name(two.value)} like {other} ({show(two.value, 60)})")
    text = f"{show(one.value)}, {other} is {show(two.value)}"
    return _told(options, case, one, rule, holds=_equal(one.value, two.value), text=text)


def _told(options: Expect, case: Case, reading: Reading, rule: str, *, holds: bool, text: str) -> Finding:
    value, at = reading.value, f"({place(options, case)}; {reading.source})"
    named: tuple[str, ...] = ()
    if isinstance(value, list) and options.way == "empty":
        text = str(len(value)) if value else "none"
        what = f"{called(options)}: {text}" + ("" if holds else f", {'none' if options.empty else 'some'} expected")
        lines = () if holds or options.who is not None else lines_of(value)
        named = (in_reason(lines, len(value)), *lines) if lines else ()
    else:
        what = f"{called(options)} is {text}" + ("" if holds else f", expected: {says(options)}")
        if isinstance(value, list) and not holds and options.who is None:
            return _finding(rule, f"{what} {at}", text, holds=holds, lines=lines_of(value))
    named = named if holds else named or behind(options, case)
    reason = f"{what}: {named[0]} {at}" if named else f"{what} {at}"
    return _finding(rule, reason, text, holds=holds, lines=named[1:])


def _finding(rule: str, reason: str, text: str, *, holds: bool, lines: tuple[str, ...]) -> Finding:
    verdict = Verdict.PASS if holds else Verdict.FAIL
    return Finding(verdict=verdict, reason=reason, rule=rule, observed=text, details=lines)


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
