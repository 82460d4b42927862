"""What a checklist expects of one value: the options of `expect`, and how they are said."""

from __future__ import annotations

import re
from dataclasses import dataclass

from gonogo.judges.base import Expression, ObjectiveName
from gonogo.judges.behind import check_naming
from gonogo.judges.expression import show
from gonogo.model.units import Unit

Scalar = str | int | float | bool

_WAYS = (
    "equals", "not_equals", "one_of", "contains", "matches", "present", "empty",
    "below", "at_most", "above", "at_least", "objective", "same_as",
)  # fmt: skip
_LIMITS = ("below", "at_most", "above", "at_least", "objective")


@dataclass(frozen=True, slots=True, kw_only=True)
class Expect:
    """`value` is an expression on the document, or on {name: document} when the check has several looks.

    Exactly one expectation is given. `unit` is the unit of the value; without it a suffix of its last field
    (`elapsed_ms`) says it, and without that it is the objective's. `samples` is an expression for the number of
    samples behind the value, by default the document's `count`. `name` stands for the value in sentences.

    What does not hold names who is behind it: `who` is an expression for a list of them (or one), and `show` forms the
    line of each, as in `listed`. With a limit, `each` is the number of one of them, an expression on it in the unit of
    the value: those that break the limit by themselves are named, the worst first.
    """

    value: Expression
    equals: Scalar | None = None
    not_equals: Scalar | None = None
    one_of: tuple[Scalar, ...] = ()
    contains: Scalar | None = None
    matches: str | None = None
    present: bool | None = None
    empty: bool | None = None
    below: float | None = None
    at_most: float | None = None
    above: float | None = None
    at_least: float | None = None
    objective: ObjectiveName | None = None
    same_as: Expression | None = None
    unit: Unit | None = None
    samples: Expression | None = None
    min_samples: int | None = None
    name: str | None = None
    who: Expression | None = None
    each: Expression | None = None
    show: str | None = None

    def __post_init__(self) -> None:
        given = [way for way in _WAYS if getattr(self, way) not in (None, ())]
        if len(given) != 1:
            said = " and ".join(given) or "none"
            raise ValueError(f"expect needs exactly one of {', '.join(_WAYS)}; it has {said}")
        if self.matches is not None:
            try:
                re.compile(self.matches)
            except re.error as error:
                raise ValueError(f"matches {self.matches!r} is not a regular expression: {error}") from None
        if self.each is not None and self.way not in _LIMITS:
            raise ValueError(f"each needs a limit: one of {', '.join(_LIMITS)}")
        check_naming(self.who, self.each, self.show)

    @property
    def way(self) -> str:
        """The expectation that is given."""
        return next(way for way in _WAYS if getattr(self, way) not in (None, ()))


def called(options: Expect) -> str:
    """What stands for the value in sentences."""
    return options.name or options.objective or str(options.value)


def says(options: Expect) -> str:
    """The expectation in words."""
    wanted = getattr(options, options.way)
    match options.way:
        case "present":
            return "present" if wanted else "absent"
        case "empty":
            return "empty" if wanted else "not empty"
        case "same_as":
            return f"the same as {wanted}"
        case "one_of":
            return f"one of {', '.join(show(one) for one in wanted)}"
        case way:
            return f"{way.replace('_', ' ')} {show(wanted)}"
