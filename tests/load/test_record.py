"""Histograms, their merging and the classes of outcomes."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gonogo.load.record import Book, Latencies, classify, merge
from gonogo.model.load import OutcomeClass, SideRecord

ACCEPTED, LIMITED, ERROR = OutcomeClass.ACCEPTED, OutcomeClass.LIMITED, OutcomeClass.ERROR
answers = st.lists(
    st.tuples(
        st.sampled_from(["GET /a", "POST /b"]),
        st.sampled_from([0, 200, 302, 404, 429, 503]),
        st.integers(min_value=0, max_value=4_000_000_000_000),
    ),
    max_size=40,
)


def record(seen: list[tuple[str, int, int]]) -> SideRecord:
    book = Book("canary")
    for endpoint, status, latency in seen:
        book.add(endpoint, status, [latency])
    return book.close(requests=len(seen), requested_rate=10.0, achieved_rate=9.0)


def test_half_a_millisecond_is_exact() -> None:
    """All answers at 0.45 ms have every percentile at 0.45 ms."""
    latencies = Latencies()
    latencies.add_ns([450_000] * 1000)
    summary = latencies.summary()
    assert {summary.min, summary.p50, summary.p90, summary.p95, summary.p99, summary.max} == {0.45}
    assert summary.mean == 0.45


def test_three_significant_digits() -> None:
    """All answers at 1049 ms are not reported as 1000: the error is below one part in a thousand."""
    latencies = Latencies()
    latencies.add_ns([1_049_000_000] * 10)
    assert latencies.summary().p95 == pytest.approx(1049, rel=0.001)


@settings(max_examples=12, deadline=None)
@given(st.lists(answers, min_size=1, max_size=4))
def test_merging_is_exact(workers: list[list[tuple[str, int, int]]]) -> None:
    """Records of any number of workers merge to what one worker would have recorded, bucket by bucket."""
    one = record([answer for worker in workers for answer in worker])
    many = merge([record(worker) for worker in workers])
    assert many.outcomes == one.outcomes
    assert many.statuses == one.statuses
    assert many.requests == one.requests
    assert [each.encoded for each in many.histograms] == [each.encoded for each in one.histograms]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(min_value=1000, max_value=3_000_000_000_000), min_size=1, max_size=200))
def test_percentiles_are_true(latencies: list[int]) -> None:
    """A percentile is within a part in a thousand (or a microsecond) of a sample that stands at its place."""
    histogram = Latencies()
    histogram.add_ns(latencies)
    summary, ordered = histogram.summary(), sorted(each // 1000 / 1000 for each in latencies)
    assert summary.count == len(latencies)
    for percent, value in ((50, summary.p50), (95, summary.p95), (99, summary.p99)):
        place = max(int(percent * len(ordered) / 100 + 0.5), 1) - 1
        assert value == pytest.approx(ordered[place], rel=0.001, abs=0.001)
    assert summary.max == pytest.approx(ordered[-1], rel=0.001)


@settings(max_examples=12, deadline=None)
@given(st.lists(st.integers(min_value=0, max_value=4_000_000_000_000), min_size=1, max_size=40))
def test_the_mean_is_that_of_the_histogram(latencies: list[int]) -> None:
    """To the last digit, also under a microsecond and over an hour."""
    histogram = Latencies()
    histogram.add_ns(latencies)
    assert histogram.summary().mean == histogram._histogram.get_mean_value() / 1000


def test_sides_are_not_mixed() -> None:
    """Records of two sides, and no records at all, are not merged."""
    other = Book("legacy").close(requests=0, requested_rate=None, achieved_rate=0)
    with pytest.raises(ValueError, match="legacy"):
        merge([record([]), other])
    with pytest.raises(ValueError, match="none"):
        merge([])


def test_rejections_do_not_flatter() -> None:
    """A hundred rejections of 1 ms leave the percentiles of accepted answers alone."""
    book = Book("canary")
    book.add("GET /", 200, [80_000_000] * 10)
    book.add("GET /", 429, [1_000_000] * 100)
    outcomes = book.close(requests=110, requested_rate=None, achieved_rate=1).outcomes
    assert outcomes[ACCEPTED].p50 == pytest.approx(80, rel=0.001)
    assert outcomes[LIMITED].count == 100
    assert outcomes[ERROR].count == 0


@pytest.mark.parametrize(
    ("status", "outcome"),
    [(200, ACCEPTED), (204, ACCEPTED), (302, ACCEPTED), (429, LIMITED), (401, ERROR), (503, ERROR), (0, ERROR)],
)
def test_outcome_classes(status: int, outcome: OutcomeClass) -> None:
    """429 is limited, 2xx and 3xx are accepted, everything else is an error."""
    assert classify(status) is outcome
