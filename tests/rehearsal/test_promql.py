"""The rehearsal's small PromQL: what it computes at the edges, and what it says it does not know."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "environments" / "rehearsal"))

from factory.promql import BadQuery, parse  # type: ignore[import-not-found]  # noqa: E402
from factory.promql_eval import Evaluation, NoVector  # type: ignore[import-not-found]  # noqa: E402

SERIES = {
    "c": [({"job": "a"}, [(0, 10), (15, 20), (30, 30), (45, 5), (60, 15)]), ({"job": "b"}, [(0, 0), (60, 6)])],
    "g": [({"job": "a"}, [(0, 1), (30, 4), (60, 3)])],
    "h": [({"le": "1"}, [(60, 6)]), ({"le": "2"}, [(60, 9)]), ({"le": "+Inf"}, [(60, 10)])],
    "old": [({}, [(-260, 1)])],
}


def read(name: str, start: float, end: float, _: object) -> Iterator[tuple[dict[str, str], list[tuple[float, float]]]]:
    for labels, points in SERIES.get(name, []):
        yield labels, [(float(at), float(value)) for at, value in points if start <= at <= end]


def value(query: str, at: float = 60.0) -> dict[str, float] | float:
    """Values by the label job, or the number."""
    found = Evaluation(read, at, at).at(parse(query), at)
    return found if isinstance(found, float) else {dict(key).get("job", ""): each for key, each in found.items()}


def test_row_41_a_reset_inside_the_window_is_growth() -> None:
    """30 down to 5 is a restart: 20 before it, 5 and 10 after it."""
    assert value('increase(c{job="a"}[1m])') == {"a": 35.0}
    assert value('rate(c{job="a"}[1m])') == {"a": pytest.approx(35 / 60)}


def test_growth_is_extrapolated_to_the_edges_but_not_below_nothing() -> None:
    """Half a scrape interval at most, and never to before the counter was 0."""
    assert value('increase(c{job="a"}[40s])', 50) == {"a": pytest.approx(15 * 40 / 30)}
    assert value('increase(c{job="b"}[2m])', 60) == {"b": 6.0}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("sum(c)", {"": 21.0}),
        ("sum by (job) (c)", {"a": 15.0, "b": 6.0}),
        ('c{job!="a"}', {"b": 6.0}),
        ('c{job=~"a|z"}', {"a": 15.0}),
        ("c / g", {"a": 5.0}),
        ("c > 10", {"a": 15.0}),
        ("c == 6", {"b": 6.0}),
        ("2 * 3 - 1", 5.0),
        ("count(c) + vector(1)", {"": 3.0}),
        ("avg_over_time(g[1m])", {"a": pytest.approx(8 / 3)}),
        ("max_over_time(g[1m])", {"a": 4.0}),
        ("histogram_quantile(0.75, h)", {"": 1.5}),
        ("histogram_quantile(0.99, h)", {"": 2.0}),
        ("nothing or vector(0)", {"": 0.0}),
        ("nothing", {}),
        ("old", {}),
        ("sum(rate(g[10s]))", {}),
    ],
)
def test_what_an_expression_comes_to(query: str, expected: object) -> None:
    assert value(query) == expected


def test_what_is_divided_by_nothing_is_no_number() -> None:
    assert value("c / 0") == {"a": math.inf, "b": math.inf}
    found = value("(c - c) / (c - c)")
    assert isinstance(found, dict)
    assert math.isnan(found["a"])


@pytest.mark.parametrize(
    "query",
    [
        "topk(1, c)",
        "c offset 5m",
        "c[5m:1m]",
        "irate(c[1m])",
        "sum without (job) (c)",
        "c / on (job) g",
        "c bool",
        "-c",
    ],
)
def test_what_is_not_known_is_bad_data(query: str) -> None:
    """Never a guess."""
    with pytest.raises(BadQuery, match="parse error"):
        parse(query)


def test_a_number_where_series_are_needed_is_refused() -> None:
    with pytest.raises(NoVector):
        value("sum(1)")


@pytest.mark.parametrize(
    ("grown", "expected"),
    [((60.0, 120.0, 120.0), {"": pytest.approx(9.5)}), ((60.0, 60.0, 60.0), {"": 0.0}), (None, {})],
    ids=["calls", "a quiet hour", "no such metric"],
)
def test_the_llm_is_not_slow_where_nobody_calls_it(
    monkeypatch: pytest.MonkeyPatch, grown: tuple[float, float, float] | None, expected: object
) -> None:
    """The P95 of no calls is no number, and a night without one is no reason to hold; a metric that is gone is."""
    document = yaml.safe_load((ROOT / "checks" / "factory" / "incident.yaml").read_text(encoding="utf-8"))
    query = document["items"][0]["probes"]["response"]["prometheus"]["query"]
    rows = [
        ({"namespace": "production", "le": le}, [(15.0 * n, grown[0] if n < 20 else end) for n in range(41)])
        for le, end in zip(("10", "+Inf"), grown[1:], strict=True)
    ] if grown else []  # fmt: skip
    monkeypatch.setitem(SERIES, "llm_call_duration_seconds_bucket", rows)
    assert value(query, 600.0) == expected
