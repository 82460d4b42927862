"""Entries split by what they have in common: who is affected, by what, since when. Shown, not limited."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from gonogo.judges.base import Expression, Judge
from gonogo.judges.expression import is_number
from gonogo.judges.percentile import percentile
from gonogo.judges.reading import moment, read_list, wrong
from gonogo.model.units import show_number
from gonogo.model.verdict import Case, Finding, Verdict

_SHOWN = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """`value` is a list of entries with a time `t`. Each of `by` is a field of theirs, or one of `hour` (UTC),
    `length` (message_length in steps of 50) and `class` (timeout, 5xx, 4xx, other). With `measure`, a numeric
    field, each part shows its P95; without, its number of entries.
    """

    value: Expression
    by: tuple[str, ...]
    measure: str | None = None
    name: str | None = None


def judge(options: Split, case: Case) -> Finding:
    """Pass when the source answered completely; the details hold a line for each of `by`."""
    name = options.name or str(options.value)
    rule = f"{name} are split by {', '.join(options.by)}"
    listed = read_list(options.value, case, rule)
    if isinstance(listed, Finding):
        return listed
    reading, entries = listed
    if not all(isinstance(entry, Mapping) for entry in entries):
        return wrong(reading, rule, f"an entry of {options.value} is not an object", "no entries")
    times = sorted(str(entry["t"]) for entry in entries if entry.get("t"))
    details = [f"since {times[0]}"] if times else []
    details += [_line(options, by, entries) for by in options.by if entries]
    return Finding(
        verdict=Verdict.PASS,
        reason=f"{len(entries)} {name} ({reading.source})",
        rule=rule,
        observed=f"{len(entries)} entries",
        samples=len(entries),
        details=tuple(details),
    )


def _line(options: Split, by: str, entries: list[Any]) -> str:
    part_of = _PARTS.get(by, lambda entry: str(entry[by])[:60] if entry.get(by) is not None else None)
    parts: dict[str, list[Any]] = {}
    for entry in entries:
        part = part_of(entry)
        if part is not None:
            parts.setdefault(part, []).append(entry)

    def measured(part: list[Any]) -> float:
        if options.measure is None:
            return float(len(part))
        values = [entry[options.measure] for entry in part if is_number(entry.get(options.measure))]
        return percentile(values, 95) or 0.0

    ranked = sorted(((measured(part), name, len(part)) for name, part in parts.items()), reverse=True)
    shown = [
        f"{name} {n}" if options.measure is None else f"{name} P95 {show_number(round(value, 1))} (n={n})"
        for value, name, n in ranked[:_SHOWN]
    ]
    more = f" and {len(ranked) - _SHOWN} more" if len(ranked) > _SHOWN else ""
    return f"by {by}: {len(ranked)}: {', '.join(shown)}{more}"


def _class(entry: Mapping[str, Any]) -> str:
    status, kind = entry.get("status_code"), str(entry.get("error_type") or "")
    if "timeout" in kind or status == 504:
        return "timeout"
    if is_number(status) and status >= 500:
        return "5xx"
    return "4xx" if is_number(status) and status >= 400 else "other"


def _hour(entry: Mapping[str, Any]) -> str | None:
    when = moment(entry.get("t"))
    return None if when is None else f"{when:%H}h"


def _length(entry: Mapping[str, Any]) -> str | None:
    length = entry.get("message_length")
    return f"{int(length) // 50 * 50}+ characters" if is_number(length) and length else None


_PARTS: dict[str, Callable[[Mapping[str, Any]], str | None]] = {"class": _class, "hour": _hour, "length": _length}

JUDGE = Judge(options=Split, judge=judge)
