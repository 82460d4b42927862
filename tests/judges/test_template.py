"""Texts with expressions in braces: numbers for people, text of a server never a template."""

from __future__ import annotations

from typing import Any

import pytest

from gonogo.judges.expression import ExpressionError
from gonogo.judges.template import fields_of, fill, has_fields, text_of


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "-"),
        ("a b", "a b"),
        (3, "3"),
        (0.123456, "0.123"),
        (58.49, "58"),
        (28468.3, "28468"),
        (True, "true"),
        (["a", 1], '["a", 1]'),
    ],
)
def test_values_for_people(value: Any, text: str) -> None:
    """Three digits are enough for anybody; what is not there is a dash."""
    assert text_of(value) == text


def test_fields_are_filled_once() -> None:
    """A value that looks like a field stays as it is."""
    template = "{a.b} of {length(c)}: {d}"
    assert has_fields(template)
    assert not has_fields("a.b")
    assert fields_of(template) == ("a.b", "length(c)", "d")
    assert fill(template, {"a": {"b": "{d}"}, "c": [1, 2]}) == "{d} of 2: -"
    with pytest.raises(ExpressionError):
        fill("{abs(a)}", {"a": "x"})
