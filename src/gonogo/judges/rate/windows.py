"""Whether any place of a limiter's window edges explains a timeline: fixed windows and the sliding counter."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import floor

_CELLS = 16  # the first cut of a window
_FINEST = 2048  # parts of a window that are no longer cut
_SLACK = 0.002  # seconds by which an edge may be late or early

Found = tuple[str | None, str | None, str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """One request: it reached the limiter somewhere between `low` and `high`, seconds of one clock.

    `admitted`: past the limiter for certain. `rejected`: by the limiter for certain. Neither: not known.
    `held`: a rejection that must be explained.
    """

    low: float
    high: float
    admitted: bool = False
    rejected: bool = False
    held: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Windows:
    """A limiter of windows, and what it answered. `weighted`: the window before counts by the part still in sight."""

    spans: Sequence[Span]
    width: float
    most: int
    least: int
    counts_rejected: bool = False
    weighted: bool = False

    def any_edges(self) -> Found:
        """Windows follow each other without a gap; where the first begins is not known, so every place is tried."""
        if self._explained(over=True, early=True) is None:
            return None, None, None
        over, early = self._explained(over=True, early=False), self._explained(over=False, early=True)
        together = None
        if over is None and early is None:
            together = f"no edges of windows of {self.width:g} s explain both what was admitted and what was rejected"
        return over, early, together

    def _explained(self, *, over: bool, early: bool) -> str | None:
        """None when some place of the edges explains what is asked, else why the last one tried does not."""
        cells = [(self.width * i / _CELLS, self.width * (i + 1) / _CELLS) for i in range(_CELLS)]
        why = ""
        while cells:
            low, high = cells.pop()
            found = self._impossible(low, high, over=over, early=early)
            if found is not None:
                why = found
            elif high - low <= self.width / _FINEST:
                return None
            else:
                cells += [(low, (low + high) / 2), ((low + high) / 2, high)]
        return why

    def _impossible(self, low: float, high: float, *, over: bool, early: bool) -> str | None:
        """Why no edge between low and high can be; None when one may."""
        certain: Counter[int] = Counter()
        maybe: dict[int, list[float]] = {}  # when each began that may be of a window
        twice: Counter[int] = Counter()  # of this window or of the one before
        places: list[tuple[int, int]] = []
        for span in self.spans:
            first = floor((span.low - high - _SLACK) / self.width)
            last = floor((span.high - low + _SLACK) / self.width)
            places.append((first, last))
            if span.admitted and first == last:
                certain[first] += 1
            if self.counts_rejected or not span.rejected:
                for place in range(first, last + 1):
                    maybe.setdefault(place, []).append(span.low)
                    twice[place] += place > first
        n = max(certain.values(), default=0)
        if over and n > self.most:
            return f"{n} admitted in one window of {self.width:g} s, at most {self.most} may be"
        both = max((self._within(places, place) for place in certain), default=0) if over else 0
        if both > 2 * self.most:
            return f"{both} admitted in two windows of {self.width:g} s, at most {2 * self.most} may be"
        if over and self.weighted and (text := self._weighted_over(places, certain, low)):
            return text
        for span, (first, last) in zip(self.spans, places, strict=True):
            if not early or not span.held:
                continue
            could = max(self._could(maybe, twice[place], place, span, high) for place in range(first, last + 1))
            could -= int(self.counts_rejected)
            if (could <= self.least - 1 + 1e-9) if self.weighted else (could < self.least):
                return f"rejected at {span.low:.3f} s after {could:.3g} at most, {self.least} are allowed"
        return None

    def _within(self, places: Sequence[tuple[int, int]], place: int) -> int:
        """Those that were admitted in this window or the next, whichever of the two."""
        return sum(
            span.admitted and first >= place and last <= place + 1
            for span, (first, last) in zip(self.spans, places, strict=True)
        )

    def _could(self, maybe: dict[int, list[float]], twice: int, place: int, span: Span, high: float) -> float:
        """The most that a limiter may have counted at a request, if it fell into this window."""
        now = bisect_right(maybe.get(place, []), span.high)
        if not self.weighted:
            return now
        gone = (span.low - high - _SLACK - place * self.width) / self.width
        return now + (len(maybe.get(place - 1, [])) - twice) * (1 - min(1.0, max(0.0, gone)))

    def _weighted_over(self, places: Sequence[tuple[int, int]], certain: Counter[int], low: float) -> str | None:
        """A request that was admitted although the weighted count before it had reached the limit for certain."""
        ended: dict[int, list[float]] = {}
        for span, (first, last) in zip(self.spans, places, strict=True):
            if span.admitted and first == last:
                ended.setdefault(first, []).append(span.high)
        for span, (first, last) in zip(self.spans, places, strict=True):
            if not span.admitted or first != last or not certain[first - 1]:
                continue
            gone = (span.high - low + _SLACK - first * self.width) / self.width
            before = sum(high < span.low for high in ended[first])
            counted = before + certain[first - 1] * (1 - min(1.0, max(0.0, gone)))
            if counted >= self.most + 1e-9:
                return f"admitted at {span.low:.3f} s although {counted:.3g} were counted, {self.most} are allowed"
        return None

    def first_request(self) -> Found:
        """A window opens with the first request after the one before has ended; the first of all opens the first."""
        slack = min(0.01, self.width / 10)
        opens: list[tuple[float, float]] = []  # when each window may have opened
        over = None
        edge = self.spans[0].low  # what begins from here on and ends in time is of this window for certain
        start = (edge, min(span.high for span in self.spans))
        while True:
            low, high = start
            opens.append(start)
            n = sum(span.admitted and span.low >= edge and span.high < low + self.width - slack for span in self.spans)
            if n > self.most and over is None:
                over = f"{n} admitted in the window of {self.width:g} s from {low:.3f} s on, at most {self.most} may be"
            later = [span for span in self.spans if span.high >= low + self.width - slack]
            if not later:
                break
            edge = high + self.width + slack
            start = (
                max(low + self.width - slack, min(span.low for span in later)),
                min((span.high for span in later if span.low > edge), default=max(span.high for span in later)),
            )
        return over, self._first_request_early(opens, slack), None

    def _first_request_early(self, opens: Sequence[tuple[float, float]], slack: float) -> str | None:
        for reject in self.spans:
            if not reject.held:
                continue
            could = 0
            for low, high in opens:
                ends = high + self.width + slack
                if low <= reject.high and reject.low <= ends:
                    inside = [span for span in self.spans if span.high >= low and span.low <= min(ends, reject.high)]
                    counted = sum(self.counts_rejected or not span.rejected for span in inside)
                    could = max(could, counted - int(self.counts_rejected))
            if could < self.least:
                return f"rejected at {reject.low:.3f} s after {could} at most in its window, {self.least} are allowed"
        return None
