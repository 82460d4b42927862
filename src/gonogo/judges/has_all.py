"""A list of names held against the names that the environment asks for."""

from __future__ import annotations

from dataclasses import dataclass

from gonogo.judges.base import Expression, Judge
from gonogo.judges.reading import inconclusive, place, read_list
from gonogo.model.verdict import Case, Finding, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class HasAll:
    """`value` is a list of texts; `names` is a list of the environment, each of which has to be in it.

    Of fewer than `min_samples` texts nobody expects that they hold every name: one that is missing is not decidable.
    """

    value: Expression
    names: str
    min_samples: int = 0
    name: str | None = None


def judge(options: HasAll, case: Case) -> Finding:
    """Fail with the names that are not there."""
    name = options.name or str(options.value)
    wanted = case.environment.names.get(options.names, ())
    rule = f"{name} hold all {options.names}"
    if not wanted:
        text = f"{case.environment.name} names no list {options.names!r} ({place(options, case)})"
        return inconclusive(rule, text, "no list", "when the environment names it")
    listed = read_list(options.value, case, rule)
    if isinstance(listed, Finding):
        return listed
    reading, items = listed
    have = {item for item in items if isinstance(item, str)}
    lacking = [one for one in wanted if one not in have]
    found = f"{len(wanted) - len(lacking)} of {len(wanted)}"
    text = f"{name}: {found}" + (f", without {', '.join(lacking)}" if lacking else "")
    if lacking and len(items) < options.min_samples:
        when = f"decidable when n reaches {options.min_samples}"
        text = f"{text}, too few samples, n={len(items)}/{options.min_samples} ({reading.source}); {when}"
        return inconclusive(rule, text, found, when, len(items))
    return Finding(
        verdict=Verdict.FAIL if lacking else Verdict.PASS,
        reason=f"{text} ({place(options, case)}; {reading.source})",
        rule=rule,
        observed=found,
        samples=len(items),
        details=(  # a reader is shown the first of them
            *(f"missing: {one}" for one in lacking),
            *(f"found: {one}" for one in wanted if one in have),
        ),
    )


JUDGE = Judge(options=HasAll, judge=judge)
