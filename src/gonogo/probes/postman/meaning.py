"""A script's tree into what it does: values, tests that hold or do not, variables that are set."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from gonogo.probes.failure import Failure
from gonogo.probes.json_strict import parse_json
from gonogo.probes.postman.assertions import Chain, Regex
from gonogo.probes.postman.pm import Members, Outcome, line_of
from gonogo.probes.postman.script import Node, Statement, parse
from gonogo.probes.postman.tokens import NotUnderstoodError
from gonogo.probes.postman.values import (
    UNDEFINED,
    Function,
    Native,
    ThrownError,
    UnclearError,
    Undefined,
    is_number,
    kind,
    member_of,
    same,
    truthy,
)

_COMPARED: Mapping[str, Callable[[Any, Any], bool]] = {
    "<": lambda a, b: a < b,
    ">": lambda a, b: a > b,
    "<=": lambda a, b: a <= b,
    ">=": lambda a, b: a >= b,
}


def run_script(lines: Sequence[str], names: Mapping[str, Any], outcome: Outcome) -> None:
    """Run one script. `names` are what it sees (pm, console); tests go to `outcome` through them."""
    try:
        _run(parse(lines), {**_GLOBALS, **names})
    except NotUnderstoodError as error:
        outcome.unclear.append(line_of(lines, error.line))
    except RecursionError:
        outcome.unclear.append("a script that is nested too deeply")
    except ThrownError as error:
        outcome.thrown = str(error)


def _run(statements: Sequence[Statement], scope: Mapping[str, Any]) -> None:
    scope = dict(scope)
    for statement in statements:
        value = _value(statement.value, scope)
        if statement.name is not None:
            scope[statement.name] = value


def _value(node: Node, scope: dict[str, Any]) -> Any:
    try:
        return _KINDS[node.kind](node, scope)
    except UnclearError:
        raise NotUnderstoodError(node.line) from None


def _function(node: Node, scope: dict[str, Any]) -> Function:
    parameters, body = node.parts
    names: tuple[str, ...] = parameters  # type: ignore[assignment] # by the kind of the node

    def call(arguments: list[Any]) -> Any:
        inner = {**scope, **dict.fromkeys(names, UNDEFINED), **dict(zip(names, arguments, strict=False))}
        if node.kind == "arrow":
            return _value(body, inner)  # type: ignore[arg-type]
        _run(body, inner)  # type: ignore[arg-type]
        return UNDEFINED

    return Function(names, call)


def _call(node: Node, scope: dict[str, Any]) -> Any:
    what, given = node.parts
    called = _value(what, scope)  # type: ignore[arg-type]
    arguments = [_value(one, scope) for one in given]  # type: ignore[attr-defined]
    match called:
        case Function():
            return called.call(arguments)
        case Chain() if called.called is not None:
            return called.called(arguments)
        case Chain():
            raise UnclearError
        case Undefined() | None:
            raise ThrownError("TypeError: it is not a function")
        case _ if callable(called):
            return called(arguments)
        case _:
            raise UnclearError


def _named(node: Node, scope: dict[str, Any]) -> Any:
    name = str(node.parts[0])
    if name not in scope:
        raise UnclearError
    return scope[name]


def _member(node: Node, scope: dict[str, Any]) -> Any:
    of, key = node.parts
    return member_of(_value(of, scope), _value(key, scope))  # type: ignore[arg-type]


def _binary(node: Node, scope: dict[str, Any]) -> Any:
    operator, *operands = node.parts
    left = _value(operands[0], scope)  # type: ignore[arg-type]
    if operator in ("&&", "||"):
        decided = truthy(left) is (operator == "||")
        return left if decided else _value(operands[1], scope)  # type: ignore[arg-type]
    right = _value(operands[1], scope)  # type: ignore[arg-type]
    match operator:
        case "===" | "!==":
            return same(left, right) is (operator == "===")
        case "+" if isinstance(left, str) and isinstance(right, str):
            return left + right
        case "+" | "-" if is_number(left) and is_number(right):
            return left + right if operator == "+" else left - right
        case "<" | ">" | "<=" | ">=" if is_number(left) and is_number(right):
            return _COMPARED[operator](left, right)
        case _:
            raise UnclearError


def _object(node: Node, scope: dict[str, Any]) -> dict[str, Any]:
    pairs: tuple[tuple[str, Node], ...] = node.parts  # type: ignore[assignment] # by the kind of the node
    return {key: _value(one, scope) for key, one in pairs}


def _minus(node: Node, scope: dict[str, Any]) -> Any:
    value = _value(node.parts[0], scope)  # type: ignore[arg-type]
    if not is_number(value):
        raise UnclearError
    return -value


def _typeof(node: Node, scope: dict[str, Any]) -> str:
    found = kind(_value(node.parts[0], scope))  # type: ignore[arg-type]
    return "object" if found in ("null", "array") else found


_KINDS: Mapping[str, Callable[[Node, dict[str, Any]], Any]] = {
    "literal": lambda node, _: node.parts[0],
    "regex": lambda node, _: Regex(*node.parts),  # type: ignore[arg-type]
    "name": _named,
    "array": lambda node, scope: [_value(one, scope) for one in node.parts],  # type: ignore[arg-type]
    "object": _object,
    "function": _function,
    "arrow": _function,
    "call": _call,
    "member": _member,
    "binary": _binary,
    "not": lambda node, scope: not truthy(_value(node.parts[0], scope)),  # type: ignore[arg-type]
    "minus": _minus,
    "typeof": _typeof,
}


def _keys(arguments: list[Any]) -> list[str]:
    if len(arguments) != 1 or not isinstance(arguments[0], dict):
        raise UnclearError
    return list(arguments[0])


def _parsed(arguments: list[Any]) -> Any:
    if len(arguments) != 1 or not isinstance(arguments[0], str):
        raise UnclearError
    try:
        return parse_json(arguments[0].encode("utf-8", "surrogatepass"))
    except Failure as failure:
        raise ThrownError(f"SyntaxError: {failure.detail}") from None


def _nothing(_: list[Any]) -> Undefined:
    return UNDEFINED


_NOTHING: Native = _nothing
_GLOBALS: Mapping[str, Any] = {
    "undefined": UNDEFINED,
    "console": Members(dict.fromkeys(("log", "info", "warn", "error", "debug"), _NOTHING)),
    "JSON": Members({"parse": _parsed}),
    "Object": Members({"keys": _keys}),
    "Array": Members({"isArray": lambda arguments: bool(arguments) and isinstance(arguments[0], list)}),
}
