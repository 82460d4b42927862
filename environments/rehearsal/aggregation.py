"""Cloud Monitoring's aligners and reducers over time series.

Which aligner fits which kind and type of metric, and what comes out, is as the API documents it; all else is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from series import UTILIZATION_WIDTH, Metric, Point, Series
from telemetry import GROWTH, Cell

PERCENTILES = {"PERCENTILE_99": 0.99, "PERCENTILE_95": 0.95, "PERCENTILE_50": 0.50, "PERCENTILE_05": 0.05}
_NUMBERS: dict[str, Callable[[Sequence[float]], float]] = {
    "MEAN": lambda values: sum(values) / len(values),
    "MIN": min,
    "MAX": max,
    "SUM": sum,
    "COUNT": len,
}
OLDEST_FIRST = 1e-3  # seconds within which two times are one


class AggregationError(ValueError):
    """An aggregation that the API refuses: INVALID_ARGUMENT."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Aggregation:
    """What is asked for; names as in the API, without their prefix ALIGN_ or REDUCE_."""

    aligner: str = "NONE"
    reducer: str = "NONE"
    period_s: float = 0.0
    group_by: tuple[str, ...] = ()


def aggregate(metric: Metric, series: list[Series], wanted: Aggregation, last: float) -> tuple[Metric, list[Series]]:
    """The aligned and reduced series, and the kind of metric that they are now."""
    if wanted.aligner == "NONE":
        if wanted.reducer != "NONE":
            raise AggregationError("A cross-series reducer needs a per-series aligner other than ALIGN_NONE")
        return metric, series
    if wanted.period_s < 60:
        raise AggregationError("The alignment_period must be at least 60 seconds")
    aligned = [replace(one, points=_align(metric, one.points, wanted, last)) for one in series]
    metric = _aligned_metric(metric, wanted.aligner)
    if wanted.reducer == "NONE":
        return metric, aligned
    return _reduce(metric, aligned, wanted)


def percentile(cell: Cell, ratio: float, buckets: str) -> float:
    """The value below which this ratio lies, interpolated within its bucket."""
    if not cell.buckets:
        return cell.total
    rank, seen = ratio * cell.count, 0
    for bucket in sorted(cell.buckets):
        number = cell.buckets[bucket]
        if seen + number >= rank:
            low, high = bounds(bucket, buckets)
            return low + (high - low) * max(rank - seen, 0) / number
        seen += number
    return bounds(max(cell.buckets), buckets)[1]


def bounds(bucket: int, buckets: str) -> tuple[float, float]:
    """Lower and upper bound of a bucket."""
    if buckets == "latency":
        return (0.0, 1.0) if bucket == 0 else (GROWTH ** (bucket - 1), GROWTH**bucket)
    return (bucket - 1) * UTILIZATION_WIDTH, bucket * UTILIZATION_WIDTH


def _aligned_metric(metric: Metric, aligner: str) -> Metric:
    match aligner:
        case "DELTA" if metric.kind == "DELTA":
            return metric
        case "RATE" if metric.kind == "DELTA" and metric.value != "DISTRIBUTION":
            return replace(metric, kind="GAUGE", value="DOUBLE")
        case "SUM":
            return replace(metric, kind="GAUGE")
        case "MIN" | "MAX" if metric.value != "DISTRIBUTION":
            return replace(metric, kind="GAUGE")
        case "MEAN" if metric.value != "DISTRIBUTION":
            return replace(metric, kind="GAUGE", value="DOUBLE")
        case "COUNT" if metric.value != "DISTRIBUTION":
            return replace(metric, kind="GAUGE", value="INT64")
        case _ if aligner in PERCENTILES and metric.value == "DISTRIBUTION":
            return replace(metric, kind="GAUGE", value="DOUBLE")
        case _:
            raise AggregationError(
                f"The aligner ALIGN_{aligner} cannot be applied to metrics with kind {metric.kind} "
                f"and value type {metric.value}"
            )


