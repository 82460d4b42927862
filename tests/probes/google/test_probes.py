"""Cloud Run, Monitoring and Logging by Google's clients against tiny servers on Google's messages. Numbers are rows."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import pytest
from google.api import distribution_pb2
from google.cloud import monitoring_dashboard_v1 as dashboard_api
from google.cloud import monitoring_v3 as monitoring_api
from google.cloud import run_v2 as run_api
from google.cloud.logging_v2 import types as logging_api
from google.protobuf import struct_pb2
from google.rpc import status_pb2

from gonogo.model.environment import BackEnd, Environment, Side
from gonogo.model.errors import ConfigError
from gonogo.model.evidence import Cause, Seen, Unseen
from gonogo.probes import PROBES
from gonogo.probes.base import Vantage
from gonogo.probes.google.monitoring import spread

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
NAMES = {"project": "naeda", "region": "us-central1"}
PARENT = "projects/naeda/locations/us-central1"
METHODS: dict[str, tuple[Any, Any]] = {
    "google.cloud.run.v2.Services/GetService": (run_api.GetServiceRequest, run_api.Service),
    "google.cloud.run.v2.Services/ListServices": (run_api.ListServicesRequest, run_api.ListServicesResponse),
    "google.cloud.run.v2.Revisions/ListRevisions": (run_api.ListRevisionsRequest, run_api.ListRevisionsResponse),
    "google.monitoring.v3.MetricService/ListTimeSeries": (
        monitoring_api.ListTimeSeriesRequest,
        monitoring_api.ListTimeSeriesResponse,
    ),
    "google.monitoring.v3.AlertPolicyService/ListAlertPolicies": (
        monitoring_api.ListAlertPoliciesRequest,
        monitoring_api.ListAlertPoliciesResponse,
    ),
    "google.monitoring.v3.SnoozeService/ListSnoozes": (
        monitoring_api.ListSnoozesRequest,
        monitoring_api.ListSnoozesResponse,
    ),
    "google.monitoring.dashboard.v1.DashboardsService/ListDashboards": (
        dashboard_api.ListDashboardsRequest,
        dashboard_api.ListDashboardsResponse,
    ),
    "google.logging.v2.LoggingServiceV2/ListLogEntries": (
        logging_api.ListLogEntriesRequest,
        logging_api.ListLogEntriesResponse,
    ),
}
Answer = Callable[[Any, Any], Any]


@pytest.fixture
def serve() -> Iterator[Callable[[dict[str, Answer]], str]]:
    """Serve these methods (`package.Service/Method` -> answer); returns host:port. All others are UNIMPLEMENTED."""
    servers: list[grpc.Server] = []

    def start(answers: dict[str, Answer]) -> str:
        tables: dict[str, dict[str, Any]] = {}
        for path, answer in answers.items():
            service, _, method = path.partition("/")
            asked, told = METHODS[path]
            tables.setdefault(service, {})[method] = grpc.unary_unary_rpc_method_handler(
                answer, request_deserializer=asked.deserialize, response_serializer=told.serialize
            )
        server = grpc.server(ThreadPoolExecutor(4))
        server.add_generic_rpc_handlers(
            tuple(grpc.method_handlers_generic_handler(name, table) for name, table in tables.items())
        )
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        servers.append(server)
        return f"127.0.0.1:{port}"

    yield start
    for server in servers:
        server.stop(grace=0)


@pytest.fixture
def see(vantage_of: Callable[..., Vantage]) -> Callable[..., Seen | Unseen]:
    """What the probe of this kind sees at an address that all Google back ends share."""

    def look(
        kind: str, address: str, *, t0: datetime | None = None, seconds: float = 30, **options: Any
    ) -> Seen | Unseen:
        back_end = BackEnd(address=address, plaintext=True, names=NAMES, timeout=timedelta(seconds=seconds))
        environment = Environment(
            name="local",
            system="ion",
            describe="",
            sides={
                "stable": Side(url="http://127.0.0.1:1", service="ion-api"),
                "lumen": Side(url="http://127.0.0.1:1"),
            },
            back_ends=dict.fromkeys(("cloud_run", "cloud_monitoring", "cloud_logging", "dashboards"), back_end),
        )
        probe = PROBES[kind]
        sight = probe.look(probe.options(**options), vantage_of(environment=environment, now=NOW, t0=t0))
        assert sight.side is None
        return sight.outcome

    return look


def seen(outcome: Seen | Unseen) -> Seen:
    assert isinstance(outcome, Seen), outcome
    return outcome


def unseen(outcome: Seen | Unseen) -> Unseen:
    assert isinstance(outcome, Unseen), outcome
    return outcome


def at(minutes: float) -> datetime:
    return NOW - timedelta(minutes=minutes)


# ---------------------------------------------------------------- Cloud Run


def service() -> run_api.Service:
    name = f"{PARENT}/services/ion-api"
    ready = run_api.Condition(type_="Ready", state=run_api.Condition.State.CONDITION_SUCCEEDED)
    container = run_api.Container(
        image="r/ion:v2",
        resources=run_api.ResourceRequirements(limits={"memory": "1Gi", "cpu": "1000m"}),
        startup_probe=run_api.Probe(http_get=run_api.HTTPGetAction(path="/health"), timeout_seconds=10),
    )
    latest = run_api.TrafficTargetAllocationType.TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST
    return run_api.Service(
        name=name,
        uri="https://ion-api.example",
        latest_created_revision=f"{name}/revisions/ion-api-00042",
        latest_ready_revision=f"{name}/revisions/ion-api-00042",
        terminal_condition=ready,
        template=run_api.RevisionTemplate(
            containers=[container], scaling=run_api.RevisionScaling(min_instance_count=1, max_instance_count=100)
        ),
        traffic=[run_api.TrafficTarget(revision="ion-api-00042", percent=100)],  # asked for, not yet in force
        traffic_statuses=[
            run_api.TrafficTargetStatus(revision="ion-api-00041", percent=95),
            run_api.TrafficTargetStatus(type_=latest, percent=5, tag="canary"),
        ],
    )


def revisions() -> run_api.ListRevisionsResponse:
    def one(number: int, minutes: float, state: str) -> run_api.Revision:
        return run_api.Revision(
            name=f"{PARENT}/services/ion-api/revisions/ion-api-{number:05}",
            create_time=at(minutes),
            containers=[run_api.Container(image=f"r/ion:v{number}")],
            conditions=[run_api.Condition(type_="Ready", state=state, message="" if number > 40 else "it crashed")],
        )

    return run_api.ListRevisionsResponse(
        revisions=[
            one(40, 900, "CONDITION_FAILED"),
            one(42, 10, "CONDITION_SUCCEEDED"),
            one(41, 300, "CONDITION_SUCCEEDED"),
        ]
    )


def test_cloud_run_says_what_serves_since_when_with_what(serve: Any, see: Any) -> None:
    """Traffic in force, the revision that serves most of it, resources in both kinds of megabyte, revisions by age."""
    asked = []
    address = serve(
        {
            "google.cloud.run.v2.Services/GetService": lambda request, _: asked.append(request.name) or service(),
            "google.cloud.run.v2.Revisions/ListRevisions": lambda *_: revisions(),
        }
    )
    document = seen(see("cloud_run", address, side="stable")).data
    assert asked == [f"{PARENT}/services/ion-api"]
    assert (document["service"], document["image"], document["ready"]) == ("ion-api", "r/ion:v2", True)
    assert document["latest_created"] == document["latest_ready"] == "ion-api-00042"
    assert (document["serving"], document["serving_age_s"]) == ("ion-api-00041", 300 * 60)
    assert document["traffic"] == [
        {"revision": "ion-api-00041", "percent": 95, "tag": None},
        {"revision": "ion-api-00042", "percent": 5, "tag": "canary"},
    ]
    assert document["resources"] == {"memory": "1Gi", "memory_mb": 1073.741824, "memory_mib": 1024, "cpu": 1}
    assert document["scaling"] == {"min": 1, "max": 100}
    assert document["health"] == {"path": "/health", "timeout_s": 10}
    assert [one["name"] for one in document["revisions"]] == ["ion-api-00042", "ion-api-00041", "ion-api-00040"]
    assert [one["ready"] for one in document["revisions"]] == [True, True, False]
    assert [one["percent"] for one in document["revisions"]] == [5, 95, 0]
    assert document["revisions"][2]["reason"] == "it crashed"


def test_cloud_run_services_are_listed_over_all_pages(serve: Any, see: Any) -> None:
    """Pages are followed to the end."""

    def page(request: Any, _: Any) -> Any:
        number = int(request.page_token or 0)
        found = run_api.Service(name=f"{PARENT}/services/s{number}")
        return run_api.ListServicesResponse(services=[found], next_page_token=str(number + 1) if number < 2 else "")

    document = seen(see("cloud_run_services", serve({"google.cloud.run.v2.Services/ListServices": page}))).data
    assert [one["name"] for one in document["services"]] == ["s0", "s1", "s2"]
    assert document["services"][0]["ready"] is False


def test_row35_no_service_at_all_is_no_data(serve: Any, see: Any) -> None:
    """Row 35: an empty list proves nothing."""
    empty = serve({"google.cloud.run.v2.Services/ListServices": lambda *_: run_api.ListServicesResponse()})
    assert unseen(see("cloud_run_services", empty)).cause is Cause.NO_DATA


def test_row43_an_unreachable_region_makes_the_list_partial(serve: Any, see: Any) -> None:
    """Row 43: a list with a part missing is not a list."""
    found = [run_api.Service(name="a")]
    answer = run_api.ListServicesResponse(services=found, unreachable=["projects/naeda/locations/x"])
    failed = unseen(see("cloud_run_services", serve({"google.cloud.run.v2.Services/ListServices": lambda *_: answer})))
    assert failed.cause is Cause.PARTIAL
    assert "locations/x" in failed.detail


def test_row44_a_page_token_that_comes_again_is_partial(serve: Any, see: Any) -> None:
    """Row 44: a circle of pages ends and is not taken for the whole."""

    def page(*_: Any) -> Any:
        return run_api.ListServicesResponse(services=[run_api.Service(name="a")], next_page_token="again")

    failed = unseen(see("cloud_run_services", serve({"google.cloud.run.v2.Services/ListServices": page})))
    assert failed.cause is Cause.PARTIAL
    assert "page token came again" in failed.detail


@pytest.mark.parametrize(
    ("code", "cause"),
    [
        pytest.param("UNAVAILABLE", Cause.UNREACHABLE, id="row52-unavailable"),
        pytest.param("PERMISSION_DENIED", Cause.DENIED, id="row54-permission-denied"),
        pytest.param("UNAUTHENTICATED", Cause.DENIED, id="row54-unauthenticated"),
        pytest.param("RESOURCE_EXHAUSTED", Cause.LIMITED, id="row56-resource-exhausted"),
        pytest.param("NOT_FOUND", Cause.NO_DATA, id="not-found"),
        pytest.param("INTERNAL", Cause.UNAVAILABLE, id="internal"),
    ],
)
def test_grpc_codes_become_causes(serve: Any, see: Any, code: str, cause: Cause) -> None:
    """Rows 52, 54 and 56: the code is named, once, without retries of the client's own."""
    calls = []

    def fail(_: Any, context: Any) -> None:
        calls.append(1)
        context.abort(grpc.StatusCode[code], "said the server")

    address = serve({"google.cloud.run.v2.Services/GetService": fail})
    failed = unseen(see("cloud_run", address, side="stable"))
    assert failed.cause is cause
    assert f"Cloud Run ion-api at {address}: {code}: " in failed.detail
    assert "said the server" in failed.detail
    assert len(calls) == 1


