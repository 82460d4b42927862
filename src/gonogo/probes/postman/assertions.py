"""`pm.expect(value)`: the assertions of chai that are known here."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from gonogo.probes.postman.values import (
    UNDEFINED,
    Native,
    ThrownError,
    UnclearError,
    Undefined,
    deep,
    is_number,
    kind,
    length,
    same,
    show,
    truthy,
)

_WORDS = frozenset(
    {
        *("to", "be", "been", "is", "and", "has", "have", "with", "at", "of", "same", "but", "does", "still", "also"),
        *("that", "which"),
    }
)
_NO_REGEX = re.compile(r"\(\?<|\\[pPukcxB0-9]|\[\^?\]|\\u\{")


@dataclass(frozen=True, slots=True)
class Regex:
    """A regular expression of a script."""

    source: str
    flags: str

    def found_in(self, text: str) -> bool:
        """Whether it matches somewhere; UnclearError for what Python's reads differently."""
        if _NO_REGEX.search(self.source) or set(self.flags) - set("ig"):
            raise UnclearError
        # In JavaScript $ is the very end, and \d and \w know ASCII only.
        source = re.sub(r"(\\.)|(\[(?:\\.|[^\]\\])*\])|(\$)", lambda m: r"\Z" if m[3] else m[0], self.source)
        try:
            return re.search(source, text, re.ASCII | (re.IGNORECASE if "i" in self.flags else 0)) is not None
        except re.error:
            raise UnclearError from None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Chain:
    """What is asserted of `subject`. `called` is what the chain does where it is called."""

    subject: Any
    of_response: Callable[[Chain, str], Any] | None = None  # what members mean where the subject is the response
    negated: bool = False
    is_deep: bool = False
    called: Native | None = None

    def member(self, name: str) -> Any:
        """The rest of the chain; an assertion without arguments is made here."""
        if name in _WORDS:
            return replace(self, called=None)
        if name == "not":
            return replace(self, negated=True, called=None)
        if name == "deep":
            return replace(self, is_deep=True, called=None)
        if self.of_response is not None:
            return self.of_response(self, name)
        if name in _PROPERTIES:
            holds, words = _PROPERTIES[name]
            self.check(holds(self.subject), words)
            return replace(self, called=None)
        if name in ("a", "an"):
            return replace(self, called=self._is_a)
        if name in ("length", "lengthOf"):
            return self._length()
        if name in _METHODS:
            return partial(_METHODS[name], self)
        raise UnclearError

    def check(self, holds: bool, words: str) -> None:
        """ThrownError unless it holds, or does not where it is negated."""
        if holds == self.negated:
            what = "the response" if self.of_response is not None else show(self.subject)
            raise ThrownError(f"expected {what} to {'not ' if self.negated else ''}{words}")

    def _is_a(self, arguments: list[Any]) -> Chain:
        (wanted,) = texts(arguments, 1)
        self.check(kind(self.subject) == wanted.lower(), f"be a {wanted}")
        return replace(self, called=None)

    def _length(self) -> Chain:
        if not isinstance(self.subject, list | str):
            raise ThrownError(f"expected {show(self.subject)} to have property 'length'")
        size = length(self.subject) if isinstance(self.subject, str) else len(self.subject)

        def exactly(arguments: list[Any]) -> Chain:
            (wanted,) = numbers(arguments, 1)
            self.check(size == wanted, f"have a length of {show(wanted)} but got {size}")
            return replace(self, called=None)

        return replace(self, subject=size, called=exactly)


def texts(arguments: list[Any], count: int) -> list[str]:
    """So many texts; UnclearError for anything else."""
    if len(arguments) != count or not all(isinstance(one, str) for one in arguments):
        raise UnclearError
    return arguments


def numbers(arguments: list[Any], count: int) -> list[float]:
    """So many numbers; UnclearError for anything else."""
    if len(arguments) != count or not all(is_number(one) for one in arguments):
        raise UnclearError
    return arguments


def _one(arguments: list[Any]) -> Any:
    if len(arguments) != 1:
        raise UnclearError
    return arguments[0]


def _compared(words: str, holds: Callable[[float, float], bool]) -> Callable[[Chain, list[Any]], Chain]:
    def method(chain: Chain, arguments: list[Any]) -> Chain:
        (limit,) = numbers(arguments, 1)
        if not is_number(chain.subject):
            raise ThrownError(f"expected {show(chain.subject)} to be a number or a date")
        chain.check(holds(chain.subject, limit), f"be {words} {show(limit)}")
        return chain

    return method


