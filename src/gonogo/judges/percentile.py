"""Samples, or a histogram of them, into the one percentile of this project."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, TypeGuard


def is_number(value: Any) -> TypeGuard[int | float]:
    """A finite number; True and False are none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def percentile(samples: Sequence[float] | Mapping[str, Any], p: float) -> float | None:
    """The nearest rank: the smallest sample with at least `p` percent of the samples at or below it.

    `samples` is a sequence of finite numbers, or a mapping {"buckets": [[low, high, n], ...]} with the
    buckets in rising order. There the same rank is taken, and within its bucket the samples are assumed
    to lie evenly: low + (high - low) * (rank - n before the bucket) / n. The unit is that of the samples.
    `p` runs from above 0 to 100; p = 100 is the largest sample. None if there is no sample; ValueError for a `p`
    out of range, a sample that is not a finite number, or a rank in a bucket without an upper or lower edge.
    """
    if not is_number(p) or not 0 < p <= 100:
        raise ValueError(f"percentile {p} is not above 0 and at most 100")
    if isinstance(samples, Mapping):
        return _of_buckets(samples.get("buckets"), p)
    for sample in samples:
        if not is_number(sample):
            raise ValueError(f"a sample is not a finite number: {sample!r:.60}")
    if not samples:
        return None
    return sorted(samples)[rank(len(samples), p) - 1]


def median(values: Sequence[float]) -> float:
    """The middle value, or the mean of the two middle ones; ValueError without values."""
    if not values:
        raise ValueError("no median of nothing")
    ordered = sorted(values)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


def rank(n: int, p: float) -> int:
    """The position, from 1, of the `p`th percentile among `n` > 0 sorted samples."""
    # 99.9 * 1000 / 100 is 999.0000000000001 in floating point; the rank is 999.
    return max(1, math.ceil(round(p * n / 100, 9)))


def _of_buckets(buckets: Any, p: float) -> float | None:
    if not isinstance(buckets, list):
        raise ValueError("a histogram without a list of buckets")  # noqa: TRY004 - one error for bad data
    total = sum(_count(bucket) for bucket in buckets)
    if not total:
        return None
    wanted = rank(total, p)
    before = 0
    for bucket in buckets:
        low, high, n = bucket
        if before + n >= wanted:
            if not (is_number(low) and is_number(high)) or high < low:
                raise ValueError(f"percentile {p} lies in a bucket without two edges: {low!r:.30} to {high!r:.30}")
            return float(low + (high - low) * (wanted - before) / n)
        before += n
    raise AssertionError("a rank above the number of samples")


def _count(bucket: Any) -> int:
    if not isinstance(bucket, list | tuple) or len(bucket) != 3:
        raise ValueError(f"a bucket is not [low, high, n]: {bucket!r:.60}")
    n = bucket[2]
    if isinstance(n, bool) or not isinstance(n, int) or n < 0:
        raise ValueError(f"a bucket's count is not a whole number from 0: {n!r:.30}")
    return n
