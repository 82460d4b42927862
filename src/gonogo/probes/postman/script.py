"""The text of a Postman script into a tree, for the part of JavaScript that test scripts are mostly made of.

Declarations, calls, members, literals, functions, comparisons. Anything else is not guessed at: NotUnderstoodError
names its line, and the request is decided by newman or not at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gonogo.probes.postman.tokens import NotUnderstoodError, Token, tokens, unescaped

MAX_CHARACTERS = 64 * 1024
_RESERVED = frozenset(
    {
        *("async", "await", "break", "case", "catch", "class", "continue", "debugger", "default", "delete", "do"),
        *("else", "export", "extends", "finally", "for", "if", "import", "in", "instanceof", "new", "return", "super"),
        *("switch", "this", "throw", "try", "void", "while", "with", "yield"),
    }
)
_LEVELS = (("||",), ("&&",), ("===", "!=="), ("<", ">", "<=", ">="), ("+", "-"))


@dataclass(frozen=True, slots=True)
class Node:
    """An expression. `kind` says what the parts are:

    literal value | name text | regex (source, flags) | array items | object ((key, value), ...) | not operand
    | minus operand | typeof operand | binary (operator, left, right) | member (of, key) | call (what, arguments)
    | function (parameters, statements) | arrow (parameters, expression)
    """

    kind: str
    line: int
    parts: tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Statement:
    """A declaration of `name`, or, without one, an expression for what it does."""

    line: int
    name: str | None
    value: Node


def parse(lines: Sequence[str]) -> tuple[Statement, ...]:
    """The statements of a script; NotUnderstoodError for anything that is not wholly understood."""
    text = "\n".join(lines)
    if len(text) > MAX_CHARACTERS:
        raise NotUnderstoodError(1)
    try:
        return _Parser(tokens(text)).program()
    except RecursionError:
        raise NotUnderstoodError(1) from None


class _Parser:
    def __init__(self, found: list[Token]) -> None:
        self.tokens = found
        self.at = 0

    def program(self) -> tuple[Statement, ...]:
        """All of it."""
        return self._statements("end")

    @property
    def _now(self) -> Token:
        return self.tokens[self.at]

    def _fail(self) -> NotUnderstoodError:
        return NotUnderstoodError(self._now.line)

    def _is(self, *texts: str) -> bool:
        return self._now.kind == "op" and self._now.text in texts

    def _take(self, text: str) -> bool:
        if not self._is(text):
            return False
        self.at += 1
        return True

    def _want(self, text: str) -> None:
        if not self._take(text):
            raise self._fail()

    def _name(self) -> str:
        token = self._now
        if token.kind != "name" or token.text in _RESERVED:
            raise self._fail()
        self.at += 1
        return token.text

    def _statements(self, end: str) -> tuple[Statement, ...]:
        found = []
        while not (self._now.kind == "end" if end == "end" else self._is(end)):
            if self._now.kind == "end":
                raise self._fail()
            if not self._take(";"):
                found.append(self._statement())
        return tuple(found)

    def _statement(self) -> Statement:
        line, name = self._now.line, None
        if self._now.kind == "name" and self._now.text in ("const", "let", "var"):
            self.at += 1
            name = self._name()
            self._want("=")
        value = self._expression()
        # JavaScript's own rule for a missing semicolon.
        if not self._take(";") and not (self._now.first or self._is("}")):
            raise self._fail()
        return Statement(line, name, value)

    def _expression(self, level: int = 0) -> Node:
        if level == len(_LEVELS):
            return self._unary()
        left = self._expression(level + 1)
        while self._is(*_LEVELS[level]):
            line, operator = self._now.line, self._now.text
            self.at += 1
            left = Node("binary", line, (operator, left, self._expression(level + 1)))
        return left

    def _unary(self) -> Node:
        line = self._now.line
        if self._take("!"):
            return Node("not", line, (self._unary(),))
        if self._take("-"):
            return Node("minus", line, (self._unary(),))
        if self._now.kind == "name" and self._now.text == "typeof":
            self.at += 1
            return Node("typeof", line, (self._unary(),))
        return self._postfix(self._primary())

    def _postfix(self, node: Node) -> Node:
        while True:
            line = self._now.line
            if self._take("."):
                token = self._now
                if token.kind != "name":
                    raise self._fail()
                self.at += 1
                node = Node("member", line, (node, Node("literal", line, (token.text,))))
            elif self._take("["):
                key = self._expression()
                self._want("]")
                node = Node("member", line, (node, key))
            elif self._take("("):
                node = Node("call", line, (node, self._items(")")))
            else:
                return node

    def _items(self, end: str) -> tuple[Node, ...]:
        items = []
        while not self._take(end):
            items.append(self._expression())
            if not self._is(end):
                self._want(",")
        return tuple(items)

    def _primary(self) -> Node:
        token = self._now
        line = token.line
        match token.kind:
            case "number":
                self.at += 1
                whole = token.text.isdigit()
                if whole and len(token.text) > 15:
                    raise NotUnderstoodError(line)
                return Node("literal", line, (int(token.text) if whole else float(token.text),))
            case "string":
                self.at += 1
                return Node("literal", line, (unescaped(token),))
            case "regex":
                self.at += 1
                source, _, flags = token.text[1:].rpartition("/")
                return Node("regex", line, (source, flags))
            case "name":
                return self._named(token)
            case "op" if token.text == "(":
                return self._bracketed()
            case "op" if token.text == "[":
                self.at += 1
                return Node("array", line, self._items("]"))
            case "op" if token.text == "{":
                self.at += 1
                return Node("object", line, self._pairs())
            case _:
                raise self._fail()

    def _named(self, token: Token) -> Node:
        literals: dict[str, object] = {"true": True, "false": False, "null": None}
        if token.text in literals:
            self.at += 1
            return Node("literal", token.line, (literals[token.text],))
        if token.text == "function":
            self.at += 1
            self._want("(")
            parameters = self._parameters()
            self._want("{")
            return self._body(token.line, parameters)
        name = self._name()
        if self._take("=>"):
            return self._arrow(token.line, (name,))
        return Node("name", token.line, (name,))

    def _bracketed(self) -> Node:
        """`(a, b) => ...` or an expression in brackets."""
        line, start = self._now.line, self.at
        self._want("(")
        try:
            parameters = self._parameters()
            if self._take("=>"):
                return self._arrow(line, parameters)
        except NotUnderstoodError:
            pass
        self.at = start + 1
        inner = self._expression()
        self._want(")")
        return inner

    def _parameters(self) -> tuple[str, ...]:
        names = []
        while not self._take(")"):
            names.append(self._name())
            if not self._is(")"):
                self._want(",")
        return tuple(names)

    def _arrow(self, line: int, parameters: tuple[str, ...]) -> Node:
        if self._take("{"):
            return self._body(line, parameters)
        return Node("arrow", line, (parameters, self._expression()))

    def _body(self, line: int, parameters: tuple[str, ...]) -> Node:
        statements = self._statements("}")
        self._want("}")
        return Node("function", line, (parameters, statements))

    def _pairs(self) -> tuple[tuple[str, Node], ...]:
        pairs = []
        while not self._take("}"):
            token = self._now
            if token.kind not in ("name", "string"):
                raise self._fail()
            self.at += 1
            key = token.text if token.kind == "name" else unescaped(token)
            self._want(":")
            pairs.append((key, self._expression()))
            if not self._is("}"):
                self._want(",")
        return tuple(pairs)