def test_row52_nobody_listens(see: Any) -> None:
    """Row 52: a refused gRPC channel is unreachable at once, not at the deadline."""
    started = time.monotonic()
    failed = unseen(see("cloud_run", "127.0.0.1:1", side="stable"))
    assert failed.cause is Cause.UNREACHABLE
    assert "127.0.0.1:1" in failed.detail
    assert time.monotonic() - started < 10


def test_row53_a_hanging_server_ends_at_the_deadline(serve: Any, see: Any) -> None:
    """Row 53: the back end's timeout is the whole time."""
    release = threading.Event()
    address = serve({"google.cloud.run.v2.Services/GetService": lambda *_: release.wait(60)})
    started = time.monotonic()
    failed = unseen(see("cloud_run", address, side="stable", seconds=0.4))
    assert time.monotonic() - started < 20
    release.set()
    assert failed.cause is Cause.TIMEOUT
    assert "the deadline of 0.4 s ran out" in failed.detail


def test_row55_a_method_that_is_not_there_is_unavailable(serve: Any, see: Any) -> None:
    """Row 55: UNIMPLEMENTED says nothing about the system."""
    failed = unseen(see("cloud_run", serve({}), side="stable"))
    assert failed.cause is Cause.UNAVAILABLE
    assert "UNIMPLEMENTED" in failed.detail


