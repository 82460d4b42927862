"""An expression and a case into a reading: a value, whose document it stands in, and what is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from gonogo.judges.expression import ExpressionError, absent_in, evaluate, names_in, show, type_name
from gonogo.judges.percentile import is_number
from gonogo.judges.seeing import trouble
from gonogo.model.evidence import Seen
from gonogo.model.units import Unit, show_number
from gonogo.model.verdict import Case, Finding, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What an expression came to. `of_side`: all of it stands in documents of sides under test."""

    value: Any
    expression: str
    of_side: bool
    source: str
    document: Mapping[str, Any]
    where: str = ""  # file:line of the rule that asks for this value, where it is a rule's own
    named_here: int = 0  # so many names from the root are the checklist's own, and none of the side's


def read(expression: str, case: Case, rule: str) -> Reading | Finding:
    """The value of `expression` on the case's one document ("it"), or on {name: document} where looks have names.

    Only looks that the expression names are asked to be trustworthy. The value may be None: it is missing then.
    """
    if not case.evidence:
        return inconclusive(rule, "nothing was looked at", "no evidence", "when its evidence is there")
    try:
        names = _used(expression, case)
    except ExpressionError as error:
        return inconclusive(rule, str(error), "no value", "when the expression is put right")
    finding = trouble(case, names)
    if finding is not None:
        return finding
    documents = {name: e.outcome.data for name, e in case.evidence.items() if isinstance(e.outcome, Seen)}
    document: Mapping[str, Any] = documents["it"] if set(case.evidence) == {"it"} else documents
    reading = Reading(
        value=None,
        expression=expression,
        of_side=all(case.evidence[name].side is not None for name in names),
        source=", ".join(dict.fromkeys(case.evidence[name].source for name in names)),
        document=document,
        named_here=_named_here(case, names),
        where=next((short(r.origin) for r in case.check.rules if getattr(r.options, "value", "") == expression), ""),
    )
    try:
        value = evaluate(expression, document)
    except ExpressionError as error:
        return _without(reading, rule, str(error), "no value")
    return replace(reading, value=value)


def read_list(expression: str, case: Case, rule: str) -> tuple[Reading, list[Any]] | Finding:
    """A reading that is a list."""
    reading = read(expression, case, rule)
    if isinstance(reading, Finding):
        return reading
    if reading.value is None:
        return missing(reading, rule)
    if not isinstance(reading.value, list):
        return wrong_type(reading, rule, "a list")
    return reading, reading.value


def read_number(expression: str, case: Case, rule: str) -> tuple[Reading, float] | Finding:
    """A reading that is a finite number; text or truth in place of a number is never compared."""
    reading = read(expression, case, rule)
    if isinstance(reading, Finding):
        return reading
    if reading.value is None:
        return missing(reading, rule)
    if not is_number(reading.value):
        return wrong_type(reading, rule, "a number")
    return reading, reading.value


def missing(reading: Reading, rule: str) -> Finding:
    """The value is not there: a fault of the side under test; of an observer, something not seen yet."""
    kind = reading.document.get("content_type")
    html = reading.expression.startswith("json") and reading.document.get("json") is None and isinstance(kind, str)
    why = f": the answer is {kind or 'of no type'}, not JSON" if html else ""
    return _without(reading, rule, f"{reading.expression} is missing{why}", "missing")


def _without(reading: Reading, rule: str, text: str, observed: str) -> Finding:
    """A name is not there. What a side's answer lacks is the side's fault. The names of the looks, and of the columns
    that a statement selects, are the checklist's own: nobody but its author got one of them wrong, which proves
    nothing of a side.
    """
    found = absent_in(reading.expression, reading.document)
    if found is None:
        return wrong(reading, rule, text, observed)
    said = text if ": the answer is " in text else f"{text}: {found.text}"
    if found.level > reading.named_here:
        return wrong(reading, rule, said, observed)
    reason = f"{said} ({reading.where}; {reading.source})" if reading.where else f"{said} ({reading.source})"
    return inconclusive(rule, reason, observed, f"when the checklist names it as the look does: {found.text}")


