"""Raw samples of counters into what was counted in one interval: exact, nothing twice, nothing lost, resets seen.

The value at a moment is the newest sample at or before it, so that neighbouring intervals share their edge, and what
was counted while a scrape failed is counted with the next one. Nothing is extrapolated: counts stay counts.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from itertools import pairwise

from gonogo.model.watch import Bucket

LOOKBACK = timedelta(minutes=5)  # before an interval, in which its first value is looked for
Points = Sequence[tuple[float, float]]  # epoch seconds and value, oldest first
Series = Sequence[tuple[Mapping[str, str], Points]]
_INSTANCE = ("instance", "pod")


class NotTold(ValueError):
    """Why an interval cannot be counted."""


def known(series: Series, since: float) -> frozenset[str]:
    """Instances that were scraped before the interval: what is new on one of them has counted from 0."""
    return frozenset(_instance(labels) for labels, points in series if any(at <= since for at, _ in points))


def growth(series: Series, since: float, until: float, instances: Iterable[str]) -> list[tuple[Mapping[str, str], int]]:
    """What each series counted in (since, until]. One that is new on a known instance began at 0; of an instance that
    is itself new, its first sample is where counting begins. A value below the one before it is a reset: it counts
    from 0.
    """
    return [(labels, _grown(labels, points, since, until, frozenset(instances))) for labels, points in series]


def _grown(labels: Mapping[str, str], points: Points, since: float, until: float, instances: frozenset[str]) -> int:
    last: float | None = 0.0 if _instance(labels) in instances else None
    grown = 0.0
    for at, value in points:
        if at > until:
            break
        if value < 0:
            raise NotTold(f"a counter is {value:g}: it is none")
        if at <= since:
            last = value
            continue
        if last is not None:
            grown += value - last if value >= last else value
        last = value
    return round(grown)


def scraped(series: Series, since: float, until: float) -> bool:
    """Whether anything was scraped in the interval."""
    return any(since < at <= until for _, points in series for at, _ in points)


def behind(series: Series, until: float) -> float | None:
    """Seconds from the newest sample to the end of the interval, where they are more than two scrapes and a second:
    what is scraped later of that time would be counted nowhere. None if they are not.
    """
    times = sorted({at for _, points in series for at, _ in points})
    apart = sorted(later - at for _, points in series for (at, _), (later, _) in pairwise(points))
    if not apart or not times:
        return None
    late = until - times[-1]
    return late if late > 2 * apart[len(apart) // 2] + 1 else None


def histogram(grown: Iterable[tuple[Mapping[str, str], int]], to_ms: float) -> tuple[Bucket, ...]:
    """Growth of cumulative buckets, all series of a side, as buckets that do not overlap, in ms; NotTold if they are
    no histogram.
    """
    counts: dict[float, int] = {}
    for labels, count in grown:
        try:
            edge = float(labels["le"])
        except (KeyError, ValueError):
            raise NotTold(f"a bucket without an upper edge: le is {labels.get('le')!r}") from None
        counts[edge] = counts.get(edge, 0) + count
    if math.inf not in counts:
        raise NotTold("its buckets have no le=+Inf")
    buckets, low, before = [], 0.0, 0
    for edge, count in sorted(counts.items()):
        if count < before:
            raise NotTold(f"fewer requests up to {edge:g} than below it: its series have different buckets")
        if edge < low:
            raise NotTold(f"a bucket ends at {edge:g}, below 0")
        if count > before:
            high = None if math.isinf(edge) else edge * to_ms
            buckets.append(Bucket(low=low * to_ms, high=high, count=count - before))
        low, before = edge, count
    return tuple(buckets)


def _instance(labels: Mapping[str, str]) -> str:
    return next((labels[name] for name in _INSTANCE if name in labels), "")