def test_plaintext_is_for_loopback_only(see: Any) -> None:
    """An unencrypted channel never leaves the machine."""
    failed = unseen(see("cloud_run", "run.example:443", side="stable"))
    assert failed.cause is Cause.REFUSED
    assert "nothing was sent" in failed.detail


def test_a_side_without_a_service_is_a_configuration_error(see: Any) -> None:
    """The key that is missing is named."""
    with pytest.raises(ConfigError, match="side lumen needs `service`"):
        see("cloud_run", "127.0.0.1:1", side="lumen")


# ---------------------------------------------------------------- Cloud Monitoring


def points(*values: tuple[float, Any]) -> list[Any]:
    return [
        monitoring_api.Point(interval={"start_time": at(minutes + 1), "end_time": at(minutes)}, value=value)
        for minutes, value in values
    ]


def series(labels: dict[str, str], *values: tuple[float, Any]) -> Any:
    return monitoring_api.TimeSeries(
        metric={"type": "m", "labels": labels},
        resource={"type": "cloud_run_revision", "labels": {"service_name": "ion-api", "revision_name": "r1"}},
        points=points(*values),
    )


def metrics(*found: Any, **more: Any) -> dict[str, Answer]:
    answer = monitoring_api.ListTimeSeriesResponse(time_series=list(found), **more)
    return {"google.monitoring.v3.MetricService/ListTimeSeries": lambda *_: answer}