def wrong_type(reading: Reading, rule: str, wanted: str) -> Finding:
    """The value has another JSON type than the rule can judge."""
    found = f"{type_name(reading.value)} ({show(reading.value, 60)})"
    return wrong(reading, rule, f"{reading.expression} is {found}, not {wanted}", found)


def wrong(reading: Reading, rule: str, text: str, observed: str) -> Finding:
    """A document that cannot be judged: FAIL for a side's, INCONCLUSIVE for an observer's."""
    reason = f"{text} ({reading.where}; {reading.source})" if reading.where else f"{text} ({reading.source})"
    if reading.of_side:
        return Finding(verdict=Verdict.FAIL, reason=reason, rule=rule, observed=observed)
    return inconclusive(rule, reason, observed, "when the source shows it")


def inconclusive(
    rule: str, reason: str, observed: str, decidable: str | None = None, samples: int | None = None
) -> Finding:
    """Not decidable on this evidence."""
    return Finding(
        verdict=Verdict.INCONCLUSIVE, reason=reason, rule=rule, observed=observed, decidable=decidable, samples=samples
    )


def place(options: object, case: Case) -> str:
    """Where the rule with these options stands, as file:line."""
    for rule in case.check.rules:
        if rule.options is options:
            return short(rule.origin)
    return short(case.check.origin)


def short(origin: Any) -> str:
    """file:line, without the column."""
    return f"{origin.file}:{origin.line}" if origin.line else str(origin.file)


_COLUMNS = frozenset({"postgres"})  # looks whose rows have the columns that the checklist selects
_LONG_S = 3600.0  # nobody reads seconds beyond an hour
_DAYS_S = 172800.0  # nor hours beyond two days


def quantity(value: float, unit: Unit | None) -> str:
    """A number with its unit, for people; ratios and counts are bare."""
    match unit:
        case None | Unit.RATIO | Unit.COUNT:
            return show_number(value)
        case Unit.PER_HOUR:
            return f"{show_number(value)} per hour"
        case Unit.PER_SECOND:
            return f"{show_number(value)} per second"
        case Unit.TIMES:
            return f"{show_number(value)} times"
        case Unit.S if abs(value) >= _DAYS_S:
            return f"{show_number(round(value / 86400, 1))} days"
        case Unit.S if abs(value) >= _LONG_S:
            return f"{show_number(round(value))} s ({show_number(round(value / 3600, 1))} h)"
        case Unit.MS | Unit.S | Unit.BYTES | Unit.MB:
            return f"{show_number(value)} {unit}"


_CHANGES_UNIT = ("divide(", "multiply(", "subtract(", "length(", "count_by(", "to_number(", "keys(", "[?")
_SUFFIX = re.compile(r"_(ms|s|ratio|bytes|mb|count)\Z")


def unit_of(expression: str) -> Unit | None:
    """The unit that the last field name says by its suffix (`elapsed_ms`), None where the value is computed."""
    if any(part in expression for part in _CHANGES_UNIT):
        return None
    fields = re.findall(r"[A-Za-z_]\w*(?!\w*\()", re.sub(r"`[^`]*`|'[^']*'", "", expression))
    match = _SUFFIX.search(fields[-1]) if fields else None
    return {u.value.lower(): u for u in Unit}[match[1]] if match else None


def _named_here(case: Case, names: Iterable[str]) -> int:
    """How deep the checklist's own names go: that of a look, where looks have names, `rows` and a column of them."""
    columns = all(case.evidence[name].kind in _COLUMNS for name in names)
    return (set(case.evidence) != {"it"}) + 2 * columns


def _used(expression: str, case: Case) -> tuple[str, ...]:
    mentioned = names_in(expression)
    names = tuple(name for name in case.evidence if name in mentioned)
    return names or tuple(case.evidence)


def moment(value: Any) -> datetime | None:
    """An ISO 8601 time as an aware datetime; one without an offset is UTC. None for anything else."""
    if isinstance(value, datetime):
        when = value
    elif isinstance(value, str):
        try:
            when = datetime.fromisoformat(value)
        except ValueError:
            return None
    else:
        return None
    return when if when.tzinfo is not None else when.replace(tzinfo=UTC)
