"""Proof that a true value is inside its limit: anytime-valid bounds of shares and of means, batched over runs.

A share (errors, requests slower than a limit) is inside its limit p0 when an e-process against "the share is p0 or
more" reaches 1/alpha: the mixture, over smaller shares p1, of the likelihood ratios of the events seen. Much of the
weight is on a share of almost nothing, so that about ln(2.4/alpha)/p0 clean requests are the floor: 1,100 for 0.5 % at
alpha = 0.01. A mean is bounded by Robbins' normal mixture (Howard, Ramdas, McAuliffe, Sekhon, "Time-uniform,
nonparametric, nonasymptotic confidence sequences", 2021) on an effective number of samples, since successive samples
of a gauge are alike.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

SHARES = np.array([0.001, 0.2, 0.4, 0.6, 0.8])  # of the limit
SHARE_WEIGHTS = np.array([0.42, 0.08, 0.34, 0.1, 0.06])
ROUNDED = 0.01  # a gauge may be told in steps as wide as that: values that are alike do not prove that it is still
MIX_AT = 50.0  # samples around which the bound of a mean is tightest


def share_log_e(events: Array, requests: Array, limit: float | Array) -> Array:
    """Log e-value against "the true share is `limit` or more"; all of one shape."""
    p0 = np.asarray(limit, dtype=float)[..., None]
    p1 = p0 * SHARES
    step = events[..., None] * np.log(SHARES) + (requests - events)[..., None] * (np.log1p(-p1) - np.log1p(-p0))
    return np.asarray(np.logaddexp.reduce(step + np.log(SHARE_WEIGHTS), axis=-1))


def share_bound(events: float, requests: float, alpha: float, dispersion: float = 1.0) -> float:
    """The smallest limit below which the share is proven to be, 1.0 where none is."""
    low, high = max(1e-9, events / max(requests, 1.0)), 1.0 - 1e-9
    for _ in range(2):  # a grid of ratios, then a finer one between the two that enclose it
        grid = np.minimum(np.geomspace(low, high, 60), 1.0 - 1e-9)
        counts = np.full_like(grid, events), np.full_like(grid, requests)
        proven = np.flatnonzero(share_log_e(*counts, grid) / dispersion >= -np.log(alpha))
        if not len(proven):
            return 1.0
        place = int(proven[0])
        low, high = float(grid[max(0, place - 1)]), float(grid[place])
    return high


def share_more(events: float, requests: float, limit: float, alpha: float, dispersion: float = 1.0) -> int | None:
    """Requests that are still needed if events stay as frequent as now; None if that never proves the limit."""
    seen = events / requests if requests else 0.0
    p1 = limit * SHARES
    drift = seen * np.log(SHARES) + (1 - seen) * (np.log1p(-p1) - np.log1p(-limit))
    wanted = -np.log(alpha) * dispersion - np.log(SHARE_WEIGHTS)
    total = np.where(drift > 0, wanted / np.where(drift > 0, drift, 1.0), np.inf).min()
    return max(1, int(np.ceil(total - requests))) if np.isfinite(total) else None


class Mean:
    """The mean of a gauge with a bound above it; all arrays have shape (R,)."""

    def __init__(self, runs: int = 1) -> None:
        """Nothing was seen."""
        self.count = np.zeros(runs)
        self._sum = np.zeros(runs)
        self._squares = np.zeros(runs)
        self._lagged = np.zeros(runs)
        self._edges = np.zeros(runs)  # the first and the last value, which have one neighbour only
        self._last: Array | None = None

    def add(self, values: Array) -> None:
        """One sample of each run; NaN was not seen."""
        seen = np.isfinite(values)
        value = np.where(seen, values, 0.0)
        self.count += seen
        self._sum += value
        self._squares += value**2
        if self._last is not None:
            both = seen & np.isfinite(self._last)
            self._lagged += np.where(both, (value - np.where(both, self._last, 0.0)) ** 2, 0.0)
            self._edges += both
        self._last = values

    @property
    def mean(self) -> Array:
        """NaN before the first sample."""
        return np.asarray(np.where(self.count > 0, self._sum / np.maximum(self.count, 1), np.nan))

    def upper(self, alpha: float, top: float = 1.0) -> Array:
        """Above the true mean at all times with probability 1 - alpha; infinite for fewer than five samples.

        `top` is the highest value that the gauge can have.
        """
        n = np.maximum(self.count, 2.0)
        variance = np.maximum(self._squares / n - (self._sum / n) ** 2, 0.0) * n / (n - 1)
        # Successive differences have twice the variance of independent samples, less if neighbours are alike.
        alike = 1 - self._lagged / np.maximum(2 * self._edges * np.maximum(variance, 1e-18), 1e-18)
        alike = np.maximum(alike, 0.0)
        alike = np.minimum(alike + (1 + 3 * alike) / n, 0.99)  # what few samples understate it by (Kendall, 1954)
        alike = np.where(variance > 1e-12, alike, 0.0)
        variance = variance + ROUNDED**2 * 10 / n  # as if ten samples of that noise had been seen
        effective = np.maximum(n * (1 - alike) / (1 + alike), 1.0)
        grown = effective + MIX_AT
        radius = np.sqrt(variance * grown / effective**2 * (np.log(grown / MIX_AT) - 2 * np.log(alpha)))
        # Values that come with a chance below ln(2/alpha)/n may not have been seen: the highest one, for all we know.
        rare = np.maximum(top - self.mean, 0.0) * np.minimum(-np.log(alpha / 2) / n, 1.0)
        return np.asarray(np.where(self.count >= 5, self.mean + radius + rare, np.inf))