def _align(metric: Metric, points: list[Point], wanted: Aggregation, last: float) -> list[Point]:
    """One point a period that has data; periods end at `last` and count back from it."""
    _aligned_metric(metric, wanted.aligner)
    periods: dict[int, list[Cell | float]] = {}
    for point in points:
        periods.setdefault(int((last - point.end + OLDEST_FIRST) // wanted.period_s), []).append(point.value)
    aligned = []
    for n in sorted(periods, reverse=True):
        end = last - n * wanted.period_s
        start = end - wanted.period_s if wanted.aligner == "DELTA" else end
        aligned.append(Point(start, end, _aligned_value(metric, periods[n], wanted)))
    return aligned


def _aligned_value(metric: Metric, values: list[Cell | float], wanted: Aggregation) -> Cell | float:
    cells = [value for value in values if isinstance(value, Cell)]
    numbers = [value for value in values if not isinstance(value, Cell)]
    if wanted.aligner in PERCENTILES:
        return percentile(merged(cells), PERCENTILES[wanted.aligner], metric.buckets)
    if cells:
        return merged(cells)
    if wanted.aligner == "RATE":
        return sum(numbers) / wanted.period_s
    return _NUMBERS["SUM" if wanted.aligner == "DELTA" else wanted.aligner](numbers)


def merged(cells: Sequence[Cell]) -> Cell:
    """One distribution of all their values."""
    whole = Cell()
    for cell in cells:
        whole.merge(cell)
    return whole


def _reduce(metric: Metric, series: list[Series], wanted: Aggregation) -> tuple[Metric, list[Series]]:
    groups: dict[tuple[str, ...], list[Series]] = {}
    for one in series:
        groups.setdefault(tuple(label(one, name) for name in wanted.group_by), []).append(one)
    reduced = [_reduced(metric, key, members, wanted) for key, members in sorted(groups.items())]
    keeps_type = wanted.reducer == "SUM" or (wanted.reducer in ("MIN", "MAX") and metric.value != "DISTRIBUTION")
    if not keeps_type:
        metric = replace(metric, kind="GAUGE", value="INT64" if wanted.reducer == "COUNT" else "DOUBLE")
    return metric, reduced


def _reduced(metric: Metric, key: tuple[str, ...], members: list[Series], wanted: Aggregation) -> Series:
    at: dict[float, list[Point]] = {}
    for one in members:
        for point in one.points:
            at.setdefault(point.end, []).append(point)
    kept = Series(metric_labels={}, resource_labels={})
    for name, value in zip(wanted.group_by, key, strict=True):
        kind, _, plain = name.replace(".labels.", ".label.").partition(".label.")
        (kept.metric_labels if kind == "metric" else kept.resource_labels)[plain] = value
    for end in sorted(at):
        points = at[end]
        kept.points.append(Point(points[0].start, end, _reduced_value(metric, [p.value for p in points], wanted)))
    return kept


def _reduced_value(metric: Metric, values: list[Cell | float], wanted: Aggregation) -> Cell | float:
    if wanted.reducer == "COUNT":
        return len(values)
    cells = [value for value in values if isinstance(value, Cell)]
    if cells:
        whole = merged(cells)
        match wanted.reducer:
            case "SUM":
                return whole
            case "MEAN":
                return whole.total / whole.count
            case reducer if reducer in PERCENTILES:
                return percentile(whole, PERCENTILES[reducer], metric.buckets)
            case _:
                raise AggregationError(f"REDUCE_{wanted.reducer} cannot be applied to distributions")
    numbers = sorted(value for value in values if not isinstance(value, Cell))
    if wanted.reducer in PERCENTILES:
        return numbers[min(int(PERCENTILES[wanted.reducer] * len(numbers)), len(numbers) - 1)]
    if wanted.reducer not in _NUMBERS:
        raise AggregationError(f"REDUCE_{wanted.reducer} is not known to the rehearsal")
    return _NUMBERS[wanted.reducer](numbers)


def label(series: Series, name: str) -> str:
    """The value of a label by its full name: resource.label.service_name, metric.labels.response_code."""
    kind, _, plain = name.replace(".labels.", ".label.").partition(".label.")
    labels = {"metric": series.metric_labels, "resource": series.resource_labels}.get(kind)
    if labels is None or not plain:
        raise AggregationError(f"'{name}' is not a label to group by; give resource.label.NAME or metric.label.NAME")
    return labels.get(plain, "")
