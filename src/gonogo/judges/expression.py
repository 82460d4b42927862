"""JMESPath expressions on evidence documents into checked values."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from gonogo.judges.absent import Absent, absent
from gonogo.judges.percentile import is_number


class ExpressionError(Exception):
    """An expression that cannot be computed on this document; one line, for people."""


def evaluate(expression: str, document: Mapping[str, Any]) -> Any:
    """The value of `expression` on `document`, None where there is none; ExpressionError otherwise."""
    parsed, _ = _compiled(expression)
    whole = document if isinstance(document, dict) else dict(document)
    try:
        return parsed.search(whole, options=_options())
    except RecursionError:
        raise ExpressionError(f"{expression}: the document is nested too deeply") from None
    except Exception as error:  # noqa: BLE001 - whatever a document does to a function, it is not readable
        raise ExpressionError(f"{expression}: {_first_line(error)}") from None


def names_in(expression: str) -> frozenset[str]:
    """Every field name that the expression mentions, at any depth."""
    return _compiled(expression)[1]


def absent_in(expression: str, document: Mapping[str, Any]) -> Absent | None:
    """The first name of `expression` that an object of `document` does not have, or None."""
    return absent(_compiled(expression)[0].parsed, document)


def problem(expression: str) -> str | None:
    """Why this is no expression (syntax, unknown function), or None: for a look at configuration before a run."""
    try:
        parsed, _ = _compiled(expression)
    except ExpressionError as error:
        return str(error)
    known = _options().custom_functions.FUNCTION_TABLE
    called = {node["value"] for node in _nodes(parsed.parsed) if node["type"] == "function_expression"}
    unknown = sorted(called - set(known))
    return f"{expression}: there is no function {unknown[0]}()" if unknown else None


def check_syntax(expression: str) -> None:
    """ValueError with what `problem` finds, without the expression."""
    text = problem(expression)
    if text is not None:
        for said in (f"{expression!r} is not a JMESPath expression: ", f"{expression}: "):
            text = text.removeprefix(said)
        raise ValueError(text.rstrip(": "))


def not_finite(document: Mapping[str, Any]) -> str | None:
    """The path of the first NaN or infinite number, or None.

    Expressions are refused such documents as a whole: in JMESPath a filter drops a NaN and max() hides one.
    """
    # Many rules read one look's document, which is never changed: it is walked once. The entry holds the document,
    # so that its id is not given to another.
    known = _WALKED.get(id(document))
    if known is None or known[0] is not document:
        if len(_WALKED) >= _MOST_WALKED:
            _WALKED.clear()
        known = _WALKED[id(document)] = (document, _first_non_finite(document))
    return known[1]


_MOST_WALKED = 64
_WALKED: dict[int, tuple[Mapping[str, Any], str | None]] = {}


def _first_non_finite(document: Mapping[str, Any]) -> str | None:
    try:
        # The C encoder is the fastest walk over a document that there is.
        json.dumps(document if isinstance(document, dict) else dict(document), allow_nan=False)
    except ValueError:
        return next(_non_finite(document, ""), None)
    except (TypeError, RecursionError):
        try:
            return next(_non_finite(document, ""), None)
        except RecursionError:
            return "(nested too deeply)"
    return None


def type_name(value: Any) -> str:
    """The JSON type of a value, with its article."""
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case int() | float():
            return "a number" if is_number(value) else "a number that is not finite"
        case str():
            return "a string"
        case Mapping():
            return "an object"
        case list() | tuple():
            return "a list"
        case _:
            return f"a {type(value).__name__}"


def show(value: Any, most: int = 120) -> str:
    """A JSON value for people, on one line, cut after `most` characters."""
    try:
        text = json.dumps(value, ensure_ascii=False, default=str)
    except (ValueError, TypeError, RecursionError):
        text = type_name(value)
    return text if len(text) <= most else text[: most - 1] + "…"


@lru_cache(maxsize=4096)
def _compiled(expression: str) -> tuple[Any, frozenset[str]]:
    import jmespath  # noqa: PLC0415 - a quarter of the import time of a run that reads no document
    from jmespath.exceptions import JMESPathError  # noqa: PLC0415

    try:
        parsed = jmespath.compile(expression)
    except JMESPathError as error:
        raise ExpressionError(f"{expression!r} is not a JMESPath expression: {_first_line(error)}") from None
    fields = (node["value"] for node in _nodes(parsed.parsed) if node["type"] in {"field", "key_val_pair"})
    return parsed, frozenset(fields)


@lru_cache(maxsize=1)
def _options() -> Any:
    from jmespath.visitor import Options  # noqa: PLC0415

    from gonogo.judges.functions import Functions  # noqa: PLC0415

    return Options(custom_functions=Functions())


def _nodes(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict) and "type" in node:
        yield node
        for child in node.get("children", ()):
            yield from _nodes(child)


def _non_finite(value: Any, path: str) -> Iterator[str]:
    match value:
        case float() if not math.isfinite(value):
            yield f"{path or '(the document)'} is {value}"
        case Mapping():
            for key, item in value.items():
                yield from _non_finite(item, f"{path}.{key}" if path else str(key))
        case list() | tuple():
            for index, item in enumerate(value):
                yield from _non_finite(item, f"{path}[{index}]")
        case _:
            pass


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]