def histogram(counts: list[int], mean: float, **options: Any) -> dict[str, Any]:
    found = distribution_pb2.Distribution(count=sum(counts), mean=mean, bucket_counts=counts)
    for kind, values in options.items():
        for key, value in values.items():
            target = getattr(found.bucket_options, kind)
            target.bounds.extend(value) if key == "bounds" else setattr(target, key, value)
    return {"distribution_value": found}


def test_distributions_are_merged_over_series_and_time(serve: Any, see: Any) -> None:
    """One histogram of the window, one mean a point, weighted by its samples."""
    bounds = {"explicit_buckets": {"bounds": [100, 200]}}
    address = serve(
        metrics(
            series({"code": "200"}, (1, histogram([1, 2, 0], 100, **bounds)), (2, histogram([0, 1, 1], 200, **bounds))),
            series({"code": "500"}, (1, histogram([0, 1, 0], 180, **bounds))),
        )
    )
    outcome = seen(see("cloud_monitoring", address, metric="m", side="stable"))
    document = outcome.data
    assert document["kind"] == "distribution"
    assert (document["count"], document["sum"], document["mean"]) == (6, 880, 880 / 6)
    assert document["buckets"] == [[0.0, 100.0, 1], [100.0, 200.0, 4], [200.0, None, 1]]
    assert document["points"] == [
        {"t": at(2).isoformat(), "value": 200, "count": 2},
        {"t": at(1).isoformat(), "value": 120, "count": 4},
    ]
    assert [one["labels"]["code"] for one in document["series"]] == ["200", "500"]
    assert (document["latest"], document["over_s"], outcome.newest) == (120, 3600, at(1))


