"""Executions as they were and as a previous rule set would decide them, into evidence for or against going back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gonogo.judges.base import Expression, Judge
from gonogo.judges.expression import show
from gonogo.judges.reading import inconclusive, place, read_list
from gonogo.model.units import show_number
from gonogo.model.verdict import Case, Finding, Verdict

_SHOWN = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class WhatIf:
    """`value` is a list of executions with `id`, `vote`, `old`, `new` and `changed`, as a look of kind what_if has
    them. Those whose vote is `disputed` speak for going back where more than `at_most` of them would come out
    differently; all others are the control: what would change as much of them changes without being better.

    Fewer than `min_samples` disputed ones are not decidable once one of them would come out differently.
    """

    value: Expression
    disputed: str = "thumbs_down"
    at_most: float = 0.5
    min_samples: int = 5
    name: str = "the previous rule set"

    def __post_init__(self) -> None:
        if not 0 <= self.at_most < 1 or self.min_samples < 1:
            raise ValueError("what_if needs 0 <= at_most < 1 and min_samples >= 1")


def judge(options: WhatIf, case: Case) -> Finding:
    """Fail with the evidence for a rollback; pass with that against it, and where nothing is disputed. A comparison
    that was not made is inconclusive, whoever is to blame for it: it speaks for nothing.
    """
    limit = show_number(options.at_most)
    rule = f"disputed executions that {options.name} decides differently <= {limit}"
    listed = read_list(options.value, case, rule)
    if isinstance(listed, Finding):
        return _not_made(rule, listed.reason, listed.decidable)
    reading, rows = listed
    for row in rows:
        if (
            not isinstance(row, dict)
            or not isinstance(row.get("changed"), bool)
            or not isinstance(row.get("vote"), str)
        ):
            text = f"an entry of {options.value} has no vote, or does not say changed ({reading.source})"
            return _not_made(rule, text, None)
    against = [row for row in rows if row["vote"] == options.disputed]
    others = [row for row in rows if row["vote"] != options.disputed]
    changed, also = _changed(against), _changed(others)
    where = f"({place(options, case)}; {reading.source})"
    if not against:
        return Finding(
            verdict=Verdict.PASS, reason=f"nothing is disputed {where}", rule=rule, observed="none disputed", samples=0
        )
    beside = f", and {_share(also, others)} others" if others else ""
    text = f"{_share(changed, against)} disputed executions come out differently by {options.name}{beside}"
    details = tuple(_line(row) for row in [*changed, *also][:_SHOWN])
    if changed and len(against) < options.min_samples:
        when = f"decidable when n reaches {options.min_samples}"
        return inconclusive(
            rule, f"{text}, n={len(against)}/{options.min_samples} {where}; {when}", text, when, len(against)
        )
    helps = len(changed) / len(against)
    is_better = not others or helps > 2 * len(also) / len(others)
    speaks_for = helps > options.at_most and is_better
    why = "" if helps <= options.at_most or is_better else "; it would change what nobody disputes as well"
    return Finding(
        verdict=Verdict.FAIL if speaks_for else Verdict.PASS,
        reason=f"{'for' if speaks_for else 'against'} a rollback: {text}{why} {where}",
        rule=rule,
        observed=text,
        samples=len(against),
        details=details,
    )


def _not_made(rule: str, why: str, decidable: str | None) -> Finding:
    return inconclusive(rule, f"nothing was compared: {why}", "not compared", decidable or "when it is compared")


def _changed(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [row for row in rows if row["changed"]]


def _share(some: list[dict[str, Any]], of: list[dict[str, Any]]) -> str:
    return f"{len(some)} of {len(of)}"


def _line(row: dict[str, Any]) -> str:
    """One execution: what it came to, and what it would come to."""
    return f"execution {show(row.get('id'), 40)} ({row['vote'][:40]}): {show(row.get('old'))} -> {show(row.get('new'))}"


JUDGE = Judge(options=WhatIf, judge=judge)
