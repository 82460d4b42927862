"""Answers in batches into a series over time: counts and latencies an interval, in bounded memory, merged exactly."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from operator import add

from gonogo.model.load import Moment, OutcomeClass, Series

MOST = 240  # intervals of one side; more make each of them wider
WIDTHS = (
    100,
    500,
    1000,
    5000,
    10_000,
    30_000,
    60_000,
    300_000,
    600_000,
    1_800_000,
    3_600_000,
)  # ms; each divides the next
_NS_PER_MS = 1_000_000
_LONGEST = 3_600_000_000  # us; what took longer counts as an hour
_BITS = 8  # of a latency in us are kept: exact up to 0.25 ms, less than 0.8 % too high above
_HALF = 1 << (_BITS - 1)
_PLACES = (_LONGEST.bit_length() - _BITS + 2) * _HALF
_FEW, _ENOUGH = 16, 40  # intervals that a picture needs; answers an interval that percentiles need


class _Cell:
    """Latencies of one outcome class within one interval."""

    __slots__ = ("counts", "longest")

    def __init__(self) -> None:
        self.counts = array("I", bytes(4 * _PLACES))
        self.longest = 0  # us, exact

    def add(self, latencies: Mapping[int, int]) -> None:
        """Enter latencies: us -> how many."""
        counts = self.counts
        for latency, count in latencies.items():
            shift = latency.bit_length() - _BITS
            counts[shift * _HALF + (latency >> shift) if shift > 0 else latency] += count
        self.longest = max(self.longest, max(latencies))  # noqa: PLW3301 - unpacked, thousands would be copied

    def add_buckets(self, buckets: Iterable[tuple[int, int]], longest: int) -> None:
        """Enter what another cell counted."""
        for place, count in buckets:
            self.counts[place] += count
        self.longest = max(self.longest, longest)

    def add_cell(self, other: _Cell) -> None:
        """Enter all that another cell counted."""
        self.counts = array("I", map(add, self.counts, other.counts))
        self.longest = max(self.longest, other.longest)

    def moment(self, index: int, outcome: OutcomeClass) -> Moment:
        """The cell with its percentiles: nearest rank, the upper edge of its bucket, in ms."""
        buckets = tuple((place, count) for place, count in enumerate(self.counts) if count)
        total = sum(count for _, count in buckets)
        p50, p95, p99 = (min(_at(buckets, -(-total * each // 100)), self.longest) / 1000 for each in (50, 95, 99))
        return Moment(
            index=index,
            outcome=outcome,
            count=total,
            p50=p50,
            p95=p95,
            p99=p99,
            max=self.longest / 1000,
            buckets=buckets,
        )


class Recorder:
    """What one side sent and was answered, interval by interval since the start of the run.

    When intervals become wider, cells of the old width are entered into the new ones two at a time: all at once would
    hold up the sending by tens of milliseconds.
    """

    __slots__ = ("_cells", "_old", "_sent", "_width")

    def __init__(self, width_ms: int = WIDTHS[0]) -> None:
        self._width = width_ms
        self._cells: dict[tuple[int, OutcomeClass], _Cell] = {}
        self._old: list[tuple[int, OutcomeClass, _Cell]] = []  # by their start in ms
        self._sent: Counter[int] = Counter()

    def add(self, at: int, outcome: OutcomeClass, latencies: Mapping[int, int]) -> None:
        """Enter latencies (us, 0 to an hour -> how many) that came about `at` ns after the start of the run."""
        if latencies:
            index = self._index(at // _NS_PER_MS)
            self._cell(index, outcome).add(latencies)
            self._absorb(2)

    def sent(self, at: int, count: int) -> None:
        """Enter requests that were sent about `at`."""
        if count:
            index = self._index(at // _NS_PER_MS)
            self._sent[index] += count

    def add_series(self, series: Series) -> None:
        """Enter all that another recorder saw, bucket by bucket; its intervals are no wider than these."""
        for each in series.moments:
            index = self._index(each.index * series.interval_ms)
            self._cell(index, each.outcome).add_buckets(each.buckets, round(each.max * 1000))
        for place, count in series.sent.items():
            index = self._index(place * series.interval_ms)
            self._sent[index] += count

    def close(self, begins: int, ends: int, due: Callable[[int], int] | None) -> Series:
        """The series. `begins`, `ends`: when the side was in use; `due`: how many requests were due before a moment.

        All in ns since the start of the run; no `due` where no schedule asks for requests.
        """
        self._index(ends // _NS_PER_MS)
        width = self._width * _NS_PER_MS
        asked: dict[int, int] | None = None
        if due is not None:
            edges = [(place, due(place * width)) for place in range(begins // width, ends // width + 2)]
            asked = {place: after - before for (place, before), (_, after) in pairwise(edges) if after > before}
        return self._series(begins / 1e9, ends / 1e9, asked)

    def merged(self, parts: Sequence[Series]) -> Series:
        """The series of all that `add_series` was given."""
        for each in parts:
            self.add_series(each)
        asked: Counter[int] | None = Counter()
        for each in parts:
            if each.requested is None or asked is None:
                asked = None
                continue
            for place, count in each.requested.items():
                asked[self._index(place * each.interval_ms)] += count
        return self._series(min(each.begins for each in parts), max(each.ends for each in parts), asked)

    def _series(self, begins: float, ends: float, requested: Mapping[int, int] | None) -> Series:
        self._absorb(len(self._old))
        order = sorted(self._cells, key=lambda key: (list(OutcomeClass).index(key[1]), key[0]))
        return Series(
            interval_ms=self._width,
            begins=begins,
            ends=ends,
            moments=tuple(self._cells[key].moment(*key) for key in order),
            sent=dict(sorted(self._sent.items())),
            requested=None if requested is None else dict(sorted(requested.items())),
        )

    def _index(self, at_ms: int) -> int:
        while at_ms // self._width >= MOST:
            self._widen()
        return at_ms // self._width

    def _widen(self) -> None:
        width = wider(self._width)
        part = width // self._width
        self._old += [(index * self._width, outcome, cell) for (index, outcome), cell in self._cells.items()]
        self._cells, self._width = {}, width
        sent, self._sent = self._sent, Counter()
        for index, count in sent.items():
            self._sent[index // part] += count

    def _absorb(self, most: int) -> None:
        """Enter up to so many cells of a smaller width into those of today."""
        for start, outcome, cell in [self._old.pop() for _ in range(min(most, len(self._old)))]:
            key = start // self._width, outcome
            if key in self._cells:
                self._cells[key].add_cell(cell)
            else:
                self._cells[key] = cell

    def _cell(self, index: int, outcome: OutcomeClass) -> _Cell:
        key = index, outcome
        if key not in self._cells:
            self._cells[key] = _Cell()
        return self._cells[key]


def wider(width_ms: int) -> int:
    """The next width of an interval, in ms; a multiple of this one."""
    return next((each for each in WIDTHS if each > width_ms), width_ms * 2)


def merge_series(parts: Sequence[Series], *, width_ms: int = 0) -> Series:
    """Series of one side as one, with the widest of their intervals or `width_ms` if that is wider.

    The same buckets as if one recorder had seen all. ValueError for none.
    """
    if not parts:
        raise ValueError("there is no series to merge")
    width = max(width_ms, *(each.interval_ms for each in parts))
    while max(_last(each) for each in parts) // width >= MOST:
        width = wider(width)
    return Recorder(width).merged(parts)


def shifted(series: Series, late: float) -> Series:
    """The series of a part that started `late` s (0 or more) after the run; it moves by whole intervals."""
    by = round(late * 1000 / series.interval_ms)
    return replace(
        series,
        begins=series.begins + late,
        ends=series.ends + late,
        moments=tuple(replace(each, index=each.index + by) for each in series.moments),
        sent={place + by: count for place, count in series.sent.items()},
        requested=None
        if series.requested is None
        else {place + by: count for place, count in series.requested.items()},
    )


def readable(series: Series) -> Series:
    """Intervals so wide that each holds enough answers for its percentiles, as long as enough of them remain."""
    while True:
        width = wider(series.interval_ms)
        used = {each.index for each in series.moments}
        answers = sum(each.count for each in series.moments)
        if (series.ends - series.begins) * 1000 < _FEW * width or answers >= _ENOUGH * len(used):
            return series
        series = merge_series([series], width_ms=width)


def _last(series: Series) -> int:
    """When the last interval begins in which anything happened, in ms."""
    places = [each.index for each in series.moments]
    return max([*places, *series.sent, *(series.requested or {})], default=0) * series.interval_ms


def _at(buckets: Iterable[tuple[int, int]], rank: int) -> int:
    """The highest latency in us that counts in the bucket of that rank; 0 where there is none."""
    for place, count in buckets:
        rank -= count
        if rank <= 0:
            shift = max(0, place // _HALF - 1)
            return ((place - shift * _HALF + 1) << shift) - 1
    return 0
