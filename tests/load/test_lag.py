"""How late the loop was, by a clock that is told what time it is."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from gonogo.load.lag import Lag
from gonogo.load.record import Book
from gonogo.load.shares import count_beyond
from gonogo.load.waiting import Poller, poller
from gonogo.model.load import OutcomeClass


class Clock:
    """Each reading is the next of these."""

    def __init__(self, readings: Sequence[float]) -> None:
        self._readings = list(readings)

    def __call__(self) -> float:
        return self._readings.pop(0)


@pytest.mark.parametrize(
    ("readings", "timeouts", "late"),
    [
        ([0, 0.1, 0.1001, 0.2], [0.1, 0.1], 0.0),  # as long as it was told
        ([0, 0.15, 0.151, 0.2], [0.1, 0.0], 0.051),  # woken 50 ms late
        ([0, 0.02, 0.5, 0.5], [0.1, 0.0], 0.48),  # woken early by an answer, then busy for 480 ms
        ([0, 0.0, 0.005, 0.005], [0.0, 0.0], 0.0),  # a turn of 5 ms
    ],
)
def test_turns_that_took_too_long_are_summed(readings: list[float], timeouts: list[float], late: float) -> None:
    """What lies beyond the time it was to wait for, where that is more than 10 ms, is the generator's own."""

    def waits(_: Poller, __: float) -> list[tuple[int, int]]:
        return [(1, 1)]

    lag = Lag(waits, clock=Clock(readings))
    polling = poller()
    try:
        for timeout in timeouts:
            assert lag(polling, timeout) == [(1, 1)]
    finally:
        polling.close()
    assert lag.late == pytest.approx(late)


def test_latencies_beyond_a_limit_are_counted_from_the_histograms() -> None:
    """Of one class alone, over all endpoints, with the upper end of a bucket."""
    book = Book("canary")
    book.add("GET /a", 200, [1_000_000 * n for n in range(1, 101)], 0)
    book.add("GET /b", 200, [500_000_000], 0)
    book.add("GET /a", 503, [900_000_000] * 7, 0)
    record = book.close(requests=108, requested_rate=None, achieved_rate=1.0)
    assert count_beyond(record.histograms, OutcomeClass.ACCEPTED, lambda ms: ms < 90) == 12
    assert count_beyond(record.histograms, OutcomeClass.ERROR, lambda ms: ms < 90) == 7
    assert count_beyond(record.histograms, OutcomeClass.LIMITED, lambda ms: ms < 90) == 0
