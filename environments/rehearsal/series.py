"""A world's telemetry into the time series of Cloud Run's metrics, one point a minute."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import history
from google_logging import resource_labels
from telemetry import MINUTE, Cell, Telemetry, usage
from world import BACKGROUND, CANARY, HOUR, SERVICE_OF_SIDE, World

PREFIX = "run.googleapis.com/"
UTILIZATION_BUCKETS, UTILIZATION_WIDTH = 110, 0.01  # linear: bucket i is [(i-1) %, i %)
_SPREAD = (-0.004, -0.002, -0.0005, 0.0005, 0.002, 0.004)  # samples of an instance within a minute


@dataclass(slots=True)
class Point:
    """The value of the time between start and end (epoch seconds); a gauge's start is its end."""

    start: float
    end: float
    value: Cell | float


@dataclass(slots=True, kw_only=True)
class Series:
    """One time series, oldest point first."""

    metric_labels: dict[str, str]
    resource_labels: dict[str, str]
    points: list[Point] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """A kind of series: DELTA or GAUGE, of distributions, integers or, once aligned, doubles."""

    type: str
    kind: str
    value: str
    unit: str
    buckets: str  # of distributions: latency | utilization
    make: Callable[[Telemetry, Window], Iterator[Series]]


@dataclass(frozen=True, slots=True)
class Window:
    """Points with first < end <= last are wanted. The minute that runs counts up to now, so that what was just
    served shows at once; the real service would keep it back for some minutes.
    """

    first: float
    last: float
    now: float

    def minutes(self) -> range:
        """Ends of the minutes that may have a point, in epoch minutes."""
        return range(int(self.first // MINUTE) + 1, int(min(self.last, self.now) // MINUTE) + 2)

    def point(self, minute: int, value: Cell | float) -> Point | None:
        """The point of a minute, or None where it lies outside."""
        start, end = (minute - 1) * MINUTE, float(minute * MINUTE)
        if self.last > self.now - MINUTE:  # the minute that runs, or ran when the question was sent
            end = min(end, self.now, self.last)
        return Point(start, end, value) if start < end and self.first < end <= self.last else None


def read(telemetry: Telemetry, metric: Metric, window: Window) -> list[Series]:
    """All series of a metric with at least one point in the window."""
    world = telemetry.world
    if world.fault("metrics-stopped"):
        window = replace(window, last=min(window.last, world.now - 3 * HOUR))
    return [series for series in metric.make(telemetry, window) if series.points and _is_told(world, metric, series)]


def _is_told(world: World, metric: Metric, series: Series) -> bool:
    if world.fault("canary-no-metrics") and series.resource_labels["service_name"] == CANARY:
        return False
    return not (world.fault("request-count-missing") and metric.type == f"{PREFIX}request_count")


def _requests(telemetry: Telemetry, window: Window, value: Callable[[Cell], Cell | float]) -> Iterator[Series]:
    minutes = window.minutes()
    for (service, revision, status), cells in telemetry.minutes.items():
        series = Series(
            metric_labels={"response_code": str(status), "response_code_class": f"{status // 100}xx"},
            resource_labels=resource_labels(service, revision),
        )
        for minute in sorted(minute for minute in cells if minute in minutes):
            if (point := window.point(minute, value(cells[minute]))) is not None:
                series.points.append(point)
        yield series


def _latencies(telemetry: Telemetry, window: Window) -> Iterator[Series]:
    return _requests(telemetry, window, lambda cell: cell)


def _counts(telemetry: Telemetry, window: Window) -> Iterator[Series]:
    none = telemetry.world.fault("request-count-zero")
    return _requests(telemetry, window, lambda cell: 0 if none else cell.count)


def _gauges(world: World, window: Window) -> Iterator[tuple[str, str, list[int]]]:
    """Side, revision and the minutes in which that revision had instances."""
    oldest = int((world.now - BACKGROUND) // MINUTE) + 1
    for side in SERVICE_OF_SIDE:
        served: dict[str, list[int]] = {}
        for minute in window.minutes():
            if minute < oldest or (minute - 1) * MINUTE >= window.now:
                continue
            for lot in (0.0, 1.0):  # both revisions where two share the traffic
                minutes = served.setdefault(history.serving(world, side, minute * MINUTE, lot), [])
                if not minutes or minutes[-1] != minute:
                    minutes.append(minute)
        for revision, minutes in served.items():
            yield side, revision, minutes


def _utilizations(telemetry: Telemetry, window: Window, *, of_memory: bool) -> Iterator[Series]:
    world = telemetry.world
    for side, revision, minutes in _gauges(world, window):
        series = Series(metric_labels={}, resource_labels=resource_labels(SERVICE_OF_SIDE[side], revision))
        for minute in minutes:
            used = usage(world, side, minute)
            cell = _cell(used.memory if of_memory else used.cpu, max(used.active, 1))
            if world.fault("metrics-nan") and side == "stable":
                cell = Cell(count=cell.count, total=float("nan"), squares=float("nan"))
            if (point := window.point(minute, cell)) is not None:
                series.points.append(point)
        yield series


def _cell(mean: float, instances: int) -> Cell:
    """The samples of all instances of a minute."""
    cell = Cell()
    for off in _SPREAD:
        value = min(max(mean + off, 0.0), 1.0)
        cell.count += instances
        cell.total += instances * value
        cell.squares += instances * value * value
        bucket = int(value / UTILIZATION_WIDTH + 1e-9) + 1
        cell.buckets[bucket] = cell.buckets.get(bucket, 0) + instances
    return cell


def _memory(telemetry: Telemetry, window: Window) -> Iterator[Series]:
    return _utilizations(telemetry, window, of_memory=True)


def _cpu(telemetry: Telemetry, window: Window) -> Iterator[Series]:
    return _utilizations(telemetry, window, of_memory=False)


def _instances(telemetry: Telemetry, window: Window) -> Iterator[Series]:
    world = telemetry.world
    for side, revision, minutes in _gauges(world, window):
        for state in ("active", "idle"):
            series = Series(
                metric_labels={"state": state}, resource_labels=resource_labels(SERVICE_OF_SIDE[side], revision)
            )
            for minute in minutes:
                used = usage(world, side, minute)
                point = window.point(minute, used.active if state == "active" else used.idle)
                if point is not None:
                    point.start = point.end
                    series.points.append(point)
            yield series


METRICS = {
    metric.type: metric
    for metric in (
        Metric(
            type=f"{PREFIX}request_latencies",
            kind="DELTA",
            value="DISTRIBUTION",
            unit="ms",
            buckets="latency",
            make=_latencies,
        ),
        Metric(type=f"{PREFIX}request_count", kind="DELTA", value="INT64", unit="1", buckets="", make=_counts),
        Metric(
            type=f"{PREFIX}container/memory/utilizations",
            kind="DELTA",
            value="DISTRIBUTION",
            unit="10^2.%",
            buckets="utilization",
            make=_memory,
        ),
        Metric(
            type=f"{PREFIX}container/cpu/utilizations",
            kind="DELTA",
            value="DISTRIBUTION",
            unit="10^2.%",
            buckets="utilization",
            make=_cpu,
        ),
        Metric(
            type=f"{PREFIX}container/instance_count", kind="GAUGE", value="INT64", unit="1", buckets="", make=_instances
        ),
    )
}
