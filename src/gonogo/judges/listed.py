"""What a complete source holds, shown: an item that is about knowing, not about a limit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gonogo.judges.base import Expression, Judge
from gonogo.judges.behind import check_show, line
from gonogo.judges.expression import ExpressionError, show
from gonogo.judges.reading import missing, read, wrong
from gonogo.model.verdict import Case, Finding, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """`value` is what is listed: a list, an object (its entries) or one value; an empty list is an answer too.

    `show` forms the line of one entry: a text with expressions in braces (`{t} {message}`), or, without
    braces, one expression. At most `at_most_shown` lines are shown; the rest is counted. They stand beside the reason,
    too, where another rule of the item does not hold.
    """

    value: Expression
    show: str | None = None
    at_most_shown: int = 20
    name: str | None = None

    def __post_init__(self) -> None:
        if self.at_most_shown < 1:
            raise ValueError(f"at_most_shown {self.at_most_shown} is not at least 1")
        check_show(self.show)


def judge(options: Listed, case: Case) -> Finding:
    """Pass when the source answered completely."""
    name = options.name or str(options.value)
    rule = f"{name} is known"
    reading = read(options.value, case, rule)
    if isinstance(reading, Finding):
        return reading
    if reading.value is None:
        return missing(reading, rule)
    if isinstance(reading.value, dict) and options.show is None:
        entries = [f"{key}: {item if isinstance(item, str) else show(item)}" for key, item in reading.value.items()]
    else:
        items = reading.value if isinstance(reading.value, list) else [reading.value]
        try:
            entries = [_line(options.show, item) for item in items[: options.at_most_shown]]
        except ExpressionError as error:
            return wrong(reading, rule, str(error), "no line")
        entries += [""] * (len(items) - len(entries))
    found = len(entries)
    lines = entries[: options.at_most_shown]
    if found > len(lines):
        lines.append(f"and {found - len(lines)} more")
    observed = f"{found} found"
    single = not isinstance(reading.value, list | dict)
    text = f"{name}: {lines[0] if single else observed} ({reading.source})"
    return Finding(verdict=Verdict.PASS, reason=text, rule=rule, observed=observed, samples=found, details=tuple(lines))


def _line(template: str | None, item: Any) -> str:
    if template is None and not isinstance(item, str):
        return show(item, 300)
    return line(template, item)


JUDGE = Judge(options=Listed, judge=judge)
