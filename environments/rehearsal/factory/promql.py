"""The part of PromQL that the factory's checklists use, from its text into a tree; anything else is BadQuery.

Selectors with =, !=, =~ and !~; NAME[5m]; rate, increase, {avg,max,min,sum,count,last}_over_time, histogram_quantile,
vector; sum, avg, min, max and count, by labels or of all; + - * /, comparisons, `and`, `or`; numbers and brackets.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
RANGED = (
    "rate",
    "increase",
    "avg_over_time",
    "max_over_time",
    "min_over_time",
    "sum_over_time",
    "count_over_time",
    "last_over_time",
)
AGGREGATIONS = ("sum", "avg", "min", "max", "count")
COMPARISONS = ("==", "!=", "<=", ">=", "<", ">")
_TOKEN = re.compile(
    r"\s*(?:(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?(?![\w:]))|(?P<duration>(?:\d+(?:ms|[smhdw]))+)"
    r"|(?P<name>[a-zA-Z_:][\w:]*)"
    r"|(?P<text>\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*')|(?P<sign>==|!=|<=|>=|=~|!~|[-+*/<>=(){}\[\],]))"
)
_DURATION = re.compile(r"(\d+)(ms|[smhdw])")


class BadQuery(ValueError):
    """A text that is not known here; the message begins as Prometheus' own does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Matcher:
    """One condition on a label."""

    label: str
    sign: str
    value: str

    def fits(self, labels: dict[str, str]) -> bool:
        """A label that is absent is an empty one; patterns hold for the whole value."""
        found = labels.get(self.label, "")
        match self.sign:
            case "=":
                return found == self.value
            case "!=":
                return found != self.value
            case "=~":
                return re.fullmatch(self.value, found) is not None
            case _:
                return re.fullmatch(self.value, found) is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Selector:
    """Series of one name; with `over` (seconds) their samples of that time."""

    name: str
    matchers: tuple[Matcher, ...] = ()
    over: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """A number."""

    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """A function of what is inside; `quantile` is histogram_quantile's."""

    name: str
    inside: Node
    quantile: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Aggregation:
    """Series added up by labels, all together where there are none."""

    name: str
    inside: Node
    by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Binary:
    """Two sides and the sign between them."""

    sign: str
    left: Node
    right: Node


Node = Selector | Number | Function | Aggregation | Binary


def parse(text: str) -> Node:
    """The tree of an expression; BadQuery with the place where it ends to be known."""
    reading = _Reading(text)
    node = reading.either()
    if reading.kind != "end":
        reading.refuse(f"unexpected {reading.token!r}")
    return node


class _Reading:
    """Recursive descent over the tokens of one text."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = self._start = 0
        self.kind = self.token = ""
        self._next()

    def refuse(self, what: str) -> None:
        line = self._text.count("\n", 0, self._start) + 1
        column = self._start - self._text.rfind("\n", 0, self._start)
        raise BadQuery(f'invalid parameter "query": {line}:{column}: parse error: {what} (of the stand-in)')

    def _next(self) -> str:
        was = self.token
        rest = self._text[self._at :]
        self._start = self._at + len(rest) - len(rest.lstrip())
        if not rest.strip():
            self.kind, self.token = "end", "end of input"
            return was
        found = _TOKEN.match(self._text, self._at)
        if found is None:
            self.token = self._text[self._start]
            self.refuse(f"unexpected character {self.token!r}")
            raise AssertionError
        self.kind, self.token = str(found.lastgroup), str(found[str(found.lastgroup)])
        self._at = found.end()
        return was

    def _take(self, token: str) -> None:
        if self.token != token or self.kind == "text":
            self.refuse(f"unexpected {self.token!r}, expected {token!r}")
        self._next()

    def _is(self, *tokens: str) -> bool:
        return self.kind in ("sign", "name") and self.token in tokens

    def either(self) -> Node:
        return self._chain(self._both, "or")

    def _both(self) -> Node:
        return self._chain(self._compared, "and")

    def _compared(self) -> Node:
        return self._chain(self._added, *COMPARISONS)

    def _added(self) -> Node:
        return self._chain(self._multiplied, "+", "-")

    def _multiplied(self) -> Node:
        return self._chain(self._one, "*", "/")

    def _chain(self, part: object, *signs: str) -> Node:
        left: Node = part()  # type: ignore[operator]
        while self._is(*signs):
            sign = self._next()
            if self._is("bool", "on", "ignoring"):
                self.refuse(f"{self.token!r} is not known")
            left = Binary(sign=sign, left=self._instant(left), right=self._instant(part()))  # type: ignore[operator]
        return left

    def _instant(self, node: Node) -> Node:
        """The node, if it is no range of samples."""
        if isinstance(node, Selector) and node.over is not None:
            self.refuse("expected type instant vector, got range vector")
        return node

    def _one(self) -> Node:
        if self.kind == "number":
            return Number(value=float(self._next()))
        if self._is("("):
            self._next()
            inside = self.either()
            self._take(")")
            return inside
        if self.kind != "name":
            self.refuse(f"unexpected {self.token!r}")
        name = self._next()
        if name in AGGREGATIONS and self._is("(", "by"):
            return self._aggregation(name)
        if self._is("("):
            return self._function(name)
        return self._selector(name)

    def _aggregation(self, name: str) -> Node:
        by = self._labels() if self._is("by") else ()
        self._take("(")
        inside = self._instant(self.either())
        self._take(")")
        if not by and self._is("by"):
            by = self._labels()
        return Aggregation(name=name, inside=inside, by=by)

    def _labels(self) -> tuple[str, ...]:
        self._next()
        self._take("(")
        found = []
        while self.kind == "name":
            found.append(self._next())
            if self._is(","):
                self._next()
        self._take(")")
        return tuple(found)

    def _function(self, name: str) -> Node:
        if name not in (*RANGED, "histogram_quantile", "vector"):
            self.refuse(f"unknown function with name {name!r}")
        self._take("(")
        quantile = 0.0
        if name == "histogram_quantile":
            if self.kind != "number":
                self.refuse("expected a number of histogram_quantile")
            quantile = float(self._next())
            self._take(",")
        inside = self.either()
        self._take(")")
        ranged = isinstance(inside, Selector) and inside.over is not None
        if ranged is not (name in RANGED) or (name == "vector" and not isinstance(inside, Number)):
            self.refuse(f"expected another type in call to function {name!r}")
        return Function(name=name, inside=inside, quantile=quantile)

    def _selector(self, name: str) -> Node:
        matchers = self._matchers() if self._is("{") else ()
        over = None
        if self._is("["):
            self._next()
            if self.kind != "duration":
                self.refuse(f"bad duration {self.token!r}")
            over = sum(int(n) * UNITS[unit] for n, unit in _DURATION.findall(self._next()))
            self._take("]")
        return Selector(name=name, matchers=matchers, over=over)

    def _matchers(self) -> tuple[Matcher, ...]:
        self._next()
        found = []
        while self.kind == "name":
            label, sign = self._next(), self.token
            if not self._is("=", "!=", "=~", "!~"):
                self.refuse(f"unexpected {self.token!r} in label matching")
            self._next()
            if self.kind != "text":
                self.refuse(f"unexpected {self.token!r} in label matching, expected string")
            value = re.sub(r"\\(.)", r"\1", self._next()[1:-1])
            try:
                re.compile(value if "~" in sign else "")
            except re.error:
                self.refuse(f"error parsing regexp: {value!r}")
            found.append(Matcher(label=label, sign=sign, value=value))
            if self._is(","):
                self._next()
        self._take("}")
        return tuple(found)
