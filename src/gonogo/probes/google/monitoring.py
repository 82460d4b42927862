"""One metric of a Cloud Run service over a window, into points, series and one histogram of the whole window."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from gonogo.model.errors import ConfigError
from gonogo.model.evidence import Cause, Seen
from gonogo.model.units import show_duration
from gonogo.probes.base import Probe, Sight, Vantage
from gonogo.probes.deadline import Deadline
from gonogo.probes.failure import Failure
from gonogo.probes.google.client import channel, host_of, missing, name_of, pages
from gonogo.probes.http.observer import observe

ENDPOINT = "monitoring.googleapis.com"
# A gauge has no difference to take: Cloud Monitoring refuses ALIGN_DELTA for it.
_GAUGES = ("instance_count", "max_request_concurrencies", "healthy_instance_count")
_ALIGN_DELTA, _ALIGN_MEAN = 1, 12
_SHORTEST = timedelta(seconds=60)


@dataclass(frozen=True, slots=True, kw_only=True)
class CloudMonitoringOptions:
    """`metric` is the full type, `every` the alignment period; `group` names the labels that a series is kept for.

    The window is `over` up to the newest point, since the last minutes are not told yet; with `since_t0` it begins
    at T0, and `exact` makes it the one up to now, whose newest points may be missing. Points of less than `covers`,
    from the oldest to the newest, are a part only.
    """

    metric: str
    side: str
    over: timedelta = timedelta(minutes=60)
    every: timedelta = timedelta(seconds=60)
    group: tuple[str, ...] = ()
    since_t0: bool = False
    exact: bool = False
    covers: timedelta = timedelta(0)

    def __post_init__(self) -> None:
        if self.every < _SHORTEST or self.over < self.every:
            raise ConfigError("every is at least 60s and not longer than over")
        if not timedelta(0) <= self.covers <= self.over:
            raise ConfigError("covers is not longer than over")


@dataclass(slots=True)
class _Cell:
    """One series' values at one time, or of a whole window."""

    count: int = 0
    total: float = 0.0

    def add(self, count: int, total: float) -> None:
        self.count += count
        self.total += total


@dataclass(slots=True)
class _Window:
    """Everything that came, merged over the series."""

    distribution: bool = False
    series: dict[tuple[tuple[str, str], ...], dict[datetime, _Cell]] = field(default_factory=dict)
    buckets: dict[tuple[float | None, float | None], int] = field(default_factory=dict)


def look(options: CloudMonitoringOptions, vantage: Vantage) -> Sight:
    """The metric of the side's service; Unseen(NO_DATA) names metric and filter when there is no point."""
    service = vantage.side(options.side).service
    if service is None:
        raise ConfigError(f"side {options.side} needs `service`, its Cloud Run name", vantage.environment.origin)
    back_end = vantage.back_end("cloud_monitoring")
    where = f"Cloud Monitoring {options.metric} of {service} at {host_of(back_end, ENDPOINT)}"
    wanted = f'metric.type = "{options.metric}" AND resource.labels.service_name = "{service}"'

    def read() -> Seen:
        # What is older than max_age is stale, so the newest point of a window lies at most that far back.
        span = options.over if options.exact else options.over + back_end.max_age
        start = window_start(span, vantage, since_t0=options.since_t0, where=where)
        gauge = options.metric.rpartition("/")[2] in _GAUGES
        request = {
            "name": f"projects/{name_of(back_end, 'cloud_monitoring', 'project')}",
            "filter": wanted,
            "interval": {"start_time": start, "end_time": vantage.now},
            "aggregation": {
                "alignment_period": options.every,
                "per_series_aligner": _ALIGN_MEAN if gauge else _ALIGN_DELTA,
            },
            "view": 0,
        }
        found = [
            series
            for page in pages(where, client(vantage).list_time_series, request, Deadline(back_end.timeout))
            for series in page.time_series
        ]
        times = [_when(point) for series in found for point in series.points]
        if not times:
            raise Failure(Cause.NO_DATA, f"{where}: no point in {show_duration(vantage.now - start)} for {wanted}")
        after = start if options.since_t0 or options.exact else max(times) - options.over
        window = _Window()
        for series in found:
            if series.resource.labels.get("service_name", service) != service:
                raise Failure(Cause.BROKEN, f"{where}: a series of {series.resource.labels['service_name']!r:.60} came")
            _take(window, series, options.group, where, after)
        span = max(times) - min(when for when in times if when > after) + options.every
        if span < options.covers:
            short = f"points of {show_duration(span)}, not of the last {show_duration(options.over)}"
            raise Failure(Cause.PARTIAL, f"{where}: {short}")
        over = vantage.now - start if options.since_t0 else options.over
        return _seen(window, over.total_seconds())

    return observe(where, read)


def window_start(over: timedelta, vantage: Vantage, *, since_t0: bool, where: str) -> datetime:
    """When a window begins: `over` before now, or at T0; Failure(NO_DATA) when no T0 is known."""
    if not since_t0:
        return vantage.now - over
    if vantage.t0 is None:
        raise Failure(Cause.NO_DATA, f"{where}: T0 is not known, so nothing can be asked since then")
    return vantage.t0


def client(vantage: Vantage) -> Any:
    """The run's client for time series."""
    try:
        from google.cloud.monitoring_v3.services.metric_service import MetricServiceClient  # noqa: PLC0415
        from google.cloud.monitoring_v3.services.metric_service.transports import (  # noqa: PLC0415
            MetricServiceGrpcTransport,
        )
    except ImportError:
        raise missing() from None
    line = channel(vantage, "cloud_monitoring", ENDPOINT)
    return MetricServiceClient(transport=MetricServiceGrpcTransport(channel=line))


