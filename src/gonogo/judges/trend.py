"""Points over time into "stable", or the rise that is more than noise."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from gonogo.judges.base import Expression, Judge
from gonogo.judges.expression import show
from gonogo.judges.percentile import is_number, median
from gonogo.judges.reading import inconclusive, moment, place, read_list, wrong
from gonogo.model.units import show_number
from gonogo.model.verdict import Case, Finding, Verdict

_MOST_POINTS = 120  # both estimates look at every pair
_SURE = 2.326  # one-sided, 1 % of flat series are called rising
_DAY = 86400.0
_FEWEST = 8  # points that tell whether a rise ends


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """`value` is a list of points {t, value}.

    A rise fails when all of this holds: the Mann-Kendall test finds it (one-sided 1 %); the Theil-Sen slope exceeds
    `tolerance`, in medians a day (0.1: a tenth of the median a day); the last third does not come back to the first,
    as after a collection of garbage; and the last half did not surely flatten to less than half the slope, as after
    a warm-up. None of these is moved by a few outliers. A rise of up to `surely` times the tolerance is not decidable:
    the traffic of a morning makes such a one, too.
    """

    value: Expression
    tolerance: float = 0.1
    surely: float = 1
    min_samples: int = 10
    name: str | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.tolerance < math.inf or not 1 <= self.surely < math.inf or self.min_samples < 5:
            raise ValueError("trend needs a finite tolerance >= 0, a finite surely >= 1 and min_samples >= 5")


def judge(options: Trend, case: Case) -> Finding:
    """Fail on a rise beyond noise."""
    name = options.name or str(options.value)
    rule = f"rise of {name} <= {show_number(options.tolerance)} of its median a day, beyond noise"
    listed = read_list(options.value, case, rule)
    if isinstance(listed, Finding):
        return listed
    reading, items = listed
    points: list[tuple[float, float]] = []
    for item in items:
        when: datetime | None = moment(item.get("t")) if isinstance(item, dict) else None
        value = item.get("value") if isinstance(item, dict) else None
        if when is None or not is_number(value):
            return wrong(reading, rule, f"a point of {options.value} is {show(item, 80)}, not {{t, value}}", "no point")
        points.append((when.timestamp() / _DAY, float(value)))
    source = f"(n={len(points)}, {place(options, case)}; {reading.source})"
    if len(points) < options.min_samples:
        when_text = f"decidable when n reaches {options.min_samples}"
        text = f"too few samples, n={len(points)}/{options.min_samples} {source}; {when_text}"
        return inconclusive(rule, text, f"n={len(points)}", when_text, len(points))
    slope, score = theil_sen(thinned(points)), mann_kendall(thinned(points))
    middle = median([value for _, value in points])
    if middle <= 0 or len({t for t, _ in points}) < options.min_samples:
        text = f"a rise cannot be measured on these points {source}"
        return inconclusive(rule, text, f"median {show_number(middle)}", "when the points differ in time", len(points))
    rise = slope / middle
    rises = score > _SURE and rise > options.tolerance and not _comes_back(points) and not _flattens(points, slope)
    observed = f"{rise:+.3f} of the median a day (Mann-Kendall z {score:.1f})"
    if rises and rise <= options.tolerance * options.surely:
        when_text = "decidable some hours later, when the traffic is another"
        text = f"{name} rises by {observed} > {show_number(options.tolerance)}, perhaps with the traffic {source}"
        return inconclusive(rule, f"{text}; {when_text}", observed, when_text, len(points))
    text = f"rises by {observed} > {show_number(options.tolerance)}" if rises else f"stable: {observed}"
    return Finding(
        verdict=Verdict.FAIL if rises else Verdict.PASS,
        reason=f"{name} {text} {source}",
        rule=rule,
        observed=observed,
        samples=len(points),
    )


def _comes_back(points: list[tuple[float, float]]) -> bool:
    values = [value for _, value in sorted(points)]
    third = len(values) // 3
    early, late = sorted(values[:third]), sorted(values[-third:])
    return late[third // 4] <= early[-1 - third // 4]


def _flattens(points: list[tuple[float, float]], slope: float) -> bool:
    """Whether the last half's slope is below half of `slope`, by the upper end of its range (one-sided 10 %)."""
    ordered = sorted(points)
    middle = (ordered[0][0] + ordered[-1][0]) / 2
    few = thinned([point for point in ordered if point[0] >= middle])
    n, slopes = len(few), sorted(_slopes(few))
    if n < _FEWEST or not slopes:
        return False
    place = math.ceil((len(slopes) + 1.282 * math.sqrt(n * (n - 1) * (2 * n + 5) / 18)) / 2)
    return slopes[min(place, len(slopes) - 1)] < slope / 2


def thinned(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """The points in order of time, neighbours averaged until some hundred are left."""
    ordered = sorted(points)
    size = math.ceil(len(ordered) / _MOST_POINTS)
    if size <= 1:
        return ordered
    groups = [ordered[i : i + size] for i in range(0, len(ordered), size)]
    return [(_mean([t for t, _ in group]), _mean([v for _, v in group])) for group in groups]


def _mean(values: list[float]) -> float:
    return math.fsum(values) / len(values)


def theil_sen(points: list[tuple[float, float]]) -> float:
    """The median slope over all pairs of points, in value per unit of time; 0 without two times."""
    slopes = _slopes(points)
    return median(slopes) if slopes else 0.0


def _slopes(points: list[tuple[float, float]]) -> list[float]:
    return [(v2 - v1) / (t2 - t1) for i, (t1, v1) in enumerate(points) for t2, v2 in points[i + 1 :] if t2 != t1]


def mann_kendall(points: list[tuple[float, float]]) -> float:
    """The standard score of the Mann-Kendall statistic with the correction for ties; positive when rising."""
    values = [value for _, value in points]
    n = len(values)
    s = sum((b > a) - (b < a) for i, a in enumerate(values) for b in values[i + 1 :])
    ties = Counter(values).values()
    variance = (n * (n - 1) * (2 * n + 5) - sum(k * (k - 1) * (2 * k + 5) for k in ties)) / 18
    return (s - math.copysign(1, s)) / math.sqrt(variance) if s and variance > 0 else 0.0


JUDGE = Judge(options=Trend, judge=judge)
