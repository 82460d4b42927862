"""A number held against one of several objectives, which one the evidence itself says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gonogo.judges.base import Expression, Judge, ObjectiveName
from gonogo.judges.behind import check_naming
from gonogo.judges.expectation import Expect
from gonogo.judges.expression import show
from gonogo.judges.limits import hold_objective
from gonogo.judges.reading import inconclusive, missing, place, read
from gonogo.model.verdict import Case, Finding


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """`by` is an expression for a text, `objectives` gives the objective of each text that it may be, and `value` is
    held against that one. `who` and `show` name who is behind it, as in `expect`.
    """

    value: Expression
    by: Expression
    objectives: Mapping[str, ObjectiveName]
    name: str | None = None
    who: Expression | None = None
    show: str | None = None

    def __post_init__(self) -> None:
        check_naming(self.who, None, self.show)


def judge(options: Chosen, case: Case) -> Finding:
    """The finding of the objective that is chosen; a text that has none is not decidable."""
    rule = f"{options.name or options.value} keeps its objective"
    reading = read(options.by, case, rule)
    if isinstance(reading, Finding):
        return reading
    if reading.value is None:
        return missing(reading, rule)
    objective = options.objectives.get(reading.value) if isinstance(reading.value, str) else None
    if objective is None:
        text = f"{options.by} is {show(reading.value, 60)}, which has no objective ({place(options, case)})"
        return inconclusive(rule, text, show(reading.value, 60), f"when it is {' or '.join(options.objectives)}")
    held = Expect(value=options.value, objective=objective, name=options.name, who=options.who, show=options.show)
    return hold_objective(held, case)


JUDGE = Judge(options=Chosen, judge=judge)