def _when(point: Any) -> datetime:
    when: datetime = point.interval.end_time.ToDatetime(tzinfo=UTC)
    return when


def _take(window: _Window, series: Any, group: tuple[str, ...], where: str, after: datetime) -> None:
    every = {**series.resource.labels, **series.metric.labels}
    names = [name.rpartition(".")[2] for name in group]
    lacking = [name for name in names if name not in every]
    if lacking:
        # What is not told apart belongs to no group, and its errors to nobody.
        raise Failure(Cause.PARTIAL, f"{where}: a series without {lacking[0]}")
    kept = {name: every[name] for name in names} if group else every
    cells = window.series.setdefault(tuple(sorted(kept.items())), {})
    for point in series.points:
        when = _when(point)
        if when <= after:
            continue
        kind = point.value.WhichOneof("value")
        if kind == "distribution_value":
            window.distribution = True
            found = point.value.distribution_value
            count, total = found.count, found.mean * found.count
            for low, high, n in spread(found):
                window.buckets[low, high] = window.buckets.get((low, high), 0) + n
        elif kind in ("int64_value", "double_value", "bool_value"):
            count, total = 1, float(getattr(point.value, kind))
        else:
            raise Failure(Cause.BROKEN, f"{where}: a point at {when.isoformat()} holds {kind or 'nothing'}")
        if not math.isfinite(total):
            raise Failure(Cause.PARTIAL, f"{where}: {total} in the point at {when.isoformat()} of {kept}")
        cells.setdefault(when, _Cell()).add(count, total)
    if not cells:
        del window.series[tuple(sorted(kept.items()))]


def spread(found: Any) -> Iterator[tuple[float | None, float | None, int]]:
    """The buckets of a distribution that hold something: low, high, n. The first begins at 0, as all that
    is measured here does; the last has no upper edge (None) where the distribution tells no range.
    """
    kind = found.bucket_options.WhichOneof("options")
    options: Any = getattr(found.bucket_options, kind) if kind else None
    if kind == "explicit_buckets":
        bounds = list(options.bounds)
    elif kind == "linear_buckets":
        bounds = [options.offset + options.width * index for index in range(options.num_finite_buckets + 1)]
    elif kind == "exponential_buckets":
        bounds = [options.scale * options.growth_factor**index for index in range(options.num_finite_buckets + 1)]
    else:
        bounds = []
    highest = found.range.max if found.HasField("range") else None
    for index, n in enumerate(found.bucket_counts):
        if n:
            low = bounds[index - 1] if 0 < index <= len(bounds) else (min(0.0, bounds[0]) if bounds else None)
            yield low, bounds[index] if index < len(bounds) else highest, n


def _seen(window: _Window, over_s: float) -> Seen:
    together: dict[datetime, _Cell] = {}
    for cells in window.series.values():
        for when, cell in cells.items():
            together.setdefault(when, _Cell()).add(cell.count, cell.total)
    points = list(_points(together, mean=window.distribution))
    whole = _whole(together.values())
    values = [point["value"] for point in points if point["value"] is not None]
    buckets = sorted(([low, high, n] for (low, high), n in window.buckets.items()), key=_edge)
    return Seen(
        data={
            "kind": "distribution" if window.distribution else "scalar",
            "count": whole.count if window.distribution else len(points),
            "mean": _mean(whole) if window.distribution else sum(values) / len(values),
            "sum": whole.total,
            "min": (buckets[0][0] if buckets else None) if window.distribution else min(values),
            "max": (buckets[-1][1] if buckets else None) if window.distribution else max(values),
            "latest": points[-1]["value"],
            "buckets": buckets,
            "points": points,
            "series": [_one(labels, cells, window) for labels, cells in sorted(window.series.items())],
            "over_s": over_s,
        },
        newest=max(together),
    )


def _one(labels: tuple[tuple[str, str], ...], cells: Mapping[datetime, _Cell], window: _Window) -> dict[str, Any]:
    points = list(_points(cells, mean=window.distribution))
    whole = _whole(cells.values())
    return {
        "labels": dict(labels),
        "count": whole.count,
        "sum": whole.total,
        "mean": _mean(whole) if window.distribution else whole.total / len(points),
        "latest": points[-1]["value"],
        "points": points,
    }


def _points(cells: Mapping[datetime, _Cell], *, mean: bool) -> Iterator[dict[str, Any]]:
    for when, cell in sorted(cells.items()):
        yield {"t": when.isoformat(), "value": _mean(cell) if mean else cell.total, "count": cell.count}


def _whole(cells: Iterable[_Cell]) -> _Cell:
    whole = _Cell()
    for cell in cells:
        whole.add(cell.count, cell.total)
    return whole


def _mean(cell: _Cell) -> float | None:
    return cell.total / cell.count if cell.count else None


def _edge(bucket: list[Any]) -> tuple[float, float]:
    low, high, _ = bucket
    return (-math.inf if low is None else low, math.inf if high is None else high)


PROBE = Probe(
    clients=("google.cloud.monitoring_v3",),
    options=CloudMonitoringOptions,
    look=look,
    sides=lambda options: (options.side,),
    back_ends=("cloud_monitoring",),
    extra="google",
)
