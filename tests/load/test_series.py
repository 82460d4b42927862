"""A side over time: intervals widen and merge without losing an answer."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gonogo.flows.load.wire import found_from_json, found_to_json, merge_found
from gonogo.load.fleet import Found
from gonogo.load.record import Book
from gonogo.load.series import MOST, WIDTHS, Recorder, merge_series, readable, shifted, wider
from gonogo.model.load import OutcomeClass, Series, SideRecord

SECOND = 1_000_000_000
ACCEPTED, LIMITED = OutcomeClass.ACCEPTED, OutcomeClass.LIMITED
answers = st.lists(
    st.tuples(
        st.integers(min_value=0, max_value=300 * SECOND),  # when
        st.sampled_from([0, 200, 429]),
        st.integers(min_value=0, max_value=4_000_000_000_000),  # latency, ns
    ),
    max_size=25,
)


def recorded(seen: list[tuple[int, int, int]], ends: int = 300 * SECOND) -> Series:
    book = Book("canary")
    for at, status, latency in seen:
        book.over_time.sent(at, 1)
        book.add("GET /", status, [latency], at)
    return book.over_time.close(0, ends, lambda moment: moment // SECOND)


def side(series: Series) -> SideRecord:
    closed = Book("canary").close(requests=1, requested_rate=None, achieved_rate=1.0, series=series)
    return replace(closed, statuses={})


@settings(max_examples=25, deadline=None)
@given(st.lists(answers, min_size=1, max_size=4))
def test_merging_is_exact(workers: list[list[tuple[int, int, int]]]) -> None:
    """Series of any number of workers, through the wire, merge to what one worker would have recorded."""
    now = datetime(2026, 1, 1, tzinfo=UTC)
    founds = [Found(started=now, ended=now, sides=(side(recorded(seen)),), events=(), aborted=None) for seen in workers]
    together = merge_found([found_from_json(found_to_json(each)) for each in founds])
    one = recorded([answer for seen in workers for answer in seen])
    assert together is not None
    assert together.sides[0].series == replace(
        one, requested={place: count * len(workers) for place, count in (one.requested or {}).items()}
    )


@settings(max_examples=25, deadline=None)
@given(answers, st.sampled_from([0, 100 * SECOND, 2000 * SECOND]))
def test_widening_is_exact(seen: list[tuple[int, int, int]], later: int) -> None:
    """Intervals that were made wider hold what wider ones would have held from the start."""
    wide = Recorder(10_000)
    book = Book("canary")
    book.over_time = wide
    for at, status, latency in seen:
        book.over_time.sent(at, 1)
        book.add("GET /", status, [latency], at)
    there = book.over_time.close(0, 300 * SECOND + later, None)
    narrow = replace(recorded(seen, 300 * SECOND + later), requested=None)
    assert merge_series([narrow], width_ms=10_000) == there


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(min_value=1000, max_value=3_000_000_000_000), min_size=1, max_size=200))
def test_percentiles_are_true(latencies: list[int]) -> None:
    """Never below the answer at their rank, less than 0.8 % above it; the maximum is exact to the microsecond."""
    book = Book("canary")
    book.add("GET /", 200, latencies, 5 * SECOND)
    (moment,) = book.over_time.close(0, 6 * SECOND, None).moments
    ordered = sorted(each // 1000 / 1000 for each in latencies)
    for percent, value in ((50, moment.p50), (95, moment.p95), (99, moment.p99)):
        true = ordered[-(-percent * len(ordered) // 100) - 1]
        assert true <= value <= true * 1.008
    assert moment.max == ordered[-1]
    assert moment.count == len(latencies)


def test_memory_is_bounded() -> None:
    """A day keeps no more intervals than a minute, and every answer."""
    recorder = Recorder()
    for minute in range(24 * 60):
        recorder.add(minute * 60 * SECOND, ACCEPTED, {450: 2})
        recorder.sent(minute * 60 * SECOND, 2)
    series = recorder.close(0, 86_400 * SECOND, None)
    assert series.interval_ms == 600_000
    assert len(series.moments) == 144 <= MOST
    assert {each.count for each in series.moments} == {20}
    assert sum(series.sent.values()) == 2880


def test_each_width_divides_the_next() -> None:
    """Else neighbours could not be made one."""
    widths = [*WIDTHS, wider(WIDTHS[-1])]
    assert all(after % before == 0 for before, after in pairwise(widths))


def test_a_late_worker_stands_where_it_was() -> None:
    """What a worker saw in its first second, three seconds after the first one began, is the run's fourth."""
    started = datetime(2026, 1, 1, tzinfo=UTC)
    early, late = (
        Found(
            started=begun, ended=begun, sides=(side(recorded([(0, 200, 7_000_000)], SECOND)),), events=(), aborted=None
        )
        for begun in (started, started + timedelta(seconds=3))
    )
    found = merge_found([late, early])
    assert found is not None
    series = found.sides[0].series
    assert series is not None
    assert [(each.index * series.interval_ms, each.count) for each in series.moments] == [(0, 1), (3000, 1)]
    assert (series.begins, series.ends) == (0, 4)


def test_what_was_requested_is_the_schedules() -> None:
    """Due requests are counted by the schedule, also in intervals in which nothing was sent or answered."""
    recorder = Recorder()
    recorder.sent(0, 5)
    series = recorder.close(SECOND // 4, SECOND, lambda moment: max(0, moment - SECOND // 4) // (SECOND // 100))
    assert sum((series.requested or {}).values()) == 75 + 10  # the last interval is counted to its end
    assert (series.requested or {})[2] == 5
    assert Counter(series.sent) == {0: 5}


def test_a_picture_has_enough_answers_and_enough_intervals() -> None:
    """Intervals of ten answers are widened, but not to less than sixteen."""
    dense = recorded([(each * SECOND // 100, 200, SECOND) for each in range(1000)], 10 * SECOND)
    assert (dense.interval_ms, readable(dense).interval_ms) == (100, 500)
    sparse = recorded([(each * SECOND, 200, SECOND) for each in range(3)], 3 * SECOND)
    assert readable(sparse) == sparse


def test_nothing_cannot_be_merged() -> None:
    """No series is no side; a part that saw nothing changes nothing."""
    with pytest.raises(ValueError, match="no series"):
        merge_series([])
    empty = Recorder().close(0, SECOND, None)
    full = replace(recorded([(0, 429, 5000)], SECOND), requested=None)
    assert merge_series([empty, full]) == full
    assert shifted(full, 0) == full
    assert full.moments[0].outcome is LIMITED
