"""Counts into bounds of the share behind them: Clopper and Pearson's exact interval of a binomial proportion."""

from __future__ import annotations

import math
from collections.abc import Callable

_TINY = 1e-300
_ROUNDS = 10_000


def upper(bad: int, n: int, alpha: float) -> float:
    """The largest share (0-1) that gives `bad` or fewer of `n` with a probability of at least `alpha`.

    C. Clopper, E. Pearson: The use of confidence or fiducial limits, Biometrika 26 (1934). Applied to the share of
    latencies above a limit it is the order-statistic bound of a quantile: the p95 lies below the limit with
    confidence 1 - alpha when `upper` is below 0.05.
    """
    if n <= 0 or bad >= n:
        return 1.0
    return _solve(lambda share: at_most(bad, n, share), alpha)


def lower(bad: int, n: int, alpha: float) -> float:
    """The smallest share (0-1) that gives `bad` or more of `n` with a probability of at least `alpha`."""
    return 0.0 if n <= 0 or bad <= 0 else 1.0 - upper(n - bad, n, alpha)


def at_most(bad: int, n: int, share: float) -> float:
    """The probability of `bad` or fewer of `n`: the regularized incomplete beta function I(1-share; n-bad, bad+1)."""
    if bad >= n or share <= 0:
        return 1.0
    return 0.0 if share >= 1 else _beta(n - bad, bad + 1, 1 - share)


def _solve(falls: Callable[[float], float], wanted: float) -> float:
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        if falls(middle) > wanted:
            low = middle
        else:
            high = middle
    return high


def _beta(a: float, b: float, x: float) -> float:
    """By its continued fraction in Lentz's form, on the side where that converges fast."""
    if x > (a + 1) / (a + b + 2):
        return 1.0 - _beta(b, a, 1 - x)
    front = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    c, d = 1.0, 1.0 / _safe(1.0 - (a + b) * x / (a + 1))
    fraction = d
    for m in range(1, _ROUNDS):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        d = 1.0 / _safe(1.0 + even * d)
        c = _safe(1.0 + even / c)
        fraction *= d * c
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        d = 1.0 / _safe(1.0 + odd * d)
        c = _safe(1.0 + odd / c)
        step = d * c
        fraction *= step
        if abs(step - 1.0) < 1e-12:
            break
    return math.exp(front) * fraction / a


def _safe(value: float) -> float:
    return value if abs(value) > _TINY else _TINY
