"""Measured entries in groups into "no group is markedly slower", or the group that is."""

from __future__ import annotations

import math
from dataclasses import dataclass

from gonogo.judges.base import Expression, Judge
from gonogo.judges.expression import show
from gonogo.judges.percentile import is_number, median
from gonogo.judges.reading import inconclusive, place, read_list, wrong
from gonogo.model.units import show_number
from gonogo.model.verdict import Case, Finding, Verdict

_SURE = 2.326  # one-sided 1 %


@dataclass(frozen=True, slots=True, kw_only=True)
class Even:
    """`value` is a list of entries; `group` and `measure` are their fields.

    A group is markedly off when its median is above `factor` times the median of the other groups' medians, and
    surely so: the lower end of its median's range (one-sided 99 %, by rank) is. Above, but not surely, is not
    decidable. `expected` names a list of the environment: a group of it without entries fails. A group with fewer
    than `min_samples` entries is not decidable. Without `measure`, only presence is judged.
    """

    value: Expression
    group: str = "persona_used"
    measure: str | None = "process_time_ms"
    factor: float = 2.0
    min_samples: int = 5
    expected: str | None = None

    def __post_init__(self) -> None:
        if not self.factor > 1 or self.min_samples < 1:
            raise ValueError("even needs factor > 1 and min_samples >= 1")


def judge(options: Even, case: Case) -> Finding:
    """Fail when a group is absent or markedly off; the details hold a line a group."""
    rule = (
        f"every {options.group} has entries"
        if options.measure is None
        else f"median {options.measure} of no {options.group} > {show_number(options.factor)} x that of the others"
    )
    listed = read_list(options.value, case, rule)
    if isinstance(listed, Finding):
        return listed
    reading, entries = listed
    groups: dict[str, list[float]] = {}
    for entry in entries:
        name = entry.get(options.group) if isinstance(entry, dict) else None
        if name is None:
            continue  # an entry of no group, a health request for instance
        value = entry.get(options.measure) if options.measure is not None else 0
        if not is_number(value):
            text = f"{options.measure} of an entry of {name!s:.60} is {show(value, 60)}, not a number"
            return wrong(reading, rule, text, "no number")
        groups.setdefault(str(name)[:60], []).append(float(value))
    expected: tuple[str, ...] = ()
    if options.expected is not None:
        if options.expected not in case.environment.names:
            text = f"{case.environment.name} names no list {options.expected!r} ({place(options, case)})"
            return inconclusive(rule, text, "no list", "when the environment names it")
        expected = case.environment.names[options.expected]
    source = f"(n={len(entries)}, {place(options, case)}; {reading.source})"
    details = tuple(_line(options, name, groups[name]) for name in sorted(groups))

    def told(verdict: Verdict, text: str) -> Finding:
        return Finding(
            verdict=verdict,
            reason=f"{text} {source}",
            rule=rule,
            observed=text,
            samples=len(entries),
            details=details,
        )

    absent = [name for name in expected if name not in groups]
    off, perhaps = _off(options, groups)
    if absent or off:
        said = [f"{name} has no entry" for name in absent] + off
        return told(Verdict.FAIL, "; ".join(said))
    few = [
        f"{name} n={len(v)}/{options.min_samples}" for name, v in sorted(groups.items()) if len(v) < options.min_samples
    ]
    if few or not groups or (len(groups) < 2 and options.measure is not None):
        text = f"too few samples: {', '.join(few) or f'{len(groups)} groups, 2 are needed'} {source}"
        when = f"decidable when each {options.group} has {options.min_samples} entries"
        return inconclusive(rule, f"{text}; {when}", f"{len(groups)} groups", when, len(entries))
    if perhaps:
        when = f"decidable when {options.group} has more entries"
        text = f"too few samples to be sure: {'; '.join(perhaps)} {source}"
        return inconclusive(rule, f"{text}; {when}", "; ".join(perhaps), when, len(entries))
    return told(Verdict.PASS, f"{len(groups)} groups {'are even' if options.measure else 'have entries'}")


def _off(options: Even, groups: dict[str, list[float]]) -> tuple[list[str], list[str]]:
    """Groups that are off, and groups that look so on their few entries."""
    surely: list[str] = []
    perhaps: list[str] = []
    if options.measure is None:
        return surely, perhaps
    medians = {name: median(values) for name, values in groups.items() if len(values) >= options.min_samples}
    for name, own in sorted(medians.items()):
        others = [value for other, value in medians.items() if other != name]
        if others and own > options.factor * median(others):
            text = f"{name}: median {options.measure} {show_number(own)} > {show_number(options.factor)} x "
            sure = _low_median(groups[name]) > options.factor * median(others)
            (surely if sure else perhaps).append(f"{text}{show_number(median(others))} of the others")
    return surely, perhaps


def _low_median(values: list[float]) -> float:
    """The value that the true median is above with 99 %: ranks below the median are binomial."""
    n = len(values)
    return sorted(values)[max(0, math.floor(n / 2 - _SURE * math.sqrt(n) / 2))]


def _line(options: Even, name: str, values: list[float]) -> str:
    if options.measure is None:
        return f"{name}: n={len(values)}"
    return f"{name}: n={len(values)}, median {options.measure} {show_number(median(values))}"


JUDGE = Judge(options=Even, judge=judge)
