"""Filter text of Google's logging and monitoring APIs into a predicate.

The grammar that both share: NOT (or -) binds closest, then OR, then AND; two expressions side by side are ANDed.
A comparison with a missing field is false, also with !=; strings compare without regard to case, =~ and !~ with it.
https://cloud.google.com/logging/docs/view/logging-query-language, https://cloud.google.com/monitoring/api/v3/filters
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

_TOKEN = re.compile(
    r"""(?P<space>\s+|--[^\n]*)|(?P<paren>[(),])|(?P<op>!=|>=|<=|=~|!~|=|>|<|:)"""
    r"""|(?P<string>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')|(?P<word>[^\s()",:=<>!~']+)"""
)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}


class FilterError(ValueError):
    """Text that is no filter; the APIs answer INVALID_ARGUMENT."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Compare:
    path: str
    op: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """path = starts_with("x"), one_of("x", "y"), monitoring.regex.full_match("x") and so on: monitoring only."""

    path: str
    op: str
    name: str
    arguments: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Anywhere:
    """A text that may stand in any field."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Not:
    node: Node


@dataclass(frozen=True, slots=True, kw_only=True)
class All:
    nodes: tuple[Node, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Either:
    nodes: tuple[Node, ...]


Node = Compare | Function | Anywhere | Not | All | Either


def parse(text: str) -> Node:
    """The filter as a tree; FilterError names what is wrong and where. Empty text matches everything."""
    return _Parser(text).whole()


def matches(value: Any, op: str, wanted: str) -> bool:
    """One comparison of a field's value with the filter's text; a missing value (None) never matches."""
    if value is None:
        return False
    if isinstance(value, list | tuple):
        return any(matches(one, op, wanted) for one in value)
    if isinstance(value, dict):
        return wanted == "*" if op == ":" else False
    match op:
        case ":":
            return wanted == "*" or wanted.casefold() in _text(value).casefold()
        case "=~":
            return re.search(wanted, _text(value)) is not None
        case "!~":
            return re.search(wanted, _text(value)) is None
        case _:
            pass
    left: Any = value
    right: Any = wanted
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            right = float(wanted)
        except ValueError:
            return op == "!="
    else:
        left, right = _text(value).casefold(), wanted.casefold()
    return _ordered(left, op, right)


def predicate(
    node: Node, field: Callable[[Any, str], Any], texts: Callable[[Any], str], compare: Compared | None = None
) -> Callable[[Any], bool]:
    """A function of one item. `field(item, path)` gives a value or None, `texts(item)` all its text;
    `compare(path, op, value)` gives a comparison of its own for fields that are no plain text, or None.
    """

    def build(part: Node) -> Callable[[Any], bool]:
        match part:
            case All(nodes=nodes):
                tests = [build(one) for one in nodes]
                return lambda item: all(test(item) for test in tests)
            case Either(nodes=nodes):
                tests = [build(one) for one in nodes]
                return lambda item: any(test(item) for test in tests)
            case Not(node=inner):
                refused = build(inner)
                return lambda item: not refused(item)
            case Anywhere(text=text):
                wanted = text.casefold()
                return lambda item: wanted in texts(item).casefold()
            case Function() as function:
                return lambda item: _call(field(item, function.path), function)
            case Compare(path=path, op=op, value=value):
                own = compare(path, op, value) if compare else None
                test = own or (lambda seen: matches(seen, op, value))
                return lambda item: test(field(item, path))

    return build(node)


Compared = Callable[[str, str, str], Callable[[Any], bool] | None]


def required(node: Node) -> list[Compare]:
    """The comparisons that every match fulfils: the top-level ANDs."""
    match node:
        case Compare():
            return [node]
        case All(nodes=nodes):
            return [found for one in nodes for found in required(one)]
        case _:
            return []


def paths(node: Node) -> list[str]:
    """Every field that the filter names."""
    match node:
        case Compare(path=path) | Function(path=path):
            return [path]
        case Not(node=inner):
            return paths(inner)
        case All(nodes=nodes) | Either(nodes=nodes):
            return [path for one in nodes for path in paths(one)]
        case _:
            return []


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _ordered(left: Any, op: str, right: Any) -> bool:
    match op:
        case "=":
            return bool(left == right)
        case "!=":
            return bool(left != right)
        case ">":
            return bool(left > right)
        case ">=":
            return bool(left >= right)
        case "<":
            return bool(left < right)
        case "<=":
            return bool(left <= right)
        case _:
            raise FilterError(f"'{op}' is not an operator here")


ordered = _ordered


def _call(value: Any, function: Function) -> bool:
    if value is None:
        return False
    text = str(value)
    match function.name:
        case "starts_with":
            found = text.startswith(function.arguments[0])
        case "ends_with":
            found = text.endswith(function.arguments[0])
        case "has_substring":
            found = function.arguments[0] in text
        case "one_of":
            found = text in function.arguments
        case _:
            found = re.fullmatch(function.arguments[0], text) is not None
    return found == (function.op == "=")


class _Parser:
    """Recursive descent over the tokens of one filter."""

    functions = ("starts_with", "ends_with", "has_substring", "one_of", "monitoring.regex.full_match")

    def __init__(self, text: str) -> None:
        self.tokens: list[tuple[str, str, int]] = []
        at = 0
        while at < len(text):
            found = _TOKEN.match(text, at)
            if found is None:
                raise FilterError(f"Unparseable filter: syntax error at line 1, column {at + 1}, token '{text[at]}'")
            if found.lastgroup != "space":
                self.tokens.append((str(found.lastgroup), found.group(), at))
            at = found.end()
        self.at = 0

    def whole(self) -> Node:
        if not self.tokens:
            return All(nodes=())
        node = self.conjunction()
        if self.at < len(self.tokens):
            raise self.wrong()
        return node

    def conjunction(self) -> Node:
        nodes = [self.disjunction()]
        while self.at < len(self.tokens) and self.peek() != ("paren", ")"):
            if self.peek() == ("word", "AND"):
                self.at += 1
            nodes.append(self.disjunction())
        return nodes[0] if len(nodes) == 1 else All(nodes=tuple(nodes))

    def disjunction(self) -> Node:
        nodes = [self.negation()]
        while self.peek() == ("word", "OR"):
            self.at += 1
            nodes.append(self.negation())
        return nodes[0] if len(nodes) == 1 else Either(nodes=tuple(nodes))

    def negation(self) -> Node:
        kind, word = self.peek()
        if (kind, word) == ("word", "NOT"):
            self.at += 1
            return Not(node=self.negation())
        if kind == "word" and word.startswith("-") and len(word) > 1 and not word[1].isdigit():
            self.tokens[self.at] = (kind, word[1:], self.tokens[self.at][2] + 1)
            return Not(node=self.negation())
        return self.term()

    def term(self) -> Node:
        kind, word = self.peek()
        if (kind, word) == ("paren", "("):
            self.at += 1
            node = self.conjunction()
            self.expect(")")
            return node
        if kind not in ("word", "string") or (kind == "word" and word in ("AND", "OR")):
            raise self.wrong()
        self.at += 1
        if self.peek()[0] != "op":
            return Anywhere(text=_plain(kind, word))
        op = self.take()[1]
        return self.right(word if kind == "word" else _plain(kind, word), op)

    def right(self, path: str, op: str) -> Node:
        """What stands right of the operator: a value, a function, or values in parentheses."""
        kind, word = self.peek()
        if (kind, word) == ("paren", "("):
            self.at += 1
            nodes, joins = [self.right(path, op)], set()
            while self.peek() in (("word", "OR"), ("word", "AND")):
                joins.add(self.take()[1])
                nodes.append(self.right(path, op))
            self.expect(")")
            if len(joins) > 1:
                raise FilterError("AND and OR are mixed in one list of values")
            return All(nodes=tuple(nodes)) if joins == {"AND"} else Either(nodes=tuple(nodes))
        if kind not in ("word", "string"):
            raise self.wrong()
        self.at += 1
        if kind == "word" and word in self.functions and self.peek() == ("paren", "("):
            return Function(path=path, op=op, name=word, arguments=self.arguments())
        value = _plain(kind, word)
        if op in ("=~", "!~"):
            try:
                re.compile(value)
            except re.error as error:
                raise FilterError(f"Invalid regular expression '{value}': {error}") from error
        return Compare(path=path, op=op, value=value)

    def arguments(self) -> tuple[str, ...]:
        self.at += 1
        values = []
        while True:
            kind, word = self.take()
            if kind != "string":
                self.at -= 1
                raise self.wrong()
            values.append(_plain(kind, word))
            if self.peek() != ("paren", ","):
                break
            self.at += 1
        self.expect(")")
        return tuple(values)

    def peek(self) -> tuple[str, str]:
        return self.tokens[self.at][:2] if self.at < len(self.tokens) else ("end", "")

    def take(self) -> tuple[str, str]:
        token = self.peek()
        self.at += 1
        return token

    def expect(self, paren: str) -> None:
        if self.peek() != ("paren", paren):
            raise self.wrong()
        self.at += 1

    def wrong(self) -> FilterError:
        if self.at >= len(self.tokens):
            return FilterError("Unparseable filter: unexpected end of the filter")
        _, word, at = self.tokens[self.at]
        return FilterError(f"Unparseable filter: syntax error at line 1, column {at + 1}, token '{word}'")


def _plain(kind: str, word: str) -> str:
    """A token's value: quotes and escapes removed (a backslash before anything else stays, as in a regex)."""
    if kind != "string":
        return word
    return re.sub(
        r"\\(.)", lambda m: _ESCAPES.get(m[1], m[1] if m[1] in "\\\"'" else m[0]), word[1:-1], flags=re.DOTALL
    )
