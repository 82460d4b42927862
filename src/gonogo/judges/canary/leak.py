"""A slow leak: the trend of the canary's gauge beyond the stable side's, its forecast, and proof that there is none.

Differences canary - stable are averaged over blocks of ten samples. Each block mean less the mean of those before it,
scaled (Helmert contrasts), is noise around 0 without a trend and around a known multiple of the slope with one. The
e-process is the scale-invariant Bayes factor of a normal prior on slope over noise, so that the noise need not be
known and few blocks prove little (Lai, "On confidence sequences", 1976; Perez-Ortiz, Lardy, de Heide, Gruenwald,
"E-statistics, group invariance and anytime-valid testing", 2024); of positive slopes only. Arrays carry R runs.

A process that has just started fills its memory, and then stays. So there are several of these, which begin later and
share the error budget, and one that grew in a single step, or whose growth dies away, is no evidence of a leak.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

BLOCK = 10  # samples
PRIOR = 0.3  # slope a block over the noise of a block, that is thought of
# sample at which one begins, its share of the error budget
BEGINNINGS = ((0, 0.8), (60, 0.1), (240, 0.06), (720, 0.04))
STEADY = 0.55  # of the growth has to be left without its largest step
DYING = 0.6  # growth of the newer half below this share of the older half's dies away
_LEAST = 4  # blocks before anything is said
_FLOOR = 1e-4  # noise of a block mean is at least that, of a gauge that runs from 0 to 1
_STEP, _WIDEST = 0.01, 0.02  # a gauge that never moved has steps of this width, for all that is known; at most
_KNOWN = 0.9  # of the blocks has to be seen for a bound


class Leak:
    """The trend of R runs. Slopes are per block."""

    def __init__(self, runs: int = 1, *, block: int = BLOCK) -> None:
        """Nothing was seen; `block` samples are averaged."""
        self._block = block
        self._now = np.zeros(runs)
        self._size = np.zeros(runs)
        self._taken = 0
        self._blocks: list[Array] = []
        self._known = np.zeros(runs)  # blocks that were seen
        self._whole = False  # every run has been seen
        self._step = np.full(runs, np.inf)  # the smallest change of the canary's gauge
        self._last: Array | None = None
        self._fits: tuple[_Fit, ...] | None = None

    def add(self, canary: Array, stable: Array) -> None:
        """One sample of each run; NaN was not seen."""
        gap = canary - stable
        seen = np.isfinite(gap)
        if self._last is not None:
            moved = np.abs(canary - self._last)
            self._step = np.where(moved > 1e-9, np.fmin(self._step, moved), self._step)
        self._last = canary
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
        self._known += seen
        self._whole = bool(np.isfinite(self._blocks[-1]).all())
        self._fits = None

    @property
    def blocks(self) -> int:
        """Blocks so far."""
        return len(self._blocks)

    def log_e(self) -> Array:
        """Log e-value against "there is no growth beyond the stable side's"; 0 while there are too few blocks."""
        return np.asarray(np.logaddexp.reduce(self._parts(), axis=0))

    def slope(self) -> Array:
        """The slope a block, of the beginning that has the most evidence; NaN while there are too few blocks."""
        fits = self._fitted()
        if not fits:
            return np.full_like(self._now, np.nan)
        best = np.argmax(self._parts()[: len(fits)], axis=0)
        return np.asarray(np.choose(best, [fit.score / fit.weight for fit in fits]))

    def recent_slope(self) -> Array:
        """Least squares over the newer half, a block; NaN while there are too few blocks."""
        if self.blocks < _LEAST:
            return np.full_like(self._now, np.nan)
        return _least_squares(np.stack(self._blocks[-max(_LEAST, self.blocks // 2) :]))

    def upper_slope(self, alpha: float) -> Array:
        """Above the true slope at all times with probability 1 - alpha; infinite while too few blocks were seen.

        The largest slope that the same e-process, of the contrasts less that slope, does not refuse.
        """
        least = np.full_like(self._now, np.inf)
        for fit in self._fitted():
            gain = PRIOR**2 * fit.weight / (1 + PRIOR**2 * fit.weight)
            slope, residual = fit.score / fit.weight, np.maximum(fit.total - fit.score**2 / fit.weight, 0.0)
            # refused where (1 + PRIOR^2 V)^(-1/2) (1 - R^2 gain)^(-n/2) >= 1/alpha, with R^2 of what is left
            wanted = -np.log(alpha * fit.share) + 0.5 * np.log1p(PRIOR**2 * fit.weight)
            share = np.minimum((1 - np.exp(-2 / fit.n * wanted)) / gain, 1.0)
            radius = np.sqrt(residual / fit.weight * share / np.maximum(1 - share, 1e-12))
            least = np.minimum(least, np.where(share < 1.0, slope + radius, np.inf))
        return np.asarray(np.where(self._known >= max(_LEAST, _KNOWN * self.blocks), least, np.inf))

    def _parts(self) -> Array:
        """Weighted log e-values of all beginnings, shape (B, R)."""
        parts = np.broadcast_to(np.log([share for _, share in BEGINNINGS])[:, None], (len(BEGINNINGS), len(self._now)))
        parts = parts.copy()
        for place, fit in enumerate(self._fitted()):
            gain = PRIOR**2 * fit.weight / (1 + PRIOR**2 * fit.weight)
            explained = np.clip(fit.score**2 / (fit.weight * fit.total), 0.0, 1.0)
            bayes = -0.5 * np.log1p(PRIOR**2 * fit.weight) - fit.n / 2 * np.log1p(
                -np.minimum(explained * gain, 1 - 1e-12)
            )
            parts[place] += np.where((fit.score > 0) & fit.lasts, bayes + np.log(2), -np.inf)
        return parts

    def _fitted(self) -> tuple[_Fit, ...]:
        """Of every beginning that has enough blocks."""
        if self._fits is None:
            blocks = np.nan_to_num(np.stack(self._blocks)) if self._blocks else np.zeros((0, len(self._now)))
            step = np.minimum(np.where(np.isfinite(self._step), self._step, _STEP), _WIDEST)
            starts = [(at // self._block, share) for at, share in BEGINNINGS]
            self._fits = tuple(
                _fit(blocks[at:], share, np.maximum(step / 2, _FLOOR))
                for at, share in starts
                if len(blocks) - at >= _LEAST
            )
        return self._fits


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fit:
    """Sum of lever times contrast, of lever squared, of contrast squared, and their number."""

    share: float
    score: Array
    weight: float
    total: Array
    n: int
    lasts: npt.NDArray[np.bool_]  # the growth is neither a step nor dies away


def _fit(blocks: Array, share: float, floor: Array) -> _Fit:
    at = np.arange(1, len(blocks))
    before = np.cumsum(blocks, axis=0)[:-1] / at[:, None]
    contrast = (blocks[1:] - before) * np.sqrt(at / (at + 1))[:, None]
    lever = np.sqrt(at * (at + 1)) / 2
    total = np.maximum((contrast**2).sum(axis=0), len(at) * floor**2)
    score = (lever[:, None] * contrast).sum(axis=0)
    return _Fit(share=share, score=score, weight=float((lever**2).sum()), total=total, n=len(at), lasts=_lasts(blocks))


def _lasts(blocks: Array) -> npt.NDArray[np.bool_]:
    """Whether growth is more than one step (which two blocks may share), and goes on in the newer half."""
    grown = np.diff(blocks, axis=0)
    rise = blocks[-1] - blocks[0]
    steady = rise - (grown[1:] + grown[:-1]).max(axis=0) >= STEADY * rise
    half = len(blocks) // 2
    older, newer = (_least_squares(part) for part in (blocks[: len(blocks) - half], blocks[len(blocks) - half :]))
    return np.asarray(steady & (newer >= DYING * older))


def _least_squares(blocks: Array) -> Array:
    at = np.arange(len(blocks)) - (len(blocks) - 1) / 2
    return np.asarray((at[:, None] * blocks).sum(axis=0) / (at**2).sum())
