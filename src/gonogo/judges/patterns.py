"""Log entries into the patterns that repeat, by type and by message with its numbers and ids taken out."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from gonogo.judges.base import Expression, Judge
from gonogo.judges.reading import read_list, wrong
from gonogo.model.verdict import Case, Finding, Verdict

_MOST_SHOWN = 20
# Compiled at first use: importing the judges stays cheap.
_PARTS = (
    (r"(?i)\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", "<id>"),
    (r"(?i)\b(?=[0-9a-f]*[0-9])(?=[0-9a-f]*[a-f])[0-9a-f]{8,}\b", "<id>"),
    (r"\b(?=[\w-]*\d)[A-Za-z]+[-_][\w-]*\d[\w-]*", "<id>"),
    (r"\d+(?:[.,:]\d+)*", "<n>"),
    (r"\s+", " "),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Patterns:
    """`value` is a list of entries; `key` and `message` are their fields; a pattern has `at_least` entries."""

    value: Expression
    key: str = "error_type"
    message: str = "message"
    at_least: int = 3

    def __post_init__(self) -> None:
        if self.at_least < 2:
            raise ValueError(f"at_least {self.at_least}: a pattern has at least 2 entries")


def judge(options: Patterns, case: Case) -> Finding:
    """Pass when the source answered completely; the details name each pattern, the most frequent first."""
    rule = f"patterns of at least {options.at_least} entries are named"
    listed = read_list(options.value, case, rule)
    if isinstance(listed, Finding):
        return listed
    reading, entries = listed
    groups: dict[tuple[str, str], int] = {}
    for entry in entries:
        if not isinstance(entry, dict):
            return wrong(reading, rule, f"an entry of {options.value} is not an object", "no entries")
        group = (_text(entry.get(options.key)), normal(_text(entry.get(options.message))))
        groups[group] = groups.get(group, 0) + 1
    repeated = sorted(
        ((n, group) for group, n in groups.items() if n >= options.at_least), key=lambda item: (-item[0], item[1])
    )
    details = [f"{n} x {kind}: {message}" for n, (kind, message) in repeated[:_MOST_SHOWN]]
    if len(repeated) > _MOST_SHOWN:
        details.append(f"and {len(repeated) - _MOST_SHOWN} more")
    plural = "" if len(repeated) == 1 else "s"
    observed = f"{len(repeated)} pattern{plural} in {len(entries)} entries"
    most = f", most often {details[0]}" if details else ""
    return Finding(
        verdict=Verdict.PASS,
        reason=f"{observed}{most} ({reading.source})",
        rule=rule,
        observed=observed,
        samples=len(entries),
        details=tuple(details),
    )


def normal(message: str) -> str:
    """A message with ids and numbers replaced, so that its repetitions are equal."""
    text = message[:500]
    for part, instead in _PARTS:
        text = re.sub(part, instead, text)
    return text.strip()[:200]


def _text(value: Any) -> str:
    return "none" if value is None else str(value)[:1000]


JUDGE = Judge(options=Patterns, judge=judge)
