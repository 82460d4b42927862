"""The trend of the canary's memory: an alarm when it leaks toward its limit, a bound that proves it does not."""

from __future__ import annotations

import math
from collections import deque
from datetime import timedelta

import numpy as np

from gonogo.judges.canary.leak import BLOCK, Leak
from gonogo.judges.canary.measures import gauge
from gonogo.model.rulebook import Rulebook
from gonogo.model.units import show_duration, show_number
from gonogo.model.watch import Sample, SideSample, Strength

GO_ALPHA = 0.01  # the chance that a bound of the certificate is wrong
LEAKS = "memory"  # the gauge whose trend is watched
FORECAST = timedelta(hours=72)  # a leak that does not reach its limit by then is no alarm
PROVEN = timedelta(hours=24)  # the certificate proves that the limit is not reached in this time
_BOUND_BLOCK = 5  # samples a block of the trend's bound
_NOW = 30  # samples whose mean is the level of now
_SEEN = 0.9  # of the samples that tell the canary's gauge have to tell the stable side's


class Trend:
    """The leak of the watched gauge, and the proof that there is none."""

    def __init__(self, rulebook: Rulebook, alpha: float) -> None:
        """Nothing was seen; `alpha` is the chance of an alarm without a leak."""
        self._every = rulebook.every
        self._threshold = -math.log(alpha)
        limits = [rule for rule in (*rulebook.rollback, *rulebook.go) if rule.measure == LEAKS]
        self._limit = max((rule.limit for rule in limits), default=1.0)
        self._leak, self._bound = Leak(), Leak(block=_BOUND_BLOCK)
        self._levels: deque[float] = deque(maxlen=_NOW)
        self._samples = self._seen = self._both = 0  # with the canary's gauge, with both sides'
        self._lasted = timedelta(0)
        self.alarmed_at: int | None = None

    def add(self, canary: SideSample, stable: SideSample, sample: Sample) -> None:
        """One sample of both sides."""
        found = (gauge(side, LEAKS) for side in (canary, stable))
        mine, other = (np.array([math.nan if one is None else one]) for one in found)
        self._leak.add(mine, other)
        self._bound.add(mine, other)
        self._samples += 1
        self._lasted += sample.until - sample.since
        self._both += bool(np.isfinite(mine[0] - other[0]))
        if math.isfinite(mine[0]):
            self._seen += 1
            self._levels.append(float(mine[0]))
        if self.alarmed_at is None and self._strong() >= self._threshold and self.reaches is not None:
            self.alarmed_at = sample.seq

    def _strong(self) -> float:
        return float(self._leak.log_e()[0])

    @property
    def reaches(self) -> timedelta | None:
        """How long until the limit at the recent slope; None beyond the forecast."""
        slope = float(self._leak.recent_slope()[0]) / BLOCK
        if not slope > 0 or not self._levels:
            return None
        samples = max(0.0, (self._limit - self._levels[-1]) / slope)
        return samples * self._length if samples <= FORECAST / self._length else None

    @property
    def _length(self) -> timedelta:
        """How long a sample lasts."""
        return self._lasted / self._samples if self._samples else self._every

    def upper(self, level: float) -> float:
        """The highest value that the gauge is proven to stay below for PROVEN, if the stable side's stays as it is.

        `level` is its mean; where it grew, the newest values are higher.
        """
        slope = float(self._bound.upper_slope(GO_ALPHA)[0]) / _BOUND_BLOCK
        now = sum(self._levels) / len(self._levels) if self._levels else level
        return max(level, now) + max(0.0, slope) * (PROVEN / self._length + _NOW / 2)  # half of them ago it was `now`

    @property
    def unseen(self) -> str:
        """Why there is no difference of the two sides to take the trend of; empty where there is."""
        if self._both >= _SEEN * self._seen:
            return ""
        return f"the stable side's {LEAKS} was seen in {self._both} of {self._samples} samples"

    @property
    def hopeless(self) -> bool:
        """Whether more samples like these would not prove anything: no stable side, or a leak."""
        return bool(self.unseen) or self.alarmed_at is not None

    def strength(self) -> Strength:
        """The evidence so far; `seen` is the slope an hour beyond the stable side's."""
        slope = float(self._leak.slope()[0]) / BLOCK * (timedelta(hours=1) / self._length)
        seen = round(slope, 9) + 0.0 if math.isfinite(slope) else 0.0
        reaches = self.reaches
        reason = f"{LEAKS}: {seen:+.4f} an hour beyond the stable side"
        if not math.isfinite(slope):
            reason = f"{LEAKS}: its trend is not known yet"
        if not self._both:
            reason = f"{LEAKS}: not seen on both sides, no trend is known"
        if reaches is not None and self._strong() >= self._threshold:
            limit = show_number(self._limit)
            reason += (
                f"; at that it reaches {limit} in {_about(reaches)}" if reaches else f"; it is at its limit {limit}"
            )
        return Strength(
            measure=LEAKS,
            log_e=self._strong(),
            threshold=self._threshold,
            seen=seen,
            expected=0.0,
            alarmed_at=self.alarmed_at,
            reason=reason,
        )


def _about(value: timedelta) -> str:
    """Whole minutes, from three hours on whole hours."""
    unit = timedelta(hours=1) if value >= timedelta(hours=3) else timedelta(minutes=1)
    return f"about {show_duration(max(1, round(value / unit)) * unit)}"
