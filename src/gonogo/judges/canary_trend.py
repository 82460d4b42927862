"""The trend of the canary's memory: an alarm when it leaks toward its limit, a bound that proves it does not."""

from __future__ import annotations

import math
from datetime import timedelta

import numpy as np

from gonogo.judges.leak import BLOCK, Leak
from gonogo.model.rulebook import Rulebook
from gonogo.model.units import show_duration, show_number
from gonogo.model.watch import Sample, SideSample, Strength

GO_ALPHA = 0.01  # the chance that a bound of the certificate is wrong
LEAKS = "memory"  # the gauge whose trend is watched
FORECAST = timedelta(hours=72)  # a leak that does not reach its limit by then is no alarm
PROVEN = timedelta(hours=24)  # the certificate proves that the limit is not reached in this time
_BOUND_BLOCK = 5  # samples a block of the trend's bound


class Trend:
    """The leak of the watched gauge, and the proof that there is none."""

    def __init__(self, rulebook: Rulebook, alpha: float) -> None:
        """Nothing was seen; `alpha` is the chance of an alarm without a leak."""
        self._every = rulebook.every
        self._threshold = -math.log(alpha)
        limits = [rule for rule in (*rulebook.rollback, *rulebook.go) if rule.measure == LEAKS]
        self._limit = max((rule.limit for rule in limits), default=1.0)
        self._leak, self._bound = Leak(), Leak(block=_BOUND_BLOCK)
        self._level = math.nan
        self._last = self._first = math.nan
        self.alarmed_at: int | None = None

    def add(self, canary: SideSample, stable: SideSample, sample: Sample) -> None:
        """One sample of both sides."""
        mine, other = (np.array([side.gauges.get(LEAKS, math.nan)]) for side in (canary, stable))
        self._leak.add(mine, other)
        self._bound.add(mine, other)
        if math.isfinite(mine[0]):
            self._level = float(mine[0])
        if self.alarmed_at is None and self._strong() >= self._threshold and self.reaches is not None:
            self.alarmed_at = sample.seq

    def _strong(self) -> float:
        return float(self._leak.log_e()[0])

    @property
    def reaches(self) -> timedelta | None:
        """How long until the limit at the recent slope; None beyond the forecast."""
        slope = float(self._leak.recent_slope()[0]) / BLOCK
        if not slope > 0 or not math.isfinite(self._level):
            return None
        samples = max(0.0, (self._limit - self._level) / slope)
        return samples * self._every if samples * self._every <= FORECAST else None

    def upper(self, level: float) -> float:
        """The highest value that the gauge is proven to stay below for PROVEN."""
        slope = float(self._bound.upper_slope(GO_ALPHA)[0]) / _BOUND_BLOCK
        return level + max(0.0, slope) * (PROVEN / self._every)

    def strength(self) -> Strength:
        """The evidence so far; `seen` is the slope an hour beyond the stable side's."""
        slope = float(self._leak.slope()[0]) / BLOCK * (timedelta(hours=1) / self._every)
        seen = slope if math.isfinite(slope) else 0.0
        reaches = self.reaches
        reason = f"{LEAKS}: {seen:+.4f} an hour beyond the stable side"
        if reaches is not None and self._strong() >= self._threshold:
            reason += f"; at that it reaches {show_number(self._limit)} in {show_duration(_rounded(reaches))}"
        return Strength(
            measure=LEAKS,
            log_e=self._strong(),
            threshold=self._threshold,
            seen=seen,
            expected=0.0,
            alarmed_at=self.alarmed_at,
            reason=reason,
        )


def _rounded(value: timedelta) -> timedelta:
    return timedelta(minutes=round(value / timedelta(minutes=1)))
