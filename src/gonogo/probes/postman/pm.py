"""What scripts see as `pm`: tests, expectations and tables of members; and what they come to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gonogo.probes.postman.assertions import Chain
from gonogo.probes.postman.tokens import NotUnderstoodError
from gonogo.probes.postman.values import UNDEFINED, Function, ThrownError, UnclearError, to_text
from gonogo.probes.postman.variables import Scopes


@dataclass(slots=True, kw_only=True)
class Test:
    """One pm.test."""

    name: str
    passed: bool
    skipped: bool = False
    error: str | None = None


@dataclass(slots=True, kw_only=True)
class Outcome:
    """What scripts came to. `unclear` are lines that were not understood, `thrown` what ended a script."""

    tests: list[Test] = field(default_factory=list)
    unclear: list[str] = field(default_factory=list)
    thrown: str | None = None


class Members:
    """An object of ours made of a table: a value, or a function of its arguments."""

    def __init__(self, members: Mapping[str, Any]) -> None:
        self._members = members

    def member(self, name: str) -> Any:
        """The entry of this name; UnclearError if there is none."""
        if name not in self._members:
            raise UnclearError
        return self._members[name]


def line_of(lines: Sequence[str], number: int) -> str:
    """A line for people."""
    text = lines[number - 1] if 0 < number <= len(lines) else ""
    return " ".join(text.split())[:160] or f"line {number}"


def test_function(outcome: Outcome, lines: Sequence[str]) -> Any:
    """`pm.test`: runs its function and keeps whether it held."""

    class PmTest:
        def member(self, name: str) -> Any:
            if name != "skip":
                raise UnclearError
            return self.skip

        def skip(self, arguments: list[Any]) -> Any:
            outcome.tests.append(Test(name=_name(arguments), passed=False, skipped=True))
            return UNDEFINED

        def __call__(self, arguments: list[Any]) -> Any:
            name = _name(arguments)
            if len(arguments) != 2 or not isinstance(arguments[1], Function) or arguments[1].parameters:
                raise UnclearError
            try:
                arguments[1].call([])
            except ThrownError as error:
                outcome.tests.append(Test(name=name, passed=False, error=str(error)))
            except NotUnderstoodError as error:
                outcome.unclear.append(line_of(lines, error.line))
            else:
                outcome.tests.append(Test(name=name, passed=True))
            return UNDEFINED

    return PmTest()


class Expect:
    """`pm.expect`."""

    def member(self, name: str) -> Any:
        """`pm.expect.fail`."""
        if name != "fail":
            raise UnclearError
        return self._fail

    def __call__(self, arguments: list[Any]) -> Chain:
        """The chain on a value; a second argument is a message."""
        if not 1 <= len(arguments) <= 2:
            raise UnclearError
        return Chain(subject=arguments[0])

    def _fail(self, arguments: list[Any]) -> Any:
        raise ThrownError(str(arguments[0]) if arguments and isinstance(arguments[0], str) else "expect.fail()")


def _name(arguments: list[Any]) -> str:
    if not arguments or not isinstance(arguments[0], str):
        raise UnclearError
    return str(arguments[0])


def variables(own: dict[str, Any], all_of_them: Scopes | None = None) -> Members:
    """One scope as scripts see it; pm.variables reads all of them."""

    def name(arguments: list[Any], count: int) -> str:
        if len(arguments) != count or not isinstance(arguments[0], str):
            raise UnclearError
        return arguments[0]

    def get(arguments: list[Any]) -> Any:
        key = name(arguments, 1)
        return own.get(key, UNDEFINED) if all_of_them is None else all_of_them.get(key)

    def put(arguments: list[Any]) -> Any:
        key = name(arguments, 2)
        value = None if arguments[1] is UNDEFINED else arguments[1]
        to_text(value)  # what could not be filled in is not set either
        own[key] = value
        return UNDEFINED

    def unset(arguments: list[Any]) -> Any:
        own.pop(name(arguments, 1), None)
        return UNDEFINED

    return Members({"get": get, "set": put, "unset": unset, "has": lambda arguments: name(arguments, 1) in own})
