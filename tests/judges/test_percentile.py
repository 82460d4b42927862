"""The one percentile: its definition on samples and on histograms."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gonogo.judges.percentile import is_number, median, percentile, rank

finite = st.floats(allow_nan=False, allow_infinity=False, width=32)
ranks = st.floats(min_value=0.01, max_value=100)


@st.composite
def histograms(draw: Any) -> dict[str, Any]:
    edges = sorted(draw(st.lists(st.integers(0, 10_000), min_size=2, max_size=8, unique=True)))
    counts = draw(st.lists(st.integers(0, 50), min_size=len(edges) - 1, max_size=len(edges) - 1))
    return {"buckets": [[low, high, n] for low, high, n in zip(edges, edges[1:], counts, strict=False)]}


@pytest.mark.parametrize(
    ("samples", "p", "value"),
    [
        ([15, 20, 35, 40, 50], 5, 15),
        ([15, 20, 35, 40, 50], 20, 15),
        ([15, 20, 35, 40, 50], 20.1, 20),
        ([15, 20, 35, 40, 50], 30, 20),
        ([15, 20, 35, 40, 50], 40, 20),
        ([15, 20, 35, 40, 50], 50, 35),
        ([50, 15, 40, 20, 35], 100, 50),
        (list(range(1, 101)), 95, 95),
        (list(range(1, 1001)), 99.9, 999),
        ([7], 1, 7),
        ([], 50, None),
        ({"buckets": [[0, 10, 5], [10, 20, 5]]}, 50, 10),
        ({"buckets": [[0, 10, 5], [10, 20, 5]]}, 51, 12),
        ({"buckets": [[0, 10, 5], [10, 20, 5]]}, 10, 2),
        ({"buckets": [[0, 10, 5], [10, 20, 5]]}, 100, 20),
        ({"buckets": [[0, 10, 0], [10, 20, 4]]}, 25, 12.5),
        ({"buckets": [[0, 10, 99], [10, None, 1]]}, 99, 10),
        ({"buckets": [[7, 7, 9]]}, 50, 7),
        ({"buckets": []}, 50, None),
        ({"buckets": [[0, 1, 0]]}, 50, None),
    ],
)
def test_nearest_rank(samples: Any, p: float, value: float | None) -> None:
    """The smallest sample with at least p percent at or below it; linear inside a bucket."""
    assert percentile(samples, p) == value


@pytest.mark.parametrize(
    ("samples", "p"),
    [
        ([1], 0),
        ([1], -1),
        ([1], 100.01),
        ([1], float("nan")),
        ([1], True),
        ([1, float("nan")], 50),
        ([1, float("inf")], 50),
        ([1, "2"], 50),
        ([1, True], 50),
        ([1, None], 50),
        ([1, 10**400], 50),
        ({}, 50),
        ({"buckets": 3}, 50),
        ({"buckets": [[0, 1]]}, 50),
        ({"buckets": ["abc"]}, 50),
        ({"buckets": [[0, 1, -1]]}, 50),
        ({"buckets": [[0, 1, 1.5]]}, 50),
        ({"buckets": [[0, 1, True]]}, 50),
        ({"buckets": [[0, 10, 99], [10, None, 1]]}, 99.5),
        ({"buckets": [[None, 10, 9]]}, 50),
        ({"buckets": [[10, 0, 9]]}, 50),
        ({"buckets": [[10, 9.9, 9]]}, 50),
    ],
)
def test_refuses(samples: Any, p: float) -> None:
    """Rows 36, 42: what is no finite sample is never turned into a percentile."""
    with pytest.raises(ValueError, match=r"percentile|sample|bucket|histogram"):
        percentile(samples, p)


@pytest.mark.parametrize(
    ("value", "is_one"), [(0, True), (1.5, True), (True, False), ("1", False), (None, False), (10**400, False)]
)
def test_is_number(value: Any, is_one: bool) -> None:
    """Row 27: truth and text are no numbers."""
    assert is_number(value) is is_one


def test_rank_of_fractions() -> None:
    """Floating point does not push a rank up: 99.9 % of 1000 is 999."""
    assert [rank(1000, 99.9), rank(20, 95), rank(100, 29), rank(1, 0.01)] == [999, 19, 29, 1]


@given(st.lists(finite, min_size=1), ranks)
def test_bounds(samples: list[float], p: float) -> None:
    """A percentile is one of the samples, at most p percent of them are below it, at least p at or below."""
    value = percentile(samples, p)
    assert value in samples
    below, up_to = sum(s < value for s in samples), sum(s <= value for s in samples)
    assert below < rank(len(samples), p) <= up_to


@given(st.lists(finite, min_size=1), ranks, ranks)
def test_monotone(samples: list[float], p: float, q: float) -> None:
    """A higher p never gives a lower value."""
    low, high = sorted((p, q))
    assert (percentile(samples, low) or 0) <= (percentile(samples, high) or 0)


@given(histograms(), ranks, ranks)
def test_histogram_is_bounded_and_monotone(histogram: dict[str, Any], p: float, q: float) -> None:
    """Inside its edges, and rising with p."""
    low, high = percentile(histogram, min(p, q)), percentile(histogram, max(p, q))
    if low is None or high is None:
        assert sum(n for _, _, n in histogram["buckets"]) == 0
        return
    assert histogram["buckets"][0][0] <= low <= high <= histogram["buckets"][-1][1]


@given(histograms(), st.lists(st.integers(0, 50), min_size=7, max_size=7), ranks)
def test_merge(histogram: dict[str, Any], more: list[int], p: float) -> None:
    """The percentile of two merged histograms of the same edges lies between theirs."""
    one = histogram["buckets"]
    two = [[low, high, n] for (low, high, _), n in zip(one, more, strict=False)]
    both = [[low, high, n + m] for (low, high, n), (_, _, m) in zip(one, two, strict=False)]
    a, b, merged = percentile({"buckets": one}, p), percentile({"buckets": two}, p), percentile({"buckets": both}, p)
    known = [value for value in (a, b) if value is not None]
    if not known:
        assert merged is None
        return
    assert merged is not None
    if len(known) == 1:
        assert merged == known[0]
    else:
        # Inside one bucket the rank is interpolated, so the bounds are those of the buckets.
        low = next(edge[0] for edge in one if edge[0] <= min(known) <= edge[1])
        high = next(edge[1] for edge in reversed(one) if edge[0] <= max(known) <= edge[1])
        assert low <= merged <= high


@pytest.mark.parametrize(("values", "middle"), [([3], 3), ([3, 1], 2), ([9, 1, 3], 3), ([4, 1, 3, 2], 2.5)])
def test_median(values: list[float], middle: float) -> None:
    """The middle value, or the mean of two."""
    assert median(values) == middle


def test_median_of_nothing() -> None:
    """There is none."""
    with pytest.raises(ValueError, match="median"):
        median([])