def test_what_is_asked_is_what_the_options_say(serve: Any, see: Any) -> None:
    """The filter, the window, the aligner of a delta and of a gauge."""
    asked: list[Any] = []

    def answer(request: Any, _: Any) -> Any:
        asked.append(request)
        return monitoring_api.ListTimeSeriesResponse(time_series=[series({}, (1, {"int64_value": 3}))])

    address = serve({"google.monitoring.v3.MetricService/ListTimeSeries": answer})
    window = {"over": timedelta(hours=2), "every": timedelta(minutes=5)}
    for metric in ("run.googleapis.com/request_count", "run.googleapis.com/container/instance_count"):
        seen(see("cloud_monitoring", address, metric=metric, side="stable", **window))
    aligners = monitoring_api.Aggregation.Aligner
    first, second = asked
    assert first.name == "projects/naeda"
    assert first.filter == (
        'metric.type = "run.googleapis.com/request_count" AND resource.labels.service_name = "ion-api"'
    )
    lag = timedelta(minutes=5)  # what is older is stale
    assert (first.interval.start_time, first.interval.end_time) == (NOW - timedelta(hours=2) - lag, NOW)
    assert first.aggregation.alignment_period == timedelta(minutes=5)
    assert first.aggregation.per_series_aligner == aligners.ALIGN_DELTA
    assert second.aggregation.per_series_aligner == aligners.ALIGN_MEAN


def test_groups_add_up_the_series_of_a_label(serve: Any, see: Any) -> None:
    """Counts by response class, whatever other labels the series have."""
    address = serve(
        metrics(
            series({"response_code_class": "2xx", "response_code": "200"}, (2, {"int64_value": 90})),
            series({"response_code_class": "2xx", "response_code": "204"}, (1, {"int64_value": 9})),
            series({"response_code_class": "5xx", "response_code": "500"}, (1, {"int64_value": 1})),
        )
    )
    document = seen(see("cloud_monitoring", address, metric="m", side="stable", group=("response_code_class",))).data
    assert [(one["labels"], one["sum"]) for one in document["series"]] == [
        ({"response_code_class": "2xx"}, 99),
        ({"response_code_class": "5xx"}, 1),
    ]
    assert (document["kind"], document["sum"], document["min"], document["max"]) == ("scalar", 100, 10, 90)
    assert [point["value"] for point in document["points"]] == [90, 10]


def test_a_window_ends_at_the_newest_point(serve: Any, see: Any) -> None:
    """Monitoring lags by minutes: five minutes are the last five that it tells, not the one or two that it has."""
    told = [(minutes, {"int64_value": 10}) for minutes in (4, 5, 6, 7, 8, 9)]
    address = serve(metrics(series({}, *told)))
    outcome = seen(see("cloud_monitoring", address, metric="m", side="stable", over=timedelta(minutes=5)))
    assert (outcome.data["sum"], outcome.data["over_s"], outcome.newest) == (50, 300, at(4))
    buckets = metrics(series({}, (4, histogram([1], 1)), (9, histogram([7], 1))))
    outcome = seen(see("cloud_monitoring", serve(buckets), metric="m", side="stable", over=timedelta(minutes=5)))
    assert [n for _, _, n in outcome.data["buckets"]] == [1]


def test_points_of_an_hour_are_not_those_of_a_day(serve: Any, see: Any) -> None:
    """A source that tells a part of the window only does not tell how the whole was."""
    hour = serve(metrics(series({}, *((minutes, {"int64_value": 10}) for minutes in range(1, 61)))))
    window = {"metric": "m", "side": "stable", "over": timedelta(hours=24)}
    seen(see("cloud_monitoring", hour, **window, covers=timedelta(hours=1)))
    failed = unseen(see("cloud_monitoring", hour, **window, covers=timedelta(hours=12)))
    assert (failed.cause, "points of 1h" in failed.detail) == (Cause.PARTIAL, True)
    with pytest.raises(ConfigError, match="covers is not longer than over"):
        PROBES["cloud_monitoring"].options(**window, covers=timedelta(hours=25))


