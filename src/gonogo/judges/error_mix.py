"""Log entries of warnings and errors into classes: 5xx, timeouts, 4xx, with their counts by type."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from gonogo.judges.base import Expression, Judge
from gonogo.judges.percentile import is_number
from gonogo.judges.reading import place, read_list, wrong
from gonogo.model.verdict import Case, Finding, Verdict

_GRAVE = ("5xx", "timeout")


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorMix:
    """`value` is a list of entries with `status_code` and `error_type`.

    Server errors and timeouts together have to stay below `below`; client errors are counted and shown.
    """

    value: Expression
    below: int = 5

    def __post_init__(self) -> None:
        if self.below < 1:
            raise ValueError(f"below {self.below} is not at least 1")


def judge(options: ErrorMix, case: Case) -> Finding:
    """Fail from `below` grave entries on; the details hold a line a class and a type."""
    rule = f"5xx and timeouts < {options.below}"
    listed = read_list(options.value, case, rule)
    if isinstance(listed, Finding):
        return listed
    reading, entries = listed
    if not all(isinstance(entry, dict) for entry in entries):
        return wrong(reading, rule, f"an entry of {options.value} is not an object", "no entries")
    found = Counter(_class(entry) for entry in entries)
    grave = sum(found[name] for name in _GRAVE)
    mix = (
        ", ".join(f"{name} {found[name]}" for name in ("5xx", "timeout", "4xx", "other") if found[name]) or "no errors"
    )
    types = Counter((_class(entry), str(entry.get("error_type") or "none")[:60]) for entry in entries)
    sign = ">=" if grave >= options.below else "<"
    text = f"5xx and timeouts {grave} {sign} {options.below}: {mix}"
    return Finding(
        verdict=Verdict.FAIL if grave >= options.below else Verdict.PASS,
        reason=f"{text} (n={len(entries)}, {place(options, case)}; {reading.source})",
        rule=rule,
        observed=mix,
        samples=len(entries),
        details=tuple(
            f"{kind} {name}: {n}" for (kind, name), n in sorted(types.items(), key=lambda i: (-i[1], i[0]))[:20]
        ),
    )


def _class(entry: dict[str, Any]) -> str:
    status = entry.get("status_code")
    if "timeout" in str(entry.get("error_type") or "").lower() or status in {408, 504}:
        return "timeout"
    if is_number(status):
        return "5xx" if status >= 500 else "4xx" if status >= 400 else "other"
    return "other"


JUDGE = Judge(options=ErrorMix, judge=judge)
