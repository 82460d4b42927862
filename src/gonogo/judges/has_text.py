"""Texts held against one that has to stand in one of them: a version in a channel's messages."""

from __future__ import annotations

import re
from dataclasses import dataclass

from gonogo.judges.base import Expression, Judge
from gonogo.judges.expression import show
from gonogo.judges.reading import missing, place, read, read_list, wrong_type
from gonogo.model.verdict import Case, Finding, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class HasText:
    """`value` is a list of texts, `text` an expression for what one of them has to hold as a word of its own:

    v1.2.3 does not stand in "v1.2.30" or "v1.2.3.1", it does in "v1.2.3." and "(v1.2.3)". A version without its
    v stands in the one with it.
    """

    value: Expression
    text: Expression
    name: str | None = None


def judge(options: HasText, case: Case) -> Finding:
    """Fail when no text holds it; the details show those that do."""
    name = options.name or str(options.value)
    rule = f"{name} hold {options.text}"
    wanted = read(options.text, case, rule)
    if isinstance(wanted, Finding):
        return wanted
    if wanted.value is None:
        return missing(wanted, rule)
    if not isinstance(wanted.value, str) or not wanted.value.strip():
        return wrong_type(wanted, rule, "a text with something in it")
    listed = read_list(options.value, case, rule)
    if isinstance(listed, Finding):
        return listed
    reading, items = listed
    word = re.compile(rf"(?<![\w.-])v?{re.escape(wanted.value)}(?![\w-]|\.\w)")
    holding = [item for item in items if isinstance(item, str) and word.search(item)]
    text = f"{name}: {len(holding)} of {len(items)} hold {show(wanted.value)}"
    return Finding(
        verdict=Verdict.PASS if holding else Verdict.FAIL,
        reason=f"{text} ({place(options, case)}; {reading.source})",
        rule=rule,
        observed=f"{len(holding)} of {len(items)}",
        samples=len(items),
        details=tuple(show(item, 200) for item in holding[:5]),
    )


JUDGE = Judge(options=HasText, judge=judge)