def test_a_series_of_no_group_is_partial(serve: Any, see: Any) -> None:
    """Requests without a response class are not requests without errors."""
    address = serve(
        metrics(series({"response_code_class": "2xx"}, (1, {"int64_value": 9})), series({}, (1, {"int64_value": 9})))
    )
    failed = unseen(see("cloud_monitoring", address, metric="m", side="stable", group=("response_code_class",)))
    assert (failed.cause, "a series without response_code_class" in failed.detail) == (Cause.PARTIAL, True)


def test_a_series_of_another_service_is_a_broken_answer(serve: Any, see: Any) -> None:
    """Whoever answers with another service's health has not heard the question."""
    other = series({}, (1, {"int64_value": 9}))
    other.resource.labels["service_name"] = "ion-web"
    failed = unseen(see("cloud_monitoring", serve(metrics(other)), metric="m", side="stable"))
    assert (failed.cause, "'ion-web'" in failed.detail) == (Cause.BROKEN, True)


def test_since_t0_begins_at_t0(serve: Any, see: Any) -> None:
    """With since_t0 the window begins with the deploy; without a T0 nothing can be asked."""
    address = serve(metrics(series({}, (1, {"double_value": 0.5}))))
    outcome = see("cloud_monitoring", address, metric="m", side="stable", since_t0=True, t0=at(30))
    assert seen(outcome).data["over_s"] == 1800
    failed = unseen(see("cloud_monitoring", address, metric="m", side="stable", since_t0=True))
    assert (failed.cause, "T0 is not known" in failed.detail) == (Cause.NO_DATA, True)


@pytest.mark.parametrize(
    "found",
    [pytest.param((), id="row35-no-series"), pytest.param((series({}),), id="row35-series-without-points")],
)
def test_empty_answers_are_no_data(serve: Any, see: Any, found: tuple[Any, ...]) -> None:
    """Row 35: metric and filter are named."""
    failed = unseen(see("cloud_monitoring", serve(metrics(*found)), metric="run/x", side="stable"))
    assert failed.cause is Cause.NO_DATA
    assert 'metric.type = "run/x" AND resource.labels.service_name = "ion-api"' in failed.detail


@pytest.mark.parametrize(
    "value",
    [
        pytest.param({"double_value": float("nan")}, id="row36-nan"),
        pytest.param({"double_value": float("-inf")}, id="row36-infinity"),
        pytest.param(histogram([1], float("nan")), id="row36-nan-mean"),
    ],
)
def test_values_that_are_no_numbers_are_partial(serve: Any, see: Any, value: Any) -> None:
    """Row 36: the sample is named by its time and labels."""
    address = serve(metrics(series({"code": "200"}, (2, {"double_value": 1}), (1, value))))
    failed = unseen(see("cloud_monitoring", address, metric="m", side="stable"))
    assert failed.cause is Cause.PARTIAL
    assert at(1).isoformat() in failed.detail
    assert "'code': '200'" in failed.detail


def test_row43_execution_errors_make_the_answer_partial(serve: Any, see: Any) -> None:
    """Row 43: an answer with errors beside its data is not complete."""
    address = serve(
        metrics(series({}, (1, {"int64_value": 1})), execution_errors=[status_pb2.Status(code=4, message="shard lost")])
    )
    failed = unseen(see("cloud_monitoring", address, metric="m", side="stable"))
    assert (failed.cause, "shard lost" in failed.detail) == (Cause.PARTIAL, True)


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ({"explicit_buckets": {"bounds": [1, 5]}}, [(0.0, 1, 1), (1, 5, 2), (5, None, 3)]),
        (
            {"linear_buckets": {"num_finite_buckets": 2, "width": 10, "offset": 5}},
            [(0.0, 5, 1), (5, 15, 2), (15, 25, 3)],
        ),
        (
            {"exponential_buckets": {"num_finite_buckets": 1, "growth_factor": 2, "scale": 4}},
            [(0.0, 4, 1), (4, 8, 2), (8, None, 3)],
        ),
        ({}, [(None, None, 1), (None, None, 2), (None, None, 3)]),
    ],
    ids=["explicit", "linear", "exponential", "none"],
)
def test_bucket_edges(options: dict[str, Any], wanted: list[Any]) -> None:
    """Explicit, linear and exponential edges as the API defines them; empty buckets are left out."""
    found = histogram([1, 2, 3], 1, **options)["distribution_value"]
    assert list(spread(found)) == wanted


