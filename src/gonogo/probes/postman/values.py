"""Values of a script: JSON values, undefined, functions and hosts, with JavaScript's own ideas of equal and true."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable


class Undefined:
    """The one value of JavaScript that JSON has not."""

    def __repr__(self) -> str:
        return "undefined"


UNDEFINED = Undefined()
Native = Callable[[list[Any]], Any]  # arguments to value


class UnclearError(Exception):
    """Something that scripts may do and that is not done here."""


class ThrownError(Exception):
    """What a script throws: an assertion that does not hold, a member of undefined, a body that is no JSON."""


@runtime_checkable
class Host(Protocol):
    """An object of ours that scripts see."""

    def member(self, name: str) -> Any:
        """Its member; UnclearError for one that is not known here."""


@dataclass(frozen=True, slots=True, eq=False)
class Function:
    """A function of the script; `call` runs it."""

    parameters: tuple[str, ...]
    call: Native


def is_number(value: Any) -> bool:
    """A number, and no truth value."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def kind(value: Any) -> str:
    """What chai calls its type."""
    match value:
        case None:
            return "null"
        case Undefined():
            return "undefined"
        case bool():
            return "boolean"
        case int() | float():
            return "number"
        case str():
            return "string"
        case list():
            return "array"
        case dict():
            return "object"
        case Function():
            return "function"
        case _:
            raise UnclearError


def same(one: Any, two: Any) -> bool:
    """`===`: arrays and objects are the same only if they are one."""
    if isinstance(one, list | dict) or isinstance(two, list | dict):
        return one is two
    return kind(one) == kind(two) and bool(one == two)


def deep(one: Any, two: Any) -> bool:
    """Chai's eql."""
    if isinstance(one, list) and isinstance(two, list):
        return len(one) == len(two) and all(deep(a, b) for a, b in zip(one, two, strict=True))
    if isinstance(one, dict) and isinstance(two, dict):
        return one.keys() == two.keys() and all(deep(one[key], two[key]) for key in one)
    return same(one, two)


def truthy(value: Any) -> bool:
    """Whether JavaScript takes it for true; empty arrays and objects are."""
    return bool(value) if isinstance(value, bool | int | float | str) else value not in (None, UNDEFINED)


def length(text: str) -> int:
    """JavaScript counts UTF-16 units."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def to_text(value: Any) -> str:
    """A value where a variable is filled in."""
    match value:
        case str():
            return value
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case int():
            return str(value)
        case float():
            return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
        case _:
            raise UnclearError


def show(value: Any) -> str:
    """A value in the message of an assertion, not too long."""
    if isinstance(value, Undefined | Function) or not isinstance(
        value, str | int | float | bool | list | Mapping | None
    ):
        return "undefined" if isinstance(value, Undefined) else "it"
    try:
        text = json.dumps(value, ensure_ascii=False, default=repr)
    except (ValueError, RecursionError):
        text = "a value"
    return text if len(text) <= 120 else text[:119] + "…"


def member_of(value: Any, key: Any) -> Any:
    """`value[key]`."""
    if value is None or isinstance(value, Undefined):
        raise ThrownError(f"TypeError: Cannot read properties of {show(value)} (reading '{key}')")
    if isinstance(key, bool) or not isinstance(key, str | int):
        raise UnclearError
    match value:
        case dict():
            if str(key) in value:
                return value[str(key)]
            if key in _OBJECT:
                raise UnclearError
            return UNDEFINED
        case list() if isinstance(key, int):
            return value[key] if 0 <= key < len(value) else UNDEFINED
        case list():
            return len(value) if key == "length" else _method(_LIST, value, key)
        case str():
            return length(value) if key == "length" else _method(_TEXT, value, key)
        case Host() if isinstance(key, str):
            return value.member(key)
        case _:
            raise UnclearError


_OBJECT = frozenset({"constructor", "hasOwnProperty", "isPrototypeOf", "toString", "toLocaleString", "valueOf"})


def _method(table: Mapping[str, Callable[[Any, list[Any]], Any]], value: Any, key: Any) -> Native:
    if key not in table:
        raise UnclearError
    return lambda arguments: table[key](value, arguments)


def _each(keep: Callable[[list[Any], list[Any]], Any]) -> Callable[[list[Any], list[Any]], Any]:
    """A method that calls its function with each item, its index and the whole."""

    def method(items: list[Any], arguments: list[Any]) -> Any:
        if len(arguments) != 1 or not isinstance(arguments[0], Function):
            raise UnclearError
        return keep(items, [arguments[0].call([item, index, items]) for index, item in enumerate(items)])

    return method


def _argument(arguments: list[Any]) -> str:
    if len(arguments) != 1 or not isinstance(arguments[0], str):
        raise UnclearError
    return arguments[0]


def _unclear() -> Any:
    raise UnclearError


_LIST: Mapping[str, Callable[[list[Any], list[Any]], Any]] = {
    "includes": lambda items, arguments: any(same(item, arguments[0]) for item in items) if arguments else _unclear(),
    "forEach": _each(lambda _items, _results: UNDEFINED),
    "map": _each(lambda _items, results: results),
    "filter": _each(lambda items, results: [item for item, kept in zip(items, results, strict=True) if truthy(kept)]),
    "every": _each(lambda _items, results: all(map(truthy, results))),
    "some": _each(lambda _items, results: any(map(truthy, results))),
}
_TEXT: Mapping[str, Callable[[str, list[Any]], Any]] = {
    "includes": lambda text, arguments: _argument(arguments) in text,
    "startsWith": lambda text, arguments: text.startswith(_argument(arguments)),
    "endsWith": lambda text, arguments: text.endswith(_argument(arguments)),
    "toLowerCase": lambda text, _: text.lower(),
    "toUpperCase": lambda text, _: text.upper(),
}
