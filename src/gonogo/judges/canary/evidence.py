"""Sequential evidence that one side is worse than the other: anytime-valid e-processes with restarts, batched.

Given a request that failed (or took longer than a fixed threshold), it is the canary's with a known probability if the
canary is at most `margin` times as bad as the stable side: p0 = n_c m / (n_c m + n_s), of the requests of both sides in
the same interval. What both sides suffer together cancels. For each of several worse ratios the likelihood ratio of
that split is a test martingale; their mixture is an e-process, and the chance that it ever reaches 1/alpha is at most
alpha (Ville's inequality; Ramdas, Gruenwald, Vovk, Shafer, "Game-theoretic statistics and safe anytime-valid
inference", 2023). For events that are not rare the true law is hypergeometric, which is less spread than the binomial
that is assumed, so that the bound holds. Restarts, each with its share of the weight, see a fault that begins late.

Arrays carry any number of runs at once (the first axis, R); T is the number of thresholds, J of restarts.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

RATIOS = np.array([1.2, 1.5, 2.0, 3.0, 5.0, 10.0, 25.0])  # worse than the margin by
RATIO_WEIGHTS = np.array([0.2, 0.2, 0.2, 0.15, 0.1, 0.1, 0.05])
FIRST = 0.5  # weight of the process that begins with the watch; the restarts share the rest


class Race:
    """Log evidence of R runs against T kinds of events, begun again at every restart."""

    def __init__(self, weights: Sequence[float], *, margin: float, restarts: int, runs: int = 1) -> None:
        """`weights` of the T kinds of events sum to 1; `restarts` is the number that the whole watch will have."""
        self._margin = margin
        self._kinds = np.log(np.asarray(weights, dtype=float))
        self._later = np.log((1 - FIRST) / max(1, restarts))
        self._logs = np.zeros((runs, 0, len(weights), len(RATIOS)))
        self.restart()

    def restart(self) -> None:
        """Begin one more process; the ones before go on."""
        runs, _, kinds, ratios = self._logs.shape
        self._logs = np.concatenate([self._logs, np.zeros((runs, 1, kinds, ratios))], axis=1)

    @property
    def begun(self) -> int:
        """Processes so far (J)."""
        return int(self._logs.shape[1])

    def add(self, canary: Array, stable: Array, requests: tuple[Array, Array]) -> None:
        """One interval: events of either side, shape (R, J or 1, T), and requests of both, shape (R,).

        An interval in which a side had no request says nothing about the two.
        """
        mine, other = (one[:, None, None, None] for one in requests)
        usable = (mine > 0) & (other > 0)
        mine, other = np.where(usable, mine, 1.0), np.where(usable, other, 1.0)
        shrunk = np.log(
            (mine * self._margin + other) / (mine * self._margin * RATIOS + other)
        )  # of (1 - p1) / (1 - p0)
        step = canary[..., None] * (np.log(RATIOS) + shrunk) + stable[..., None] * shrunk
        self._logs += np.where(usable, step, 0.0)

    def log_e(self, dispersion: Array | float = 1.0) -> Array:
        """Natural logarithm of the e-value of each run, shape (R,); `dispersion` has shape (R, T) or is one number."""
        return np.asarray(np.logaddexp.reduce(self.parts(dispersion).reshape(self._logs.shape[0], -1), axis=1))

    def parts(self, dispersion: Array | float = 1.0) -> Array:
        """The weighted log e-values that make it up, shape (R, J, T)."""
        spread = np.asarray(dispersion, dtype=float)
        spread = spread[:, None, :, None] if spread.ndim == 2 else spread
        mixed = np.logaddexp.reduce(self._logs / spread + np.log(RATIO_WEIGHTS), axis=3)
        starts = np.full(self.begun, self._later)
        starts[0] = np.log(FIRST)
        return np.asarray(mixed + starts[None, :, None] + self._kinds[None, None, :])


class Dispersion:
    """How much more the difference of the two sides varies from interval to interval than chance alone explains.

    The estimate is a von Neumann ratio: squared differences of successive blocks over their binomial expectation.
    A canary that is steadily worse does not raise it, and neither does what both sides suffer together; hosts that
    are now faster, now slower do. Blocks of several lengths are tried, and the largest ratio counts. It is shrunk to
    1 while there are few blocks, and never below 1.
    """

    SCALES = (1, 5, 10)
    PRIOR = (4.0, 1.7)  # as if so many differences of this mean ratio had been seen: a start that trusts nobody

    def __init__(self, kinds: int, runs: int = 1) -> None:
        """Nothing was seen; `kinds` is T, `runs` is R."""
        shape = (runs, kinds)
        self._blocks = {scale: _Block(shape) for scale in self.SCALES}

    def add(self, canary: Array, stable: Array, requests: tuple[Array, Array]) -> None:
        """One interval: events of shape (R, T), requests of shape (R,)."""
        for scale, block in self._blocks.items():
            block.add(canary, stable, requests, scale)

    def ratio(self) -> Array:
        """The dispersion, shape (R, T), at least 1."""
        weight, start = self.PRIOR
        ratio = np.full_like(next(iter(self._blocks.values())).count, start)
        largest = np.ones_like(ratio)
        for scale, one in self._blocks.items():  # a longer block begins with what the shorter one says
            # The largest of several estimates is too large by chance: the longer ones give back a standard error.
            chance = np.sqrt(2 * one.count) if scale > 1 else 0.0
            ratio = (weight * ratio + np.maximum(one.excess - chance, 0.0)) / (weight + one.count)
            largest = np.maximum(largest, ratio)
        return largest


class _Block:
    """Differences between successive blocks of one length."""

    def __init__(self, shape: tuple[int, int]) -> None:
        self.excess = np.zeros(shape)  # squared differences over their expectation
        self.count = np.zeros(shape)
        self._size = 0
        self._now = [np.zeros(shape) for _ in range(4)]
        self._before: tuple[Array, Array] | None = None

    def add(self, canary: Array, stable: Array, requests: tuple[Array, Array], scale: int) -> None:
        mine, other = (np.broadcast_to(one[:, None], canary.shape) for one in requests)
        self._now = [total + one for total, one in zip(self._now, (canary, stable, mine, other), strict=True)]
        self._size += 1
        if self._size < scale:
            return
        events_c, events_s, asked_c, asked_s = self._now
        usable = (asked_c > 0) & (asked_s > 0)
        n_c, n_s = np.where(usable, asked_c, 1.0), np.where(usable, asked_s, 1.0)
        rate_c, rate_s = events_c / n_c, events_s / n_s
        gap = np.where(usable, rate_c - rate_s, np.nan)
        # Agresti-Coull: half an event more keeps a block without any from claiming no variance.
        floor_c, floor_s = (events_c + 0.5) / (n_c + 1), (events_s + 0.5) / (n_s + 1)
        chance = np.where(usable, floor_c / n_c + floor_s / n_s, np.nan)
        if self._before is not None:
            ratio = (gap - self._before[0]) ** 2 / (chance + self._before[1])
            known = np.isfinite(ratio)
            self.excess += np.where(known, ratio, 0.0)
            self.count += known
        self._before = (gap, chance)
        self._size = 0
        self._now = [np.zeros_like(one) for one in self._now]