def test_the_last_bucket_ends_at_the_range_where_it_is_told() -> None:
    """A distribution that tells its maximum closes its last bucket with it."""
    found = histogram([0, 0, 2], 1, explicit_buckets={"bounds": [1, 5]})["distribution_value"]
    found.range.max = 9
    assert list(spread(found)) == [(5, 9, 2)]


# ---------------------------------------------------------------- Cloud Logging


def entry(minutes: float, **payload: Any) -> Any:
    found = struct_pb2.Struct()
    found.update(payload)
    return logging_api.LogEntry(
        timestamp=at(minutes),
        severity=500,
        json_payload=found,
        resource={"type": "cloud_run_revision", "labels": {"service_name": "ion-api", "revision_name": "r1"}},
    )


def test_log_entries_keep_the_fields_that_rules_ask_for(serve: Any, see: Any) -> None:
    """Structured and plain entries; whole numbers are integers again; the newest time is known."""
    asked: list[Any] = []
    found = [
        entry(1, type="response", status_code=200, process_time_ms=426.5, persona_used="Nana", message="POST /chat"),
        logging_api.LogEntry(timestamp=at(2), severity=200, text_payload="container started"),
    ]

    def answer(request: Any, _: Any) -> Any:
        asked.append(request)
        return logging_api.ListLogEntriesResponse(entries=found)

    address = serve({"google.logging.v2.LoggingServiceV2/ListLogEntries": answer})
    outcome = seen(see("cloud_logging", address, side="stable", severity="ERROR", filter='jsonPayload.type="x"'))
    first, second = outcome.data["entries"]
    assert (first["severity"], first["status_code"], first["process_time_ms"]) == ("ERROR", 200, 426.5)
    assert isinstance(first["status_code"], int)
    assert (first["persona_used"], first["message"], first["revision"]) == ("Nana", "POST /chat", "r1")
    assert (second["severity"], second["message"], second["type"]) == ("INFO", "container started", None)
    assert (outcome.data["count"], outcome.data["complete"], outcome.newest) == (2, True, at(1))
    assert asked[0].resource_names == ["projects/naeda"]
    assert asked[0].filter == (
        'resource.type="cloud_run_revision" AND resource.labels.service_name="ion-api"'
        ' AND timestamp>="2026-11-20T08:00:00.000000Z" AND timestamp<="2026-11-20T09:00:00.000000Z"'
        ' AND severity>=ERROR AND (jsonPayload.type="x")'
    )


def test_no_log_entry_is_a_complete_answer(serve: Any, see: Any) -> None:
    """No error in the log is what some rules want to see."""
    empty = serve(
        {"google.logging.v2.LoggingServiceV2/ListLogEntries": lambda *_: logging_api.ListLogEntriesResponse()}
    )
    outcome = seen(see("cloud_logging", empty, side="stable"))
    assert (outcome.data["entries"], outcome.data["complete"], outcome.newest) == ([], True, None)


def test_the_limit_cuts_and_says_so(serve: Any, see: Any) -> None:
    """Entries beyond the limit are not read, and the answer is not called complete."""

    def page(request: Any, _: Any) -> Any:
        number = int(request.page_token or 0)
        found = [entry(number * 2 + one) for one in range(2)]
        return logging_api.ListLogEntriesResponse(entries=found, next_page_token=str(number + 1))

    address = serve({"google.logging.v2.LoggingServiceV2/ListLogEntries": page})
    outcome = seen(see("cloud_logging", address, side="stable", limit=5))
    assert (outcome.data["count"], outcome.data["complete"]) == (5, False)
    assert outcome.notes == ("only the newest 5 entries were read",)


