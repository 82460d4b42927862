"""The text of a script into tokens."""

from __future__ import annotations

import re
from dataclasses import dataclass

_TOKEN = re.compile(
    r"(?P<space>[ \t\r\f\v]+|//[^\n]*|/\*.*?\*/)|(?P<newline>\n)"
    r"|(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?(?![\w$]))"
    r"|(?P<string>\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*'|`[^`\\$]*`)"
    r"|(?P<name>[A-Za-z_$][\w$]*)"
    r"|(?P<op>=>|===|!==|>=|<=|&&|\|\||[-+(){}\[\].,;:=<>!])",
    re.DOTALL,
)
_REGEX = re.compile(r"/((?:[^/\\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+)/([a-z]*)")
_BEFORE_REGEX = frozenset({"(", ",", "=", "[", ":", "&&", "||", "!", "", "===", "!=="})
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "v": "\v", "0": "\0"}


class NotUnderstoodError(Exception):
    """Something that is beyond this part of the language; `line` counts from 1."""

    def __init__(self, line: int) -> None:
        super().__init__(f"line {line}")
        self.line = line


@dataclass(frozen=True, slots=True)
class Token:
    """One of kind number, string, regex, name, op or end."""

    kind: str
    text: str
    line: int
    first: bool  # on its line


def tokens(text: str) -> list[Token]:
    """All of them, and one of kind `end`; NotUnderstoodError for a character that begins none."""
    found: list[Token] = []
    at, line, first, last = 0, 1, True, ""
    while at < len(text):
        regex = _REGEX.match(text, at) if text[at] == "/" and last in _BEFORE_REGEX else None
        match = _TOKEN.match(text, at)
        if regex is not None and (match is None or match.lastgroup != "space"):
            found.append(Token("regex", regex[0], line, first))
            at, first, last = regex.end(), False, "/"
            continue
        if match is None:
            raise NotUnderstoodError(line)
        kind = str(match.lastgroup)
        if kind == "newline":
            line, first = line + 1, True
        elif kind == "space":
            line += match[0].count("\n")
            first = first or "\n" in match[0]
        else:
            found.append(Token(kind, match[0], line, first))
            line += match[0].count("\n")
            first, last = False, match[0]
        at = match.end()
    found.append(Token("end", "", line, first=True))
    return found


def unescaped(token: Token) -> str:
    """What a string token means; NotUnderstoodError for an escape that is rare."""
    inner = token.text[1:-1]
    if "\\" not in inner:
        return inner

    def one(match: re.Match[str]) -> str:
        code = match[1]
        if len(code) > 1:
            return chr(int(code[1:], 16))
        if code in "xu123456789\n":
            raise NotUnderstoodError(token.line)
        return _ESCAPES.get(code, code)

    return re.sub(r"\\(u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|.)", one, inner, flags=re.DOTALL)
