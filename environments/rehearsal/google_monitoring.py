"""Cloud Monitoring's services over a world: time series, alert policies, snoozes, channels and dashboards."""

from __future__ import annotations

import base64
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import clock
import grpc
import monitoring_setup
import telemetry
from aggregation import Aggregation, AggregationError, aggregate
from filter_language import FilterError, parse, paths, predicate, required
from google.cloud.monitoring_dashboard_v1 import types as dashboard_types
from google.cloud.monitoring_v3 import types
from google_logging import Refused, answered
from series import METRICS, UTILIZATION_BUCKETS, UTILIZATION_WIDTH, Metric, Point, Series, Window, read
from telemetry import FINITE_BUCKETS, GROWTH, Cell
from world import PROJECT, World, WorldRef

LARGEST_PAGE = 100_000  # points
_KINDS = {"GAUGE": 1, "DELTA": 2}
_TYPES = {"INT64": 2, "DOUBLE": 3, "DISTRIBUTION": 5}
_Answer: Any = types.ListTimeSeriesResponse.pb()
_TimeSeries: Any = types.TimeSeries.pb()
_INVALID = grpc.StatusCode.INVALID_ARGUMENT
ALIGNERS = {member.value: member.name.removeprefix("ALIGN_") for member in list[Any](types.Aggregation.Aligner)}
REDUCERS = {member.value: member.name.removeprefix("REDUCE_") for member in list[Any](types.Aggregation.Reducer)}


def start(ref: WorldRef, host: str = "127.0.0.1") -> tuple[str, grpc.Server]:
    """Serve; gives host:port and the server."""
    server = grpc.server(ThreadPoolExecutor(max_workers=16, thread_name_prefix="monitoring"))
    server.add_generic_rpc_handlers(tuple(handlers(ref)))
    port = server.add_insecure_port(f"{host}:0")
    server.start()
    return f"{host}:{port}", server


def handlers(ref: WorldRef) -> list[Any]:
    """Handlers of the services; the world is looked up at each call."""

    def unary(work: Callable[[World, Any], Any], request: Any, response: Any) -> Any:
        return grpc.unary_unary_rpc_method_handler(
            lambda asked, context: answered(work, ref.world, asked, context),
            request_deserializer=request.pb().FromString,
            response_serializer=response.pb().SerializeToString,
        )

    monitoring = "google.monitoring.v3."
    setup = monitoring_setup
    tables = {
        f"{monitoring}MetricService": {
            "ListTimeSeries": unary(list_time_series, types.ListTimeSeriesRequest, types.ListTimeSeriesResponse)
        },
        f"{monitoring}AlertPolicyService": {
            "ListAlertPolicies": unary(
                setup.list_alert_policies, types.ListAlertPoliciesRequest, types.ListAlertPoliciesResponse
            )
        },
        f"{monitoring}SnoozeService": {
            "ListSnoozes": unary(setup.list_snoozes, types.ListSnoozesRequest, types.ListSnoozesResponse)
        },
        f"{monitoring}NotificationChannelService": {
            "ListNotificationChannels": unary(
                setup.list_channels, types.ListNotificationChannelsRequest, types.ListNotificationChannelsResponse
            )
        },
        "google.monitoring.dashboard.v1.DashboardsService": {
            "ListDashboards": unary(
                setup.list_dashboards, dashboard_types.ListDashboardsRequest, dashboard_types.ListDashboardsResponse
            )
        },
    }
    return [grpc.method_handlers_generic_handler(name, table) for name, table in tables.items()]


def list_time_series(world: World, asked: Any) -> Any:
    """One page of time series: a ListTimeSeriesResponse."""
    monitoring_setup.check_project(asked.name)
    metric, fits = _filter(asked.filter)
    if not asked.interval.HasField("end_time"):
        raise Refused(_INVALID, "Field interval.end_time is required")
    last = asked.interval.end_time.ToNanoseconds() / 1e9
    first = asked.interval.start_time.ToNanoseconds() / 1e9 if asked.interval.HasField("start_time") else last - 60
    if first > last:
        raise Refused(_INVALID, "Field interval.start_time is after interval.end_time")
    wanted = _aggregation(asked.aggregation)
    with world.lock:
        now = clock.now()
        found = read(telemetry.of(world, now), metric, Window(first, last, now))
        found = [series for series in found if fits(series)]
        try:
            metric, found = aggregate(metric, found, wanted, last)
        except AggregationError as error:
            raise Refused(_INVALID, str(error)) from error
        return _page(metric, found, asked)


def _filter(text: str) -> tuple[Metric, Callable[[Any], bool]]:
    """The one metric that the filter names, and a test of its series."""
    node = parse(text)
    types_named = [c.value for c in required(node) if c.path == "metric.type" and c.op == "="]
    if len(types_named) != 1:
        raise FilterError("The supplied filter must specify exactly one metric.type")
    for path in paths(node):
        if path not in ("metric.type", "resource.type", "project") and not path.startswith(
            ("metric.label.", "metric.labels.", "resource.label.", "resource.labels.", "metadata.")
        ):
            raise FilterError(f"Field '{path}' is not known to filters of time series")
    metric = METRICS.get(types_named[0])
    if metric is None:
        raise Refused(
            grpc.StatusCode.NOT_FOUND, f'Cannot find metric(s) that match type = "{types_named[0]}". Check its name.'
        )
    return metric, predicate(node, lambda series, path: _label(metric, series, path), lambda _series: "", _exactly)


