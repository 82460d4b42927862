"""Latencies into HDR histograms, histograms into summaries, and the records of workers into one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from hdrh.histogram import HdrHistogram

from gonogo.load.series import Recorder, merge_series
from gonogo.model.load import REJECTS_WITH, Histogram, LatencySummary, OutcomeClass, Series, SideRecord

LOWEST, HIGHEST, DIGITS = 1, 3_600_000_000, 3  # microseconds: 1 us to 1 h; exact up to 2 ms
_US_PER_MS = 1000


def classify(status: int, limited: int = REJECTS_WITH) -> OutcomeClass:
    """429 is limited, and so is the status that a limiter is declared to reject with; no answer (0), an unfinished
    one and any other status from 400 on are errors.
    """
    if status == REJECTS_WITH or status == limited >= 400:
        return OutcomeClass.LIMITED
    return OutcomeClass.ACCEPTED if 200 <= status < 400 else OutcomeClass.ERROR


def in_us(latencies: Iterable[int]) -> Mapping[int, int]:
    """Latencies in ns as us -> how many, from 1 us to one hour."""
    counted = Counter([each // 1000 for each in latencies])
    if counted and (min(counted) < LOWEST or max(counted) > HIGHEST):
        bounded: Counter[int] = Counter()
        for value, count in counted.items():
            bounded[min(max(value, LOWEST), HIGHEST)] += count
        return bounded
    return counted


class Latencies:
    """One HDR histogram of microseconds with three significant digits."""

    __slots__ = ("_histogram",)

    def __init__(self) -> None:
        self._histogram: Any = HdrHistogram(LOWEST, HIGHEST, DIGITS)

    def add_ns(self, latencies: Iterable[int]) -> None:
        """Record many, in ns. What is under 1 us counts as 1 us, what is over an hour as one hour."""
        self.add_us(in_us(latencies))

    def add_us(self, latencies: Mapping[int, int]) -> None:
        """Record many that `in_us` counted."""
        record = self._histogram.record_value
        for value, count in latencies.items():
            record(value, count)

    def add_encoded(self, encoded: str) -> None:
        """Add what another histogram counted, bucket by bucket."""
        self._histogram.decode_and_add(encoded)

    @property
    def count(self) -> int:
        """How many were recorded."""
        return int(self._histogram.total_count)

    def encode(self) -> str:
        """HdrHistogram V2, compressed, base64."""
        encoded: bytes = self._histogram.encode()
        return encoded.decode("ascii")

    def summary(self) -> LatencySummary:
        """In ms. All figures come from the buckets, so that merged histograms say the same as one that saw all."""
        histogram = self._histogram
        if not self.count:
            return LatencySummary()
        at = histogram.get_percentile_to_value_dict([50, 90, 95, 99])
        return LatencySummary(
            count=self.count,
            min=histogram.get_lowest_equivalent_value(histogram.min_value) / _US_PER_MS,
            mean=_mean(histogram) / _US_PER_MS,
            p50=at[50] / _US_PER_MS,
            p90=at[90] / _US_PER_MS,
            p95=at[95] / _US_PER_MS,
            p99=at[99] / _US_PER_MS,
            max=histogram.get_highest_equivalent_value(histogram.max_value) / _US_PER_MS,
        )


def _mean(histogram: Any) -> float:
    """As `get_mean_value` of the histogram: each answer counts as the middle of its bucket. That one works out the
    bounds of every bucket up to the last that holds something, some 15,000 of them; this, of those that hold any.
    """
    total: int = 0
    for index, count in enumerate(histogram.counts):
        if count:
            value = histogram.get_value_from_index(index)
            lowest = histogram.get_lowest_equivalent_value(value)
            total += count * (lowest + (histogram.get_highest_equivalent_value(value) - lowest + 1) // 2)
    return total / int(histogram.total_count)


class Book:
    """What one side answered so far: a histogram an endpoint and outcome class, counts of statuses and reasons, and
    the same over time.
    """

    __slots__ = ("_histograms", "errors", "over_time", "side", "statuses")

    def __init__(self, side: str) -> None:
        self.side = side
        self._histograms: dict[tuple[str, OutcomeClass], Latencies] = {}
        self.statuses: Counter[int] = Counter()
        self.errors: Counter[str] = Counter()
        self.over_time = Recorder()

    def add(
        self, endpoint: str, status: int, latencies: Sequence[int], at: int = 0, *, limited: int = REJECTS_WITH
    ) -> None:
        """Enter the latencies (ns) of answers with this status that came about `at` ns after the start of the run."""
        self.statuses[status] += len(latencies)
        outcome, counted = classify(status, limited), in_us(latencies)
        self._of(endpoint, outcome).add_us(counted)
        self.over_time.add(at, outcome, counted)

    def add_record(self, record: SideRecord) -> None:
        """Enter all that another worker saw of this side."""
        for each in record.histograms:
            self._of(each.endpoint, each.outcome).add_encoded(each.encoded)
        self.statuses.update(record.statuses)
        self.errors.update(record.errors)

    def close(
        self, *, requests: int, requested_rate: float | None, achieved_rate: float, series: Series | None = None
    ) -> SideRecord:
        """The record, with one summary an outcome class over all endpoints."""
        encoded = [
            Histogram(endpoint=endpoint, outcome=outcome, encoded=latencies.encode())
            for (endpoint, outcome), latencies in sorted(self._histograms.items())
        ]
        return SideRecord(
            side=self.side,
            requested_rate=requested_rate,
            achieved_rate=achieved_rate,
            requests=requests,
            outcomes=summaries(encoded),
            histograms=tuple(encoded),
            statuses=dict(sorted(self.statuses.items())),
            errors=dict(sorted(self.errors.items())),
            series=series,
        )

    def _of(self, endpoint: str, outcome: OutcomeClass) -> Latencies:
        key = endpoint, outcome
        if key not in self._histograms:
            self._histograms[key] = Latencies()
        return self._histograms[key]


def summaries(histograms: Iterable[Histogram]) -> Mapping[OutcomeClass, LatencySummary]:
    """Every outcome class, also those that never came, over all endpoints."""
    totals = {outcome: Latencies() for outcome in OutcomeClass}
    for each in histograms:
        totals[each.outcome].add_encoded(each.encoded)
    return {outcome: total.summary() for outcome, total in totals.items()}


def merge(records: Sequence[SideRecord]) -> SideRecord:
    """The records of one side by several workers as one; the same buckets as if one worker had seen all.

    ValueError for no records or for those of different sides.
    """
    sides = {record.side for record in records}
    if len(sides) != 1:
        raise ValueError(f"records of one side can be merged, not of {sorted(sides) or 'none'}")
    book = Book(sides.pop())
    for record in records:
        book.add_record(record)
    series = [record.series for record in records if record.series is not None]
    rates = [record.requested_rate for record in records if record.requested_rate is not None]
    return book.close(
        requests=sum(record.requests for record in records),
        requested_rate=sum(rates) if len(rates) == len(records) else None,
        achieved_rate=sum(record.achieved_rate for record in records),
        series=merge_series(series) if series else None,
    )