def _within(chain: Chain, arguments: list[Any]) -> Chain:
    low, high = numbers(arguments, 2)
    if not is_number(chain.subject):
        raise ThrownError(f"expected {show(chain.subject)} to be a number or a date")
    chain.check(low <= chain.subject <= high, f"be within {show(low)}..{show(high)}")
    return chain


def _equal(chain: Chain, arguments: list[Any]) -> Chain:
    wanted = _one(arguments)
    holds = (deep if chain.is_deep else same)(chain.subject, wanted)
    chain.check(holds, f"equal {show(wanted)}")
    return chain


def _eql(chain: Chain, arguments: list[Any]) -> Chain:
    wanted = _one(arguments)
    chain.check(deep(chain.subject, wanted), f"deeply equal {show(wanted)}")
    return chain


def _include(chain: Chain, arguments: list[Any]) -> Chain:
    wanted, alike = _one(arguments), deep if chain.is_deep else same
    match chain.subject:
        case str():
            if not isinstance(wanted, str):
                raise UnclearError
            holds = wanted in chain.subject
        case list():
            holds = any(alike(item, wanted) for item in chain.subject)
        case dict():
            if not isinstance(wanted, dict):
                raise UnclearError
            holds = all(key in chain.subject and alike(chain.subject[key], item) for key, item in wanted.items())
        case _:
            raise ThrownError(f"the given combination of arguments is invalid for {show(chain.subject)}")
    chain.check(holds, f"include {show(wanted)}")
    return chain


def _one_of(chain: Chain, arguments: list[Any]) -> Chain:
    wanted = _one(arguments)
    if not isinstance(wanted, list):
        raise UnclearError
    chain.check(any(same(chain.subject, item) for item in wanted), f"be one of {show(wanted)}")
    return chain


def _property(chain: Chain, arguments: list[Any]) -> Chain:
    if not 1 <= len(arguments) <= 2 or not isinstance(arguments[0], str):
        raise UnclearError
    name, alike = arguments[0], deep if chain.is_deep else same
    if chain.subject is None or isinstance(chain.subject, Undefined):
        raise ThrownError("Target cannot be null or undefined.")
    if not isinstance(chain.subject, dict):
        raise UnclearError
    there, value = name in chain.subject, chain.subject.get(name, UNDEFINED)
    if len(arguments) == 1:
        chain.check(there, f"have property {name!r}")
    else:
        chain.check(there and alike(value, arguments[1]), f"have property {name!r} of {show(arguments[1])}")
    return replace(chain, subject=value)


def _match(chain: Chain, arguments: list[Any]) -> Chain:
    wanted = _one(arguments)
    if not isinstance(wanted, Regex) or not isinstance(chain.subject, str):
        raise UnclearError
    chain.check(wanted.found_in(chain.subject), f"match /{wanted.source}/{wanted.flags}")
    return chain


def _empty(value: Any) -> bool:
    if not isinstance(value, str | list | dict):
        raise ThrownError(f".empty was passed {show(value)}")
    return len(value) == 0


_PROPERTIES: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "ok": (truthy, "be truthy"),
    "true": (lambda value: value is True, "be true"),
    "false": (lambda value: value is False, "be false"),
    "null": (lambda value: value is None, "be null"),
    "undefined": (lambda value: value is UNDEFINED, "be undefined"),
    "exist": (lambda value: value is not None and value is not UNDEFINED, "exist"),
    "empty": (_empty, "be empty"),
}
_ABOVE, _LEAST = _compared("above", lambda a, b: a > b), _compared("at least", lambda a, b: a >= b)
_BELOW, _MOST = _compared("below", lambda a, b: a < b), _compared("at most", lambda a, b: a <= b)
_METHODS: Mapping[str, Callable[[Chain, list[Any]], Chain]] = {
    **dict.fromkeys(("equal", "equals", "eq"), _equal),
    **dict.fromkeys(("eql", "eqls"), _eql),
    **dict.fromkeys(("above", "gt", "greaterThan"), _ABOVE),
    **dict.fromkeys(("least", "gte", "greaterThanOrEqual"), _LEAST),
    **dict.fromkeys(("below", "lt", "lessThan"), _BELOW),
    **dict.fromkeys(("most", "lte", "lessThanOrEqual"), _MOST),
    **dict.fromkeys(("include", "includes", "contain", "contains"), _include),
    **dict.fromkeys(("match", "matches"), _match),
    "within": _within,
    "oneOf": _one_of,
    "property": _property,
}
