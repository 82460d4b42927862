"""Raw samples of counters into counts: intervals lose nothing, a reset and a new series are no surprise."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gonogo.flows.watch.counters import NotTold, behind, growth, histogram, known, scraped
from gonogo.model.watch import Bucket

A, B = {"instance": "a"}, {"instance": "b"}


def total(points: list[tuple[float, float]], since: float, until: float) -> int:
    series = [(A, points)]
    return growth(series, since, until, known(series, since))[0][1]


def test_the_edge_of_an_interval_is_the_newest_sample_before_it() -> None:
    points = [(0.0, 10.0), (15.0, 12.0), (30.0, 20.0), (45.0, 21.0)]
    assert total(points, 20, 40) == 8
    assert total(points, 40, 60) == 1
    assert total(points, 45, 60) == 0


@given(
    steps=st.lists(st.integers(0, 50), min_size=3, max_size=30),
    cuts=st.lists(st.integers(1, 400), min_size=1, max_size=5),
)
def test_intervals_add_up_to_the_whole(steps: list[int], cuts: list[int]) -> None:
    """However time is cut, nothing is counted twice and nothing is lost."""
    value, points = 100.0, [(0.0, 100.0)]
    for n, step in enumerate(steps, start=1):
        value += step
        points.append((n * 15.0, value))
    edges = sorted({0, *cuts, 500})
    assert sum(total(points, a, b) for a, b in pairwise(edges)) == sum(steps)


def test_row_41_a_reset_counts_from_0() -> None:
    """Row 41: a pod that restarts loses its counter and no request."""
    assert total([(0.0, 100.0), (15.0, 110.0), (30.0, 4.0), (45.0, 9.0)], 0, 60) == 10 + 4 + 5


def test_a_series_that_is_new_on_a_known_instance_began_at_0() -> None:
    """The counter of errors is not there before the first error."""
    requests = [(A, [(0.0, 50.0), (15.0, 60.0)])]
    errors = [({**A, "status": "500"}, [(15.0, 3.0), (30.0, 4.0)])]
    assert growth(errors, 10, 30, known(requests, 10))[0][1] == 4


def test_an_instance_that_is_new_is_counted_from_its_first_sample() -> None:
    """Nobody knows since when it has counted: a target that comes back is no burst of a million requests."""
    series = [(A, [(0.0, 50.0), (15.0, 60.0)]), (B, [(15.0, 1_000_000.0), (30.0, 1_000_007.0)])]
    assert [count for _, count in growth(series, 10, 30, known(series, 10))] == [10, 7]


def test_a_negative_counter_is_none() -> None:
    with pytest.raises(NotTold, match="a counter is -1"):
        total([(0.0, 1.0), (15.0, -1.0)], 0, 15)


def test_an_interval_without_a_scrape_is_not_seen() -> None:
    series = [(A, [(0.0, 50.0), (15.0, 60.0)])]
    assert scraped(series, 10, 15)
    assert not scraped(series, 15, 75)


def test_row_47_a_newest_sample_far_before_the_end_is_another_clock_or_late() -> None:
    """Row 47: one scrape that failed is none; two are."""
    series = [(A, [(n * 15.0, 1.0) for n in range(10)])]
    assert behind(series, 135 + 31) is None
    assert behind(series, 135 + 32) == 32
    assert behind([(A, [(0.0, 1.0)])], 600) is None
    assert behind([], 600) is None


def test_buckets_of_all_series_become_buckets_that_do_not_overlap() -> None:
    grown = [({"le": "0.5"}, 4), ({"le": "2.5"}, 6), ({"le": "+Inf"}, 7), ({"le": "0.5", "pod": "b"}, 1)]
    grown += [({"le": "2.5", "pod": "b"}, 1), ({"le": "+Inf", "pod": "b"}, 1)]
    assert histogram(grown, 1000.0) == (
        Bucket(low=0, high=500, count=5),
        Bucket(low=500, high=2500, count=2),
        Bucket(low=2500, high=None, count=1),
    )
    assert histogram([({"le": "+Inf"}, 0)], 1000.0) == ()


@pytest.mark.parametrize(
    ("grown", "why"),
    [
        ([({"le": "1"}, 1)], "no le=\\+Inf"),
        ([({}, 1)], "without an upper edge"),
        ([({"le": "soon"}, 1)], "without an upper edge"),
        ([({"le": "1"}, 4), ({"le": "2"}, 3), ({"le": "+Inf"}, 5)], "different buckets"),
        ([({"le": "-1"}, 4), ({"le": "+Inf"}, 5)], "below 0"),
    ],
)
def test_what_is_no_histogram_is_said(grown: list[tuple[dict[str, str], int]], why: str) -> None:
    with pytest.raises(NotTold, match=why):
        histogram(grown, 1000.0)


def test_known_needs_a_sample_before_the_interval() -> None:
    assert known([(A, [(10.0, 1.0)]), (B, [(11.0, 1.0)])], 10) == {"a"}
    assert known([({}, [(math.nextafter(10, 11), 1.0)])], 10) == frozenset()
