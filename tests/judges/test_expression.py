"""Expressions on documents: values, functions, and what is refused."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from gonogo.judges.expression import (
    ExpressionError,
    check_syntax,
    evaluate,
    names_in,
    not_finite,
    problem,
    show,
    type_name,
)


@pytest.mark.parametrize(
    ("expression", "document", "value"),
    [
        ("a.b", {"a": {"b": 3}}, 3),
        ("a.c", {"a": {"b": 3}}, None),
        ("percentile(a, `50`)", {"a": [3, 1, 2]}, 2),
        ("percentile(@, `100`)", {"buckets": [[0, 10, 5]]}, 10),
        ("percentile(a, `50`)", {"a": []}, None),
        ("divide(a, b)", {"a": 1, "b": 4}, 0.25),
        ("divide(a, b)", {"a": 0, "b": 0}, None),
        ("divide(a, b)", {"a": 3, "b": 0.0}, None),
        ("multiply(a, b)", {"a": 3, "b": 0.5}, 1.5),
        ("subtract(a, b)", {"a": 3, "b": 5}, -2),
        ("count_by(a, 'k')", {"a": [{"k": "x"}, {"k": "y"}, {"k": "y"}, {}, 3]}, {"y": 2, "none": 2, "x": 1}),
        ("to_number(a)", {"a": "12"}, 12),
        ("to_number(a)", {"a": "1.5"}, 1.5),
        ("to_number(a)", {"a": "nan"}, None),
        ("to_number(a)", {"a": "inf"}, None),
        ("to_number(a)", {"a": "1_000"}, None),
        ("to_number(a)", {"a": True}, None),
        ("to_number(a)", {"a": 3}, 3),
        ("to_number(a)", {"a": "x"}, None),
    ],
)
def test_value(expression: str, document: dict[str, Any], value: Any) -> None:
    """What an expression comes to."""
    assert evaluate(expression, document) == value


@pytest.mark.parametrize(
    ("expression", "document", "said"),
    [
        ("a.", {}, "not a JMESPath expression"),
        ("nothing(a)", {}, "nothing"),
        ("percentile(a, `95`)", {"a": "text"}, "percentile"),
        ("percentile(a, `95`)", {"a": [1, "2"]}, "not a finite number"),
        ("divide(a, b)", {"a": 1}, "divide"),
        ("multiply(a, b)", {"a": True, "b": 1}, "multiply"),
        ("sort_by(a, &b)", {"a": [{"b": 1}, {"b": "x"}]}, "sort_by"),
        ("a[?b > `1`]", {"a": [{"b": "x"}]}, "not supported"),
    ],
)
def test_error(expression: str, document: dict[str, Any], said: str) -> None:
    """Row 27: a document of the wrong shape is an error of one line, never a value."""
    with pytest.raises(ExpressionError) as caught:
        evaluate(expression, document)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("expression", "said"),
    [("a.b", None), ("percentile(a, `95`)", None), ("a[?", "not a JMESPath"), ("percentil(a, `95`)", "percentil()")],
)
def test_problem(expression: str, said: str | None) -> None:
    """Configuration can ask before a run."""
    told = problem(expression)
    assert told is None if said is None else said in str(told)


def test_names_in() -> None:
    """Names of looks are found wherever they stand."""
    assert names_in("multiply(memory.mean, service.resources.mb)") >= {"memory", "service"}
    assert names_in("{a: x.y}") >= {"x", "y"}


@pytest.mark.parametrize(
    ("document", "path"),
    [
        ({"a": [1, {"b": 2.5}]}, None),
        ({"a": [1, {"b": float("nan")}]}, "a[1].b is nan"),
        ({"a": float("-inf")}, "a is -inf"),
        ({"a": {1: object(), "b": float("inf")}}, "a.b is inf"),
        ({"a": {"b": object()}}, None),
    ],
)
def test_not_finite(document: dict[str, Any], path: str | None) -> None:
    """Rows 25, 36: the first number that is not finite is named by its path."""
    assert not_finite(document) == path


def test_not_finite_of_many() -> None:
    """Each of many documents is told by itself, the first one asked again too."""
    whole = [{"a": float(n)} for n in range(200)]
    broken = [{"a": float("nan"), "n": n} for n in range(200)]
    for one, other in zip(whole, broken, strict=True):
        assert not_finite(one) is None
        assert not_finite(other) == "a is nan"
    assert not_finite(whole[0]) is None
    assert not_finite(broken[0]) == "a is nan"


def test_depth() -> None:
    """Row 26: a document nested ten thousand deep is an error of one line, no traceback."""
    document: dict[str, Any] = {}
    for _ in range(max(10_000, sys.getrecursionlimit() * 2)):
        document = {"a": document}
    assert not_finite(document) == "(nested too deeply)"
    with pytest.raises(ExpressionError):
        evaluate("to_string(@)", document)


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (None, "null"),
        (True, "a boolean"),
        (1, "a number"),
        (float("nan"), "a number that is not finite"),
        ("1", "a string"),
        ({}, "an object"),
        ([], "a list"),
        (object(), "a object"),
    ],
)
def test_type_name(value: Any, name: str) -> None:
    """JSON's names of types."""
    assert type_name(value) == name


def test_show() -> None:
    """Row 26: one line, cut, Korean as it is, and no error for a number of 5000 digits."""
    assert show({"상태": "좋음"}) == '{"상태": "좋음"}'
    assert show("a\nb") == '"a\\nb"'
    assert len(show("x" * 500)) == 120
    assert "number" in show(10**5000)


@pytest.mark.parametrize(
    ("value", "expected"),
    [("new", [1]), ("old", [2]), ("other", []), (None, [])],
    ids=["new", "old", "other", "nothing"],
)
def test_labelled(value: Any, expected: list[int]) -> None:
    """Series by a label whose value another look tells; no value is no label, not that of those without it."""
    series = [
        {"labels": {"revision_name": "new"}, "sum": 1},
        {"labels": {"revision_name": "old"}, "sum": 2},
        {"labels": {}, "sum": 3},
        {"sum": 4},
        "text",
    ]
    document = {"users": {"series": series}, "service": {"serving": value}}
    assert evaluate("labelled(users.series, 'revision_name', service.serving)[].sum", document) == expected


@pytest.mark.parametrize(
    ("expression", "says"),
    [
        ("json.status[", "Invalid jmespath expression: Incomplete expression"),
        ("frobnicate(a)", "there is no function frobnicate()"),
        ("", "Invalid JMESPath expression: cannot be empty."),
    ],
)
def test_a_wrong_expression_is_told_without_itself(expression: str, says: str) -> None:
    """Configuration quotes the expression; what is wrong with it is said once. A right one is let through."""
    with pytest.raises(ValueError, match=r".") as told:
        check_syntax(expression)
    assert str(told.value) == says
    check_syntax("divide(a.b, `2`)")