def _exactly(_path: str, op: str, value: str) -> Callable[[Any], bool] | None:
    """Labels compare exactly, case and all; a label that is not there is the empty text."""
    match op:
        case "=":
            return lambda seen: bool(seen == value)
        case "!=":
            return lambda seen: bool(seen != value)
        case ":" if value != "*":
            return lambda seen: value in str(seen)
        case _:
            raise FilterError(f"The operator '{op}' is not known to filters of time series")


def _label(metric: Metric, series: Series, path: str) -> str:
    if path == "metric.type":
        return metric.type
    if path == "resource.type":
        return "cloud_run_revision"
    if path == "project":
        return PROJECT
    kind, _, name = path.replace(".labels.", ".label.").partition(".label.")
    return (series.metric_labels if kind == "metric" else series.resource_labels).get(name, "")


def _aggregation(asked: Any) -> Aggregation:
    if asked.per_series_aligner not in ALIGNERS or asked.cross_series_reducer not in REDUCERS:
        raise Refused(_INVALID, "The aggregation names an aligner or reducer that is none")
    return Aggregation(
        aligner=ALIGNERS[asked.per_series_aligner],
        reducer=REDUCERS[asked.cross_series_reducer],
        period_s=asked.alignment_period.ToNanoseconds() / 1e9,
        group_by=tuple(asked.group_by_fields),
    )


def _page(metric: Metric, found: list[Series], asked: Any) -> Any:
    """Series from the page token's point on, up to page_size points; a series may go on in the next page."""
    skip, left = _offset(asked.page_token), min(asked.page_size or LARGEST_PAGE, LARGEST_PAGE)
    headers_only = asked.view == types.ListTimeSeriesRequest.TimeSeriesView.HEADERS
    answer, at = _Answer(), 0
    for series in found:
        points = [] if headers_only else series.points[::-1]  # newest first
        fresh = points[max(skip - at, 0) :]
        if not fresh and not headers_only:
            at += len(points)
            continue
        if left == 0:
            break
        answer.time_series.append(_time_series(metric, series, fresh[:left]))
        taken = min(len(fresh), left)
        at += len(points) - len(fresh) + taken
        left -= taken
        if taken < len(fresh):
            break
    if not headers_only and at < sum(len(series.points) for series in found):
        answer.next_page_token = base64.urlsafe_b64encode(f"points {at}".encode()).decode("ascii")
    answer.unit = metric.unit
    return answer


def _offset(token: str) -> int:
    if not token:
        return 0
    try:
        word, number = base64.urlsafe_b64decode(token.encode("ascii")).decode("ascii").split()
        return {"points": int(number)}[word]
    except (ValueError, KeyError) as error:
        raise Refused(_INVALID, "Field page_token is invalid") from error


def _time_series(metric: Metric, series: Series, points: list[Point]) -> Any:
    answer = _TimeSeries(metric_kind=_KINDS[metric.kind], value_type=_TYPES[metric.value], unit=metric.unit)
    answer.metric.type = metric.type
    answer.metric.labels.update(series.metric_labels)
    answer.resource.type = "cloud_run_revision"
    answer.resource.labels.update(series.resource_labels)
    for point in points:
        told = answer.points.add()
        told.interval.end_time.FromNanoseconds(round(point.end * 1000) * 1_000_000)
        told.interval.start_time.FromNanoseconds(round(point.start * 1000) * 1_000_000)
        if isinstance(point.value, Cell):
            _distribution(told.value.distribution_value, point.value, metric.buckets)
        elif metric.value == "INT64":
            told.value.int64_value = int(point.value)
        else:
            told.value.double_value = float(point.value)
    return answer


def _distribution(told: Any, cell: Cell, buckets: str) -> None:
    mean = cell.total / cell.count if cell.count else 0.0
    told.count, told.mean = cell.count, mean
    # NaN stays NaN; below zero it is what rounding left.
    rest = cell.squares - cell.count * mean * mean
    told.sum_of_squared_deviation = 0.0 if rest < 0 else rest
    if buckets == "latency":
        exponential = told.bucket_options.exponential_buckets
        exponential.num_finite_buckets, exponential.growth_factor, exponential.scale = FINITE_BUCKETS, GROWTH, 1.0
    else:
        linear = told.bucket_options.linear_buckets
        linear.num_finite_buckets, linear.width, linear.offset = UTILIZATION_BUCKETS, UTILIZATION_WIDTH, 0.0
    if cell.buckets:
        told.bucket_counts.extend(cell.buckets.get(n, 0) for n in range(max(cell.buckets) + 1))
