"""A slow leak: the trend of the canary's gauge beyond the stable side's, its forecast, and proof that there is none.

Differences canary - stable are averaged over blocks of ten samples. Each block mean less the mean of those before it,
scaled (Helmert contrasts), is noise around 0 without a trend and around a known multiple of the slope with one. The
e-process is the scale-invariant Bayes factor of a normal prior on slope over noise, so that the noise need not be
known and few blocks prove little (Lai, "On confidence sequences", 1976; Perez-Ortiz, Lardy, de Heide, Gruenwald,
"E-statistics, group invariance and anytime-valid testing", 2024); of positive slopes only. Arrays carry R runs.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

BLOCK = 10  # samples
PRIOR = 0.3  # slope a block over the noise of a block, that is thought of
_LEAST = 4  # blocks before anything is said
_FLOOR = 1e-4  # noise of a block mean is at least that, of a gauge that runs from 0 to 1


class Leak:
    """The trend of R runs. Slopes are per block."""

    def __init__(self, runs: int = 1, *, block: int = BLOCK) -> None:
        """Nothing was seen; `block` samples are averaged."""
        self._block = block
        self._now = np.zeros(runs)
        self._size = np.zeros(runs)
        self._taken = 0
        self._blocks: list[Array] = []
        self._whole = False  # every run has been seen
        self._sums: tuple[Array, float, Array, int] | None = None

    def add(self, canary: Array, stable: Array) -> None:
        """One sample of each run; NaN was not seen."""
        gap = canary - stable
        seen = np.isfinite(gap)
        self._now += np.where(seen, gap, 0.0)
        self._size += seen
        self._taken += 1
        if self._taken == self._block:
            mean = np.where(self._size > 0, self._now / np.maximum(self._size, 1), np.nan)
            self._close(mean)
            self._now, self._size, self._taken = np.zeros_like(self._now), np.zeros_like(self._size), 0

    def _close(self, mean: Array) -> None:
        """A block that was not seen is like the one before it, those before the first like the first: no trend."""
        seen = np.isfinite(mean)
        for place, before in enumerate(self._blocks):
            self._blocks[place] = np.where(np.isfinite(before), before, mean) if not self._whole else before
        last = self._blocks[-1] if self._blocks else mean
        self._blocks.append(np.where(seen, mean, last))
        self._whole = bool(np.isfinite(self._blocks[-1]).all())
        self._sums = None

    @property
    def blocks(self) -> int:
        """Blocks so far."""
        return len(self._blocks)

    def log_e(self) -> Array:
        """Log e-value against "there is no growth beyond the stable side's"; 0 while there are too few blocks."""
        if self.blocks < _LEAST:
            return np.zeros_like(self._now)
        score, weight, total, n = self._contrasts()
        gain = PRIOR**2 * weight / (1 + PRIOR**2 * weight)
        explained = np.clip(score**2 / (weight * total), 0.0, 1.0)
        bayes = -0.5 * np.log1p(PRIOR**2 * weight) - n / 2 * np.log1p(-np.minimum(explained * gain, 1 - 1e-12))
        return np.asarray(np.where(score > 0, bayes + np.log(2), -np.inf))

    def slope(self) -> Array:
        """The slope a block; NaN while there are too few blocks."""
        if self.blocks < _LEAST:
            return np.full_like(self._now, np.nan)
        score, weight, _, _ = self._contrasts()
        return np.asarray(score / weight)

    def recent_slope(self) -> Array:
        """Least squares over the newer half, a block; NaN while there are too few blocks."""
        if self.blocks < _LEAST:
            return np.full_like(self._now, np.nan)
        half = np.stack(self._blocks[-max(_LEAST, self.blocks // 2) :])
        at = np.arange(len(half)) - (len(half) - 1) / 2
        return np.asarray((at[:, None] * half).sum(axis=0) / (at**2).sum())

    def upper_slope(self, alpha: float) -> Array:
        """Above the true slope at all times with probability 1 - alpha; infinite while there are too few blocks.

        The largest slope that the same e-process, of the contrasts less that slope, does not refuse.
        """
        if self.blocks < _LEAST:
            return np.full_like(self._now, np.inf)
        score, weight, total, n = self._contrasts()
        slope, residual = score / weight, np.maximum(total - score**2 / weight, 0.0)
        gain = PRIOR**2 * weight / (1 + PRIOR**2 * weight)
        # refused where (1 + PRIOR^2 V)^(-1/2) (1 - R^2 gain)^(-n/2) >= 1/alpha, with R^2 of what is left
        refuse = 1 - np.exp(-2 / n * (-np.log(alpha) + 0.5 * np.log1p(PRIOR**2 * weight)))
        share = np.minimum(refuse / gain, 1.0)
        radius = np.sqrt(residual / weight * share / np.maximum(1 - share, 1e-12))
        return np.asarray(np.where(share < 1.0, slope + radius, np.inf))

    def _contrasts(self) -> tuple[Array, float, Array, int]:
        """Sum of lever times contrast, of lever squared, of contrast squared, and their number."""
        if self._sums is not None:
            return self._sums
        blocks = np.nan_to_num(np.stack(self._blocks))
        at = np.arange(1, len(blocks))
        before = np.cumsum(blocks, axis=0)[:-1] / at[:, None]
        contrast = (blocks[1:] - before) * np.sqrt(at / (at + 1))[:, None]
        lever = np.sqrt(at * (at + 1)) / 2
        total = np.maximum((contrast**2).sum(axis=0), len(at) * _FLOOR**2)
        self._sums = (lever[:, None] * contrast).sum(axis=0), float((lever**2).sum()), total, len(at)
        return self._sums
