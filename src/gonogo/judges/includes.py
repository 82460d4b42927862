"""A list held against what it must include: every name of an environment's list, or one text in some entry."""

from __future__ import annotations

from dataclasses import dataclass

from gonogo.judges.base import Expression, Judge
from gonogo.judges.expression import show
from gonogo.judges.reading import inconclusive, place, read, read_list, wrong
from gonogo.model.verdict import Case, Finding, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Includes:
    """`value` is a list of texts. Either `names`, a list of the environment that must be in it whole, or `text`,
    an expression for a text that some entry must hold. `name` stands for the list in sentences.
    """

    value: Expression
    names: str | None = None
    text: Expression | None = None
    name: str | None = None

    def __post_init__(self) -> None:
        if (self.names is None) == (self.text is None):
            raise ValueError("includes needs either names or text")


def judge(options: Includes, case: Case) -> Finding:
    """Fail when something is not there, naming it."""
    called = options.name or str(options.value)
    rule = f"{called} include {options.names or options.text}"
    listed = read_list(options.value, case, rule)
    if isinstance(listed, Finding):
        return listed
    reading, entries = listed
    texts = [entry for entry in entries if isinstance(entry, str)]
    if options.text is not None:
        wanted = read(options.text, case, rule)
        if isinstance(wanted, Finding):
            return wanted
        if not isinstance(wanted.value, str) or not wanted.value:
            return wrong(wanted, rule, f"{options.text} is {show(wanted.value, 60)}, not a text", "no text")
        missing = [] if any(wanted.value in text for text in texts) else [wanted.value]
    else:
        names = case.environment.names.get(str(options.names))
        if not names:
            text = f"{case.environment.name} names no list {options.names!r} ({place(options, case)})"
            return inconclusive(rule, text, "no list", "when the environment names it")
        missing = [name for name in names if name not in texts]
    said = f"{called}: {', '.join(missing)} missing" if missing else f"{called}: all there"
    return Finding(
        verdict=Verdict.FAIL if missing else Verdict.PASS,
        reason=f"{said} (n={len(entries)}, {place(options, case)}; {reading.source})",
        rule=rule,
        observed=f"missing: {', '.join(missing)}" if missing else f"all there, {len(entries)} entries",
        samples=len(entries),
        details=tuple(f"there: {text[:120]}" for text in texts[:20]) if missing else (),
    )


JUDGE = Judge(options=Includes, judge=judge)
