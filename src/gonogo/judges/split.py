"""Measured entries into tables: how the measure differs by persona, by hour, by length."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gonogo.judges.base import Expression, Judge
from gonogo.judges.percentile import is_number, percentile
from gonogo.judges.reading import inconclusive, moment, read_list
from gonogo.model.units import show_number
from gonogo.model.verdict import Case, Finding, Verdict

_WIDTH = 50  # of a band of numbers, characters of a message for instance


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """`value` is a list of entries, `measure` a number in them, `by` their fields.

    The field `hour` is that of the time `t` in UTC. Numbers are put into bands of 50.
    Entries without the measure are left out; where more than a tenth lack it, the tables are not known.
    """

    value: Expression
    measure: str
    by: tuple[str, ...]

    def __post_init__(self) -> None:
        if not self.by:
            raise ValueError("split needs at least one field in `by`")


def judge(options: Split, case: Case) -> Finding:
    """Pass when the source answered completely and holds something; the details are the tables."""
    rule = f"{options.measure} is known by {', '.join(options.by)}"
    listed = read_list(options.value, case, rule)
    if isinstance(listed, Finding):
        return listed
    reading, items = listed
    measured = [item for item in items if isinstance(item, dict) and is_number(item.get(options.measure))]
    if not measured:
        text = f"no entry of {options.value} has a {options.measure} ({reading.source})"
        return inconclusive(rule, text, "n=0", "when entries arrive", 0)
    if len(measured) < 0.9 * len(items):
        text = f"only {len(measured)} of {len(items)} entries have a {options.measure} ({reading.source})"
        return inconclusive(rule, text, f"n={len(measured)}", "when the entries tell it", len(measured))
    lines: list[str] = []
    for field in options.by:
        groups: dict[tuple[float, str], list[float]] = {}
        for item in measured:
            groups.setdefault(_group(field, item), []).append(float(item[options.measure]))
        for (_, group), values in sorted(groups.items()):
            p50, p95 = percentile(values, 50), percentile(values, 95)
            figures = f"P50 {show_number(p50 or 0.0)}, P95 {show_number(p95 or 0.0)}"
            lines.append(f"{field} {group}: {figures} (n={len(values)})")
    return Finding(
        verdict=Verdict.PASS,
        reason=f"{options.measure} split by {', '.join(options.by)} (n={len(measured)}; {reading.source})",
        rule=rule,
        observed=f"{len(lines)} groups",
        samples=len(measured),
        details=tuple(lines),
    )


def _group(field: str, item: dict[str, Any]) -> tuple[float, str]:
    """A group as (place in the table, name)."""
    if field == "hour":
        when = moment(item.get("t"))
        return (when.timestamp() // 3600, f"{when:%Y-%m-%d %H}h") if when else (0.0, "none")
    value = item.get(field)
    if is_number(value):
        low = int(value // _WIDTH) * _WIDTH
        return float(low), f"{low}-{low + _WIDTH - 1}"
    return 0.0, "none" if value in {None, ""} else str(value)[:60]


JUDGE = Judge(options=Split, judge=judge)