def test_the_newest_entries_are_complete(serve: Any, see: Any) -> None:
    """Whether a busy service logs is told by its newest entries, however many there are behind them."""

    def page(request: Any, _: Any) -> Any:
        found = [entry(one) for one in range(request.page_size)]
        return logging_api.ListLogEntriesResponse(entries=found, next_page_token="more")

    address = serve({"google.logging.v2.LoggingServiceV2/ListLogEntries": page})
    outcome = seen(see("cloud_logging", address, side="stable", newest=3))
    assert (outcome.data["count"], outcome.data["complete"], outcome.notes) == (3, True, ())
    with pytest.raises(ConfigError, match="newest is 1 to limit"):
        PROBES["cloud_logging"].options(side="stable", newest=6, limit=5)


def test_severities_are_checked_before_anything_is_sent() -> None:
    """A misspelt severity would match nothing, and nothing would look like health."""
    with pytest.raises(ConfigError, match="'Error' is not one of DEFAULT"):
        PROBES["cloud_logging"].options(side="stable", severity="Error")


# ---------------------------------------------------------------- what Cloud Monitoring is set up to do


def test_dashboards_of_every_layout_show_their_widgets(serve: Any, see: Any) -> None:
    """Grid, mosaic, rows and columns all hold widgets."""

    def widget(title: str) -> Any:
        return dashboard_api.Widget(title=title)

    found = [
        dashboard_api.Dashboard(display_name="grid", grid_layout={"widgets": [widget("a"), widget("b")]}),
        dashboard_api.Dashboard(display_name="mosaic", mosaic_layout={"tiles": [{"widget": widget("c")}]}),
        dashboard_api.Dashboard(display_name="rows", row_layout={"rows": [{"widgets": [widget("d")]}]}),
        dashboard_api.Dashboard(display_name="columns", column_layout={"columns": [{"widgets": [widget("e")]}]}),
        dashboard_api.Dashboard(display_name="bare"),
    ]
    path = "google.monitoring.dashboard.v1.DashboardsService/ListDashboards"
    answer = dashboard_api.ListDashboardsResponse(dashboards=found)
    document = seen(see("dashboards", serve({path: lambda *_: answer}))).data
    assert {one["title"]: one["widgets"] for one in document["dashboards"]} == {
        "grid": ["a", "b"],
        "mosaic": ["c"],
        "rows": ["d"],
        "columns": ["e"],
        "bare": [],
    }


def test_alert_policies_tell_threshold_duration_and_channels(serve: Any, see: Any) -> None:
    """A policy that does not say is enabled; one that says no is not."""
    condition = monitoring_api.AlertPolicy.Condition(
        display_name="error rate",
        condition_threshold={
            "filter": "f",
            "threshold_value": 0.05,
            "comparison": monitoring_api.ComparisonType.COMPARISON_GT,
            "duration": timedelta(seconds=300),
        },
    )
    found = [
        monitoring_api.AlertPolicy(display_name="a", notification_channels=["c1"], conditions=[condition]),
        monitoring_api.AlertPolicy(display_name="b", enabled=False),
    ]
    path = "google.monitoring.v3.AlertPolicyService/ListAlertPolicies"
    answer = monitoring_api.ListAlertPoliciesResponse(alert_policies=found)
    document = seen(see("alert_policies", serve({path: lambda *_: answer}))).data
    first, second = document["policies"]
    assert (first["enabled"], first["channels"], second["enabled"]) == (True, ["c1"], False)
    assert first["conditions"] == [
        {"name": "error rate", "threshold": 0.05, "comparison": ">", "duration_s": 300, "filter": "f"}
    ]


def test_snoozes_know_how_long_ago_they_expired(serve: Any, see: Any) -> None:
    """Past and present snoozes."""
    found = [
        monitoring_api.Snooze(
            display_name=name,
            criteria={"policies": ["p"]},
            interval={"start_time": at(120), "end_time": at(end)},
        )
        for name, end in (("past", 60), ("present", -60))
    ]
    path = "google.monitoring.v3.SnoozeService/ListSnoozes"
    answer = monitoring_api.ListSnoozesResponse(snoozes=found)
    document = seen(see("snoozes", serve({path: lambda *_: answer}))).data
    assert [(one["name"], one["expired"], one["expired_age_s"]) for one in document["snoozes"]] == [
        ("past", True, 3600),
        ("present", False, None),
    ]
