"""A text with expressions in braces and a document into a line for people."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from gonogo.judges.expression import evaluate, show

_FIELD = re.compile(r"\{([^{}]+)\}")


def has_fields(template: str) -> bool:
    """True if the text has expressions in braces."""
    return _FIELD.search(template) is not None


def fields_of(template: str) -> tuple[str, ...]:
    """The expressions of the text, without their braces."""
    return tuple(_FIELD.findall(template))


def fill(template: str, document: Mapping[str, Any]) -> str:
    """The text with the value of each expression, "-" for none; ExpressionError if one cannot be computed."""
    # Only the template is searched for braces: text from a server is never a template.
    return _FIELD.sub(lambda match: text_of(evaluate(match[1], document)), template)


def text_of(value: Any) -> str:
    """A JSON value inside a sentence."""
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.3g}" if abs(value) < 10 else f"{value:.0f}"
    return value if isinstance(value, str) else show(value, 300)
