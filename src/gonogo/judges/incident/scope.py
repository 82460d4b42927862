"""Responses into the extent of an incident: which personas, how many users, since when."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gonogo.judges.base import Expression, Judge
from gonogo.judges.percentile import is_number
from gonogo.judges.reading import inconclusive, moment, place, read_list, wrong
from gonogo.model.units import show_number
from gonogo.model.verdict import Case, Finding, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """`value` is a list of responses with `status_code`, `persona_used`, `user_id` and `t`.

    Responses of 500 and above are failures. More than `at_most` of all, or of one persona's where at least
    `min_count` of them failed, is an incident. Fewer than `min_samples` responses are not decidable.
    """

    value: Expression
    at_most: float = 0.1
    min_count: int = 3
    min_samples: int = 10

    def __post_init__(self) -> None:
        if not 0 <= self.at_most < 1 or self.min_count < 1 or self.min_samples < 1:
            raise ValueError("scope needs 0 <= at_most < 1, min_count >= 1 and min_samples >= 1")


def judge(options: Scope, case: Case) -> Finding:
    """Fail when too many responses failed, of all or of a persona; the details name who and since when."""
    limit = show_number(options.at_most)
    rule = f"failed responses <= {limit} of all and of each persona"
    listed = read_list(options.value, case, rule)
    if isinstance(listed, Finding):
        return listed
    reading, entries = listed
    for entry in entries:
        if not isinstance(entry, dict) or not is_number(entry.get("status_code")):
            return wrong(reading, rule, f"an entry of {options.value} has no status_code", "no status")
    if len(entries) < options.min_samples:
        when = f"decidable when n reaches {options.min_samples}"
        text = f"too few responses, n={len(entries)}/{options.min_samples} ({reading.source}); {when}"
        return inconclusive(rule, text, f"n={len(entries)}", when, len(entries))
    failed = [entry for entry in entries if entry["status_code"] >= 500]
    over = [f"all responses {_share(failed, entries)}"] if len(failed) > options.at_most * len(entries) else []
    details = [f"all: {_share(failed, entries)} failed"]
    for persona in sorted({str(e["persona_used"]) for e in entries if e.get("persona_used")}):
        theirs = [entry for entry in entries if str(entry.get("persona_used")) == persona]
        of_failed = [entry for entry in failed if str(entry.get("persona_used")) == persona]
        details.append(f"persona {persona[:60]}: {_share(of_failed, theirs)} failed")
        if len(of_failed) >= options.min_count and len(of_failed) > options.at_most * len(theirs):
            over.append(f"persona {persona[:60]} {_share(of_failed, theirs)}")
    users = {str(e["user_id"]) for e in entries if e.get("user_id")}
    affected = {str(e["user_id"]) for e in failed if e.get("user_id")}
    details.append(f"users affected: {len(affected)} of {len(users)}")
    since = min((t for entry in failed if (t := moment(entry.get("t")))), default=None)
    if since is not None:
        details.append(f"since {since:%Y-%m-%d %H:%M} UTC")
    text = f"{'; '.join(over)} failed > {limit}; {details[-2]}, {details[-1]}" if over else f"{details[0]} <= {limit}"
    return Finding(
        verdict=Verdict.FAIL if over else Verdict.PASS,
        reason=f"{text} (n={len(entries)}, {place(options, case)}; {reading.source})",
        rule=rule,
        observed=details[0],
        samples=len(entries),
        details=tuple(details),
    )


def _share(some: list[dict[str, Any]], of: list[dict[str, Any]]) -> str:
    return f"{len(some)} of {len(of)}"


JUDGE = Judge(options=Scope, judge=judge)
