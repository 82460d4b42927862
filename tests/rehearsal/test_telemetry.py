"""The telemetry of the rehearsal, asked by Google's own clients: what they see is what the world did."""

from __future__ import annotations

import json
import math
import random
import statistics
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import pytest
import yaml
from google.api_core import exceptions
from google.cloud import monitoring_v3
from google.cloud.logging_v2.services.logging_service_v2 import LoggingServiceV2Client
from google.cloud.logging_v2.services.logging_service_v2.transports import LoggingServiceV2GrpcTransport
from google.cloud.monitoring_dashboard_v1.services.dashboards_service import DashboardsServiceClient
from google.cloud.monitoring_dashboard_v1.services.dashboards_service.transports import DashboardsServiceGrpcTransport
from google.cloud.monitoring_v3.services.alert_policy_service.transports import AlertPolicyServiceGrpcTransport
from google.cloud.monitoring_v3.services.metric_service.transports import MetricServiceGrpcTransport
from google.cloud.monitoring_v3.services.snooze_service.transports import SnoozeServiceGrpcTransport

REHEARSAL = Path(__file__).parents[2] / "environments" / "rehearsal"
sys.path.insert(0, str(REHEARSAL))

import filter_language  # noqa: E402
import google_logging  # noqa: E402
import google_monitoring  # noqa: E402
import history  # noqa: E402
import monitoring_rest  # noqa: E402
import prometheus  # noqa: E402
import resonance  # noqa: E402
import telemetry_faults  # noqa: E402
from world import BACKGROUND, HOUR, PERSONAS, PROJECT, Request, World, WorldRef  # noqa: E402

RELEASE = {"version": "1.3.0", "image": "registry.test/ion-api:v1.3.0"}
PARENT = f"projects/{PROJECT}"
RUN = "run.googleapis.com/"
TOKEN = "a token of this test"


@dataclass(kw_only=True)
class Desk:
    """All servers, their clients, and the world that they serve."""

    ref: WorldRef
    folder: Path
    logging: LoggingServiceV2Client
    metrics: monitoring_v3.MetricServiceClient
    policies: monitoring_v3.AlertPolicyServiceClient
    snoozes: monitoring_v3.SnoozeServiceClient
    boards: DashboardsServiceClient
    rest: str
    prometheus: str
    alertmanager: str

    def become(self, scene: str, *faults: str) -> World:
        world = World(scene, frozenset(faults), time.time(), RELEASE, self.folder)
        history.seed(world)
        self.ref.world = world
        return world

    def logs(self, filter_: str, *, order: str = "timestamp desc", page_size: int = 1000) -> list[Any]:
        asked = {"resource_names": [PARENT], "filter": filter_, "order_by": order, "page_size": page_size}
        return list(self.logging.list_log_entries(asked, retry=None, timeout=60))

    def series(
        self,
        metric: str,
        over_s: float = HOUR,
        *,
        service: str = "ion-api",
        every_s: int = 60,
        align: str = "ALIGN_DELTA",
        reduce: str = "REDUCE_NONE",
        group: tuple[str, ...] = (),
        end: float | None = None,
        more: str = "",
        page_size: int = 0,
    ) -> list[Any]:
        end = time.time() if end is None else end
        asked = {
            "name": PARENT,
            "filter": f'metric.type = "{RUN}{metric}" AND resource.labels.service_name = "{service}"{more}',
            "interval": {"start_time": _stamp(end - over_s), "end_time": _stamp(end)},
            "aggregation": {
                "alignment_period": {"seconds": every_s},
                "per_series_aligner": align,
                "cross_series_reducer": reduce,
                "group_by_fields": list(group),
            },
            "page_size": page_size,
        }
        return list(self.metrics.list_time_series(asked, retry=None, timeout=60))

    def percentile(self, number: int, over_s: float = HOUR, service: str = "ion-api") -> float:
        """Of all request latencies of a service, in ms."""
        found = self.series(
            "request_latencies", over_s, service=service, every_s=int(over_s), reduce=f"REDUCE_PERCENTILE_{number}"
        )
        return found[0].points[0].value.double_value

    def mean_ms(self, over_s: float) -> float:
        found = self.series("request_latencies", over_s, every_s=int(over_s), reduce="REDUCE_MEAN")
        return found[0].points[0].value.double_value

    def error_ratio(self, over_s: float = HOUR, service: str = "ion-api", newest_s: float = 0.0) -> float:
        counts = self.counts(over_s, service, newest_s)
        return counts.get("5xx", 0) / sum(counts.values())

    def counts(self, over_s: float, service: str = "ion-api", newest_s: float = 0.0) -> dict[str, int]:
        found = self.series(
            "request_count",
            over_s,
            service=service,
            every_s=int(over_s),
            reduce="REDUCE_SUM",
            group=("metric.labels.response_code_class",),
            end=time.time() - newest_s,
        )
        return {s.metric.labels["response_code_class"]: sum(p.value.int64_value for p in s.points) for s in found}

    def utilization(self, what: str, over_s: float = HOUR, service: str = "ion-api") -> list[float]:
        """Means of a resource, newest first."""
        [found] = self.series(f"container/{what}/utilizations", over_s, service=service)
        return [point.value.distribution_value.mean for point in found.points]

    def promql(self, query: str, **more: str) -> Any:
        path = "/api/v1/query_range" if more else "/api/v1/query"
        return _get(f"{self.prometheus}{path}?{urllib.parse.urlencode({'query': query, **more})}")


def _stamp(at: float) -> dict[str, int]:
    return {"seconds": int(at), "nanos": int(at % 1 * 1e9)}


def _get(url: str, token: str = "") -> Any:
    request = urllib.request.Request(url, headers={"authorization": f"Bearer {token}"} if token else {})  # noqa: S310
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
        return json.loads(answer.read().decode("utf-8"))


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    folder = tmp_path_factory.mktemp("world")
    ref = WorldRef(world=World("deployed", frozenset(), time.time(), RELEASE, folder))
    ref.secrets["GONOGO_GCP_TOKEN"] = TOKEN
    logging_address, logging_server = google_logging.start(ref)
    monitoring_address, monitoring_server = google_monitoring.start(ref)
    servers = [monitoring_rest.start(ref), prometheus.start(ref), prometheus.start_alertmanager(ref)]
    logs, metrics = grpc.insecure_channel(logging_address), grpc.insecure_channel(monitoring_address)
    v3 = monitoring_v3
    yield Desk(
        ref=ref,
        folder=folder,
        logging=LoggingServiceV2Client(transport=LoggingServiceV2GrpcTransport(channel=logs)),
        metrics=v3.MetricServiceClient(transport=MetricServiceGrpcTransport(channel=metrics)),
        policies=v3.AlertPolicyServiceClient(transport=AlertPolicyServiceGrpcTransport(channel=metrics)),
        snoozes=v3.SnoozeServiceClient(transport=SnoozeServiceGrpcTransport(channel=metrics)),
        boards=DashboardsServiceClient(transport=DashboardsServiceGrpcTransport(channel=metrics)),
        rest=servers[0].url,
        prometheus=servers[1].url,
        alertmanager=servers[2].url,
    )
    for channel in (logs, metrics):
        channel.close()
    for server in servers:
        server.close()
    for grpc_server in (logging_server, monitoring_server):
        grpc_server.stop(None)


@pytest.fixture
def freeze(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """No more traffic of its own from now on, so that two questions can be compared exactly."""
    return lambda: monkeypatch.setattr(history, "advance", lambda _world, _until: None)


def _live(world: World, **how: Any) -> Request:
    known: dict[str, Any] = {
        "at": time.time(), "side": "stable", "service": "ion-api", "revision": world.revision_of("stable"),
        "method": "POST", "path": "/chat", "status": 200, "process_time_ms": 81.5, "persona": "Elro",
        "user_id": "gonogo-live", "message_length": 5,
    }  # fmt: skip
    request = Request(**(known | how))
    world.record(request)
    return request


# -- the filter language


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", {1, 2, 3}),
        ("n=1", {1}),
        ("n!=1", {2, 3}),
        ("n>=2", {2, 3}),
        ("n<2 OR n>2", {1, 3}),
        ("NOT n=1", {2, 3}),
        ("-n=1", {2, 3}),
        ('word="RED"', {1}),  # without regard to case
        ('word:"RE"', {1, 2, 3}),
        ('word:"d"', {1, 3}),
        ('word=~"^r.d$"', {1}),
        ('word!~"e"', set()),
        ('word=~"^R"', set()),  # expressions look at case
        ("n=(1 OR 3)", {1, 3}),
        ("n=1 OR n=2 AND n=2", {2}),  # OR binds closer than AND
        ("(n=1) OR (n=2 AND word:*)", {1, 2}),
        ("n=1 n=1", {1}),  # side by side is AND
        ("more=1", {2}),
        ("more!=1", set()),  # a comparison with a missing field fails
        ("NOT more=1", {1, 3}),  # its negation does not
        ("more:*", {2}),
        ('"gree"', {2, 3}),
        ("n=1 -- a comment", {1}),
        ('word="r\\"d"', set()),
        ("n=one", set()),
    ],
)
def test_filter_language(text: str, wanted: set[int]) -> None:
    """The grammar's operators, precedence and missing fields are those of the real language."""
    items = [{"n": 1, "word": "red"}, {"n": 2, "word": "green", "more": 1}, {"n": 3, "word": "greed"}]
    fits = filter_language.predicate(
        filter_language.parse(text), lambda item, path: item.get(path), lambda item: item["word"]
    )
    assert {item["n"] for item in items if fits(item)} == wanted


@pytest.mark.parametrize("text", ["a=", "(a=1", "a=1)", "AND", "a OR", 'a=~"("', "a ! b", "a=(1 OR 2 AND 3)", 'a="x'])
def test_what_is_no_filter_is_refused(text: str) -> None:
    """A filter that is cut off or malformed is an error, not one that matches everything."""
    with pytest.raises(filter_language.FilterError):
        filter_language.parse(text)


# -- Cloud Logging


def test_every_request_of_a_user_is_a_log_entry(desk: Desk, freeze: Callable[[], None]) -> None:
    """The entries of type response are the requests of the world, no more and no less."""
    world = desk.become("deployed")
    freeze()
    found = desk.logs('resource.labels.service_name="ion-api" AND jsonPayload.type="response"')
    wanted = [r for r in world.snapshot() if r.service == "ion-api" and r.persona]
    assert len(found) == len(wanted) > 4000
    assert sum(e.json_payload["process_time_ms"] for e in found) == pytest.approx(
        sum(r.process_time_ms for r in wanted)
    )


def test_pages_hold_every_entry_once(desk: Desk, freeze: Callable[[], None]) -> None:
    """Pages of 97 in either order give the same entries as one question, also when some arrive in between."""
    world = desk.become("deployed")
    freeze()
    wanted = 'resource.labels.service_name="ion-api" AND jsonPayload.process_time_ms>700'
    whole = [e.insert_id for e in desk.logs(wanted)]
    _live(world, process_time_ms=900.0, at=time.time() + 0.01)
    newest_first = [e.insert_id for e in desk.logs(wanted, page_size=97)]
    oldest_first = [e.insert_id for e in desk.logs(wanted, page_size=97, order="timestamp asc")]
    assert len(whole) > 300
    assert set(whole) < set(newest_first)
    assert newest_first == oldest_first[::-1]


def test_severities_are_ordered_and_times_are_instants(desk: Desk) -> None:
    """severity>=WARNING holds ERROR too, and a window of time bounds the answer."""
    world = desk.become("deployed")
    errors, warnings = desk.logs("severity>=ERROR"), desk.logs("severity>=WARNING")
    assert 0 < len(errors) < len(warnings) < len(desk.logs('"chat"'))
    assert {e.severity for e in warnings} == {400, 500}
    assert {e.severity for e in desk.logs("severity=(WARNING OR ERROR)")} == {400, 500}
    start = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(world.now - HOUR))
    last_hour = desk.logs(f'timestamp>="{start}" AND jsonPayload.type="response"')
    assert len(last_hour) == pytest.approx(180, abs=3)
    assert min(e.timestamp.timestamp() for e in last_hour) >= world.now - HOUR - 1


def test_text_and_json_payloads(desk: Desk) -> None:
    """Lines of the platform are text, lines of the application JSON; fields of the one miss in the other."""
    desk.become("deployed")
    assert {e.text_payload for e in desk.logs('textPayload:"new instance"')} == {
        "Starting new instance. Reason: AUTOSCALING",
        "Starting new instance. Reason: DEPLOYMENT_ROLLOUT",
    }
    assert not desk.logs('textPayload:"new instance" AND jsonPayload.type:*')
    assert not desk.logs('resource.type="gce_instance"')


@pytest.mark.parametrize("filter_", ["foo=1", "severity>=LOUD", 'timestamp>="yesterday"', "severity>=", "(a"])
def test_logging_refuses_bad_filters(desk: Desk, filter_: str) -> None:
    """A filter with a mistake is INVALID_ARGUMENT."""
    with pytest.raises(exceptions.InvalidArgument):
        desk.logs(filter_)


def test_logging_refuses_other_projects_tokens_and_orders(desk: Desk) -> None:
    """Another project is denied; a token serves the filter that it was given for, and no other."""
    desk.become("deployed")
    with pytest.raises(exceptions.PermissionDenied):
        list(desk.logging.list_log_entries({"resource_names": ["projects/other"]}, retry=None))
    with pytest.raises(exceptions.InvalidArgument):
        desk.logs("severity>=ERROR", order="severity")
    asked = {"resource_names": [PARENT], "filter": "severity>=INFO", "page_size": 2}
    token = next(desk.logging.list_log_entries(asked, retry=None).pages).next_page_token
    with pytest.raises(exceptions.InvalidArgument):
        list(desk.logging.list_log_entries(asked | {"filter": "severity>=ERROR", "page_token": token}, retry=None))


# -- Cloud Monitoring


@pytest.mark.parametrize("scene", ["before", "stage-5", "deployed", "rolled-back"])
def test_metrics_count_every_request(desk: Desk, scene: str, freeze: Callable[[], None]) -> None:
    """Counts and distributions over the whole history add up to the requests of the world, service by service."""
    world = desk.become(scene)
    freeze()
    over = int(BACKGROUND) + 120
    for service in ("ion-api", "ion-api-canary", "ion-api-staging"):
        counts = desk.series("request_count", over, service=service, every_s=3600)
        latencies = desk.series("request_latencies", over, service=service, every_s=3600)
        wanted = [r for r in world.snapshot() if r.service == service]
        assert sum(p.value.int64_value for s in counts for p in s.points) == len(wanted)
        values = [p.value.distribution_value for s in latencies for p in s.points]
        assert sum(v.count for v in values) == sum(sum(v.bucket_counts) for v in values) == len(wanted)
        total = sum(r.process_time_ms for r in wanted)
        assert sum(v.mean * v.count for v in values) == pytest.approx(total)


def test_a_distribution_tells_its_buckets(desk: Desk, freeze: Callable[[], None]) -> None:
    """Every latency lies in the bucket whose bounds hold it."""
    world = desk.become("deployed")
    freeze()
    found = desk.series("request_latencies", BACKGROUND, every_s=int(BACKGROUND), reduce="REDUCE_SUM")
    value = found[0].points[0].value.distribution_value
    buckets = value.bucket_options.exponential_buckets
    bounds = [buckets.scale * buckets.growth_factor**n for n in range(buckets.num_finite_buckets + 1)]
    start = found[0].points[0].interval.start_time.timestamp()
    ours = [r.process_time_ms for r in world.snapshot() if r.service == "ion-api" and r.at > start + 60]
    below = sum(value.bucket_counts[:20])  # below bounds[19]
    assert below == pytest.approx(sum(ms < bounds[19] for ms in ours), abs=12)


@pytest.mark.parametrize("number", [50, 95, 99])
def test_percentiles_are_near_the_true_ones(desk: Desk, number: int, freeze: Callable[[], None]) -> None:
    """A percentile of the distribution is within one bucket of that of the requests."""
    world = desk.become("deployed")
    freeze()
    ours = sorted(r.process_time_ms for r in world.snapshot() if r.service == "ion-api" and r.at > world.now - HOUR)
    true = ours[math.ceil(len(ours) * number / 100) - 1]
    assert true / 1.4 < desk.percentile(number) < true * 1.4


def test_aggregation_by_period_and_label(desk: Desk, freeze: Callable[[], None]) -> None:
    """Periods and groups split one total; raw points, aligned and reduced ones agree."""
    desk.become("deployed")
    freeze()
    end = time.time()
    raw = desk.series("request_count", 12 * HOUR, end=end, align="ALIGN_NONE", every_s=0)
    hours = desk.series("request_count", 12 * HOUR, end=end, every_s=3600, reduce="REDUCE_SUM")
    by_class = desk.series(
        "request_count", 12 * HOUR, end=end, every_s=3600, reduce="REDUCE_SUM",
        group=("resource.label.service_name", "metric.label.response_code_class"),
    )  # fmt: skip
    totals = [sum(p.value.int64_value for s in found for p in s.points) for found in (raw, hours, by_class)]
    assert totals[0] == totals[1] == totals[2] > 2800
    assert len(hours) == 1
    assert len(hours[0].points) == 12
    ends = [p.interval.end_time.timestamp() for p in hours[0].points]
    assert ends == sorted(ends, reverse=True)  # newest first
    assert ends[0] == pytest.approx(end, abs=0.01)
    assert {tuple(s.resource.labels.items()) for s in by_class} == {(("service_name", "ion-api"),)}
    assert {s.metric.labels["response_code_class"] for s in by_class} >= {"2xx", "5xx"}


def test_filters_of_series(desk: Desk) -> None:
    """Labels of metric and resource narrow the answer; functions are known."""
    world = desk.become("stage-5")
    old, new = (
        desk.series("request_count", more=f' AND resource.labels.revision_name = "{name}"', reduce="REDUCE_SUM")
        for name in (world.previous_revision, world.new_revision)
    )
    share = [sum(p.value.int64_value for p in found[0].points) for found in (old, new)]
    assert share[1] / sum(share) == pytest.approx(0.05, abs=0.015)
    assert not desk.series("request_count", more=' AND metric.labels.response_code_class = "5xx"')
    assert desk.series("request_count", more=' AND metric.labels.response_code = starts_with("2")')
    assert not desk.series("request_count", more=' AND resource.type = "gce_instance"')


def test_pages_of_series_hold_every_point_once(desk: Desk, freeze: Callable[[], None]) -> None:
    """page_size counts points, and a series goes on in the next page."""
    desk.become("deployed")
    freeze()
    end = time.time() - 300
    whole = desk.series("request_count", HOUR, end=end)
    pages = desk.series("request_count", HOUR, end=end, page_size=7)
    assert len(pages) > len(whole)
    assert sorted(str(p.interval.end_time) for s in pages for p in s.points) == sorted(
        str(p.interval.end_time) for s in whole for p in s.points
    )


def test_gauges(desk: Desk) -> None:
    """Instances are a gauge with a state; memory and CPU are distributions around their levels."""
    desk.become("deployed")
    found = desk.series("container/instance_count", align="ALIGN_MAX")
    states = {s.metric.labels["state"]: [p.value.int64_value for p in s.points] for s in found}
    assert set(states["active"]) <= {2, 3}
    assert set(states["idle"]) == {1}
    assert statistics.fmean(desk.utilization("memory")) == pytest.approx(0.29, abs=0.01)
    assert statistics.fmean(desk.utilization("cpu")) == pytest.approx(0.35, abs=0.03)


@pytest.mark.parametrize(
    ("metric", "how"),
    [
        ("request_latencies", {"align": "ALIGN_MEAN"}),
        ("container/instance_count", {"align": "ALIGN_DELTA"}),
        ("container/instance_count", {"align": "ALIGN_PERCENTILE_95"}),
        ("request_count", {"align": "ALIGN_NONE", "reduce": "REDUCE_SUM"}),
        ("request_count", {"every_s": 30}),
        ("request_count", {"reduce": "REDUCE_SUM", "group": ("service",)}),
        ("request_count", {"more": " AND foo = 1"}),
        ("request_count", {"over_s": -60}),
    ],
)
def test_monitoring_refuses_what_the_api_refuses(desk: Desk, metric: str, how: dict[str, Any]) -> None:
    """An aligner that does not fit, a short period, an unknown field or a window backwards: INVALID_ARGUMENT."""
    desk.become("deployed")
    with pytest.raises(exceptions.InvalidArgument):
        desk.series(metric, **how)


def test_unknown_metric_is_not_found(desk: Desk) -> None:
    """A misspelt metric is an error and not an empty answer."""
    with pytest.raises(exceptions.NotFound):
        desk.series("request_latency")


def test_a_live_request_shows_in_logs_and_metrics(desk: Desk, freeze: Callable[[], None]) -> None:
    """What the stand-in served a moment ago is in Cloud Logging and Cloud Monitoring at once."""
    world = desk.become("deployed")
    freeze()
    before = desk.counts(HOUR).get("4xx", 0)
    _live(world, status=429, persona="", user_id="", error_type="rate_limited", message="Too many requests")
    [entry] = desk.logs('jsonPayload.error_type="rate_limited"')
    assert entry.json_payload["message"] == "Too many requests"
    assert entry.severity == 400  # WARNING
    assert desk.counts(HOUR).get("4xx", 0) == before + 1


def test_traffic_goes_on_while_the_world_is_watched(desk: Desk) -> None:
    """Time that passes brings requests, so that a rehearsal that stays up never looks stale."""
    world = World("deployed", frozenset(), time.time() - 6 * HOUR, RELEASE, desk.folder)
    history.seed(world)
    seeded = len(world.requests)
    desk.ref.world = world
    newest = max(p.interval.end_time.timestamp() for s in desk.series("request_count", 600) for p in s.points)
    assert newest > time.time() - 90
    assert len(world.requests) == pytest.approx(seeded * 31 / 25, rel=0.02)


def test_history_is_the_same_at_every_start() -> None:
    """Two worlds made at different times have the same past, relative to their now."""
    worlds = [World("deployed", frozenset(), now, RELEASE) for now in (1e9, 1e9 + 12345)]
    for world in worlds:
        random.seed(world.now)
        history.seed(world)
    first, second = ([(r.status, r.process_time_ms, r.user_id) for r in world.requests] for world in worlds)
    assert first == second
    assert 9_000 < len(first) < 40_000


# -- healthy scenes are healthy


def test_a_healthy_deploy_is_within_every_limit(desk: Desk) -> None:
    """The figures of scene deployed are inside the limits of the checklists at once."""
    world = desk.become("deployed")
    assert desk.percentile(50) < 1000
    assert desk.percentile(95) < 1000
    assert desk.percentile(99) < 5000
    assert desk.mean_ms(12 * HOUR) < 1000
    assert desk.error_ratio(HOUR) == 0
    assert 0 < desk.error_ratio(12 * HOUR) < 0.005
    assert desk.counts(12 * HOUR)["4xx"] > 0
    errors = desk.logs('severity>=ERROR AND resource.labels.service_name="ion-api"')
    ages = [world.now - e.timestamp.timestamp() for e in errors]
    assert 3 <= len(errors) < 10
    assert all(HOUR < age < BACKGROUND - 30 * 60 for age in ages)
    assert any(e.json_payload.get("service") == "vertex_ai" for e in errors)
    assert all(e.json_payload["retries"] >= 1 for e in desk.logs('jsonPayload.type="retry"'))
    assert not desk.logs('jsonPayload.type="health_check"')
    by_persona: dict[str, list[float]] = {}
    for entry in desk.logs('jsonPayload.type="response"'):
        by_persona.setdefault(entry.json_payload["persona_used"], []).append(entry.json_payload["process_time_ms"])
    medians = [statistics.median(values) for values in by_persona.values()]
    assert set(by_persona) == set(PERSONAS)
    assert max(medians) < 1.2 * min(medians)


def test_a_healthy_canary_is_within_every_limit(desk: Desk) -> None:
    """The figures of the canary in scene stage-5 are inside the limits, and there are enough of them."""
    desk.become("stage-5")
    canary = "ion-api-canary"
    assert desk.percentile(95, service=canary) < 15_000
    assert desk.error_ratio(HOUR, canary) == 0
    assert desk.error_ratio(24 * HOUR, canary) < 0.005
    assert sum(desk.counts(15 * 60, canary).values()) >= 40
    assert max(desk.utilization("memory", service=canary)) < 0.85
    assert max(desk.utilization("cpu", service=canary)) < 0.8


def test_a_rollback_shows_before_and_after(desk: Desk) -> None:
    """Before the rollback the new revision failed, since then the previous one is healthy."""
    world = desk.become("rolled-back")
    assert desk.error_ratio(HOUR) == 0
    assert desk.percentile(95) < 2000
    revisions = {e.resource.labels["revision_name"] for e in desk.logs('jsonPayload.error_type="internal"')}
    assert world.new_revision in revisions
    assert desk.error_ratio(30 * 60, newest_s=2 * HOUR) > 0.02


# -- every fault changes the figure that it claims


def test_faults_of_the_telemetry_are_all_named() -> None:
    """Each effect has its entry in faults.yaml, and each entry of the telemetry section an effect in the code."""
    text = (REHEARSAL / "faults.yaml").read_text(encoding="utf-8")
    named = set(yaml.safe_load(text))
    section = set(yaml.safe_load(text[text.index("# telemetry:") : text.index("# load:")]))
    effects = {*telemetry_faults.REQUESTS, *telemetry_faults.RESOURCES, *telemetry_faults.LINES}
    assert effects <= named
    code = "\n".join(path.read_text(encoding="utf-8") for path in REHEARSAL.glob("*.py"))
    assert {name for name in section if f'"{name}"' not in code} == set()


@pytest.mark.parametrize(
    ("fault", "low", "high"),
    [
        ("latency-p95-3s", 2000, 5000),
        ("latency-p95-12s", 10_000, 20_000),
        ("latency-doubling", 2000, 8000),
        ("persona-slow", 800, 2000),
        ("client-burst", 0, 1000),
        ("errors-2pct", 0, 1000),
    ],
)
def test_p95_of_the_last_hour(desk: Desk, fault: str, low: float, high: float) -> None:
    """P95 of the last hour is what the fault says, and untouched by faults of something else."""
    desk.become("deployed", fault)
    assert low < desk.percentile(95) < high


def test_p99_alone(desk: Desk) -> None:
    """Three slow requests in a hundred move P99 above 5 s and leave P95 below 2 s."""
    desk.become("deployed", "latency-p99-7s")
    assert desk.percentile(99, 24 * HOUR) > 5000
    assert desk.percentile(95, 24 * HOUR) < 2000


@pytest.mark.parametrize("fault", ["latency-mean-12h", "latency-doubling"])
def test_mean_of_twelve_hours(desk: Desk, fault: str) -> None:
    """The mean over twelve hours is above 2 s."""
    desk.become("deployed", fault)
    assert desk.mean_ms(12 * HOUR) > 2050


def test_mean_of_twelve_hours_spares_the_last(desk: Desk) -> None:
    """The hours before the last one were slow, the last one is normal."""
    desk.become("deployed", "latency-mean-12h")
    assert desk.percentile(95) < 1000


@pytest.mark.parametrize(
    ("fault", "over_s", "low", "high"),
    [
        ("errors-2pct", HOUR, 0.01, 0.05),
        ("errors-12h", HOUR, -1, 0.001),
        ("errors-12h", 12 * HOUR, 0.005, 0.05),
        ("errors-60pct", HOUR, 0.5, 0.7),
        ("vertex-timeouts", HOUR, 0.01, 0.1),
        ("error-since-deploy", 12 * HOUR, -1, 0.005),
        ("status-takeover", HOUR, -1, 0.001),
        ("error-log-noise", HOUR, -1, 0.001),
    ],
)
def test_error_ratio(desk: Desk, fault: str, over_s: float, low: float, high: float) -> None:
    """The ratio of 5xx is what the fault says."""
    desk.become("deployed", fault)
    assert low < desk.error_ratio(over_s) < high


@pytest.mark.parametrize(
    ("fault", "over_s", "low", "high"),
    [
        ("canary-errors-2pct", HOUR, 0.01, 0.04),
        ("canary-errors-8pct", HOUR, 0.05, 0.12),
        ("canary-errors-8pct", 5 * 60, 0.03, 0.2),
        ("canary-errors-yesterday", HOUR, -1, 0.001),
        ("canary-errors-yesterday", 24 * HOUR, 0.01, 0.05),
    ],
)
def test_error_ratio_of_the_canary(desk: Desk, fault: str, over_s: float, low: float, high: float) -> None:
    """The canary's faults are the canary's alone."""
    desk.become("stage-5", fault)
    assert low < desk.error_ratio(over_s, "ion-api-canary") < high
    assert desk.error_ratio(HOUR) == 0


def test_slow_canary(desk: Desk) -> None:
    """The canary's P95 is above 15 s, its health checks included, the stable side's is not."""
    desk.become("stage-5", "canary-slow")
    assert desk.percentile(95, service="ion-api-canary") > 15_000
    assert desk.percentile(95) < 2000


@pytest.mark.parametrize(
    ("fault", "filter_", "wanted"),
    [
        ("oom-killed", 'jsonPayload.error_type="oom" AND jsonPayload.message:"OOMKilled"', 1),
        ("db-pool-exhausted", 'jsonPayload.error_type="db_pool"', 5),
        ("error-log-noise", 'severity>=ERROR AND jsonPayload.error_type="telemetry"', 20),
        ("health-check-failures", 'jsonPayload.type="health_check" AND jsonPayload.status_code>=500', 4),
        ("vertex-timeouts", 'jsonPayload.service="vertex_ai" AND jsonPayload.message:"API call timeout"', 7),
    ],
)
def test_log_lines_of_a_fault(desk: Desk, fault: str, filter_: str, wanted: int) -> None:
    """The lines that a fault writes are there with it and are not without it."""
    desk.become("deployed")
    assert not desk.logs(filter_)
    desk.become("deployed", fault)
    assert len(desk.logs(filter_)) == wanted


def test_one_error_since_the_deploy(desk: Desk) -> None:
    """One ERROR entry within thirty minutes of the deploy, twenty minutes after it."""
    world = desk.become("deployed", "error-since-deploy")
    end = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(world.t0 + 30 * 60))
    [entry] = desk.logs(f'severity>=ERROR AND timestamp<="{end}"')
    assert entry.timestamp.timestamp() - world.t0 == pytest.approx(20 * 60, abs=30)


def test_a_burst_of_one_client(desk: Desk) -> None:
    """One client sends hundreds of requests within a few minutes."""
    world = desk.become("deployed", "client-burst")
    start = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(world.now - HOUR))
    found = desk.logs(f'timestamp>="{start}" AND jsonPayload.type="response" AND jsonPayload.user_id="user-007"')
    times = [e.timestamp.timestamp() for e in found]
    busiest = max(sum(at <= other < at + 150 for other in times) for at in times)
    assert busiest >= 500


def test_a_status_takes_over(desk: Desk) -> None:
    """Four in ten requests of two hours are 404, all for one client."""
    world = desk.become("deployed", "status-takeover")
    counts = desk.counts(2 * HOUR)
    assert counts["4xx"] / sum(counts.values()) > 0.3
    scanned = {r.user_id for r in world.snapshot() if r.status == 404 and r.at > world.now - 2 * HOUR}
    assert scanned == {"scanner-1"}
    assert len(desk.logs('jsonPayload.user_id="scanner-1" AND jsonPayload.type="response"')) > 150


def test_personas_of_a_fault(desk: Desk) -> None:
    """A silent persona has no entry, not even of a live request; a slow one has three times the median."""
    world = desk.become("deployed", "persona-silent")
    _live(world, persona=PERSONAS[-1])
    assert not desk.logs(f'jsonPayload.persona_used="{PERSONAS[-1]}"')
    assert desk.logs(f'jsonPayload.persona_used="{PERSONAS[0]}"')
    desk.become("deployed", "persona-slow")
    answered = 'jsonPayload.type="response" AND jsonPayload.persona_used='
    medians = [
        statistics.median(e.json_payload["process_time_ms"] for e in desk.logs(f'{answered}"{name}"'))
        for name in (PERSONAS[0], PERSONAS[-1])
    ]
    assert medians[1] > 2.5 * medians[0]


@pytest.mark.parametrize(
    ("fault", "what", "low", "high"),
    [
        ("memory-600mb", "memory", 0.55, 0.62),
        ("memory-full", "memory", 0.97, 1.0),
        ("cpu-85pct", "cpu", 0.81, 0.89),
        ("cpu-95pct", "cpu", 0.91, 0.99),
    ],
)
def test_resource_use(desk: Desk, fault: str, what: str, low: float, high: float) -> None:
    """Utilisation is what the fault says, the other resource stays."""
    desk.become("deployed", fault)
    assert low <= statistics.fmean(desk.utilization(what)) <= high
    other = {"memory": "cpu", "cpu": "memory"}[what]
    assert statistics.fmean(desk.utilization(other)) < 0.45


def test_resource_use_of_the_canary(desk: Desk) -> None:
    """The canary's memory and CPU have faults of their own."""
    for fault, what in (("canary-memory-90", "memory"), ("canary-cpu-90", "cpu")):
        desk.become("stage-5", fault)
        assert statistics.fmean(desk.utilization(what, service="ion-api-canary")) == pytest.approx(0.9, abs=0.02)


def test_rising_memory_stays_below_its_limit(desk: Desk) -> None:
    """Memory rises over twelve hours and ends below 500 MB."""
    desk.become("deployed", "memory-rising")
    means = desk.utilization("memory", 12 * HOUR)
    assert statistics.fmean(means[:30]) - statistics.fmean(means[-30:]) == pytest.approx(0.16, abs=0.02)
    assert max(means) * 1073.741824 < 500


def test_instances_of_a_fault(desk: Desk) -> None:
    """Forty instances, or none."""
    for fault, wanted in (("instances-40", 40), ("instances-0", 0)):
        desk.become("deployed", fault)
        more = ' AND metric.labels.state = "active"'
        [active] = desk.series("container/instance_count", align="ALIGN_MEAN", more=more)
        assert {p.value.double_value for p in active.points} == {wanted}


def test_logging_as_a_broken_source(desk: Desk) -> None:
    """Entries of the old revision, none since hours, failing queries and lost pages."""
    world = desk.become("deployed", "logs-of-old-revision")
    assert {e.resource.labels["revision_name"] for e in desk.logs('jsonPayload.type="response"')} == {
        world.previous_revision
    }
    world = desk.become("deployed", "logs-stopped")
    assert desk.logs("severity>=INFO")[0].timestamp.timestamp() < world.now - 3 * HOUR
    desk.become("deployed", "error-log-query-fails")
    with pytest.raises(exceptions.DeadlineExceeded):
        desk.logs("severity>=ERROR")
    assert desk.logs('jsonPayload.type="response"')
    desk.become("deployed", "access-log-query-fails")
    with pytest.raises(exceptions.ServiceUnavailable):
        desk.logs('jsonPayload.type="response"')
    assert desk.logs("severity>=ERROR")
    desk.become("deployed", "logging-page-lost")
    with pytest.raises(exceptions.InvalidArgument):
        desk.logs("jsonPayload.process_time_ms>1500")


def test_monitoring_as_a_broken_source(desk: Desk) -> None:
    """No points since hours, missing series, NaN."""
    world = desk.become("deployed", "metrics-stopped")
    assert not desk.series("request_count")
    assert (
        max(p.interval.end_time.timestamp() for s in desk.series("request_count", 6 * HOUR) for p in s.points)
        <= world.now - 3 * HOUR + 60
    )
    desk.become("deployed", "request-count-missing")
    assert not desk.series("request_count")
    assert desk.series("request_latencies")
    desk.become("deployed", "request-count-zero")
    assert set(desk.counts(HOUR).values()) == {0}
    desk.become("stage-5", "canary-no-metrics")
    assert not desk.series("request_count", service="ion-api-canary")
    assert desk.series("request_count")
    desk.become("deployed", "metrics-nan")
    assert all(math.isnan(value) for value in desk.utilization("memory") + desk.utilization("cpu"))


# -- what is set up in Cloud Monitoring


def test_dashboards_and_their_faults(desk: Desk) -> None:
    """Three dashboards with their widgets; a fault takes one of either."""

    def boards() -> dict[str, list[str]]:
        found = desk.boards.list_dashboards({"parent": PARENT}, retry=None)
        return {board.display_name: [tile.widget.title for tile in board.mosaic_layout.tiles] for board in found}

    desk.become("before")
    whole = boards()
    assert [len(widgets) for widgets in whole.values()] == [6, 5, 5]
    desk.become("before", "dashboard-missing")
    assert set(whole) - set(boards()) == {"ION errors"}
    desk.become("before", "dashboard-widget-missing")
    assert set(whole["ION performance"]) - set(boards()["ION performance"]) == {"Memory"}


def test_alert_policies_and_their_faults(desk: Desk) -> None:
    """Error rate above 5 % for 300 s, and the critical and warning rules, all enabled and with a channel."""

    def policies() -> dict[str, Any]:
        return {p.display_name: p for p in desk.policies.list_alert_policies(name=PARENT, retry=None)}

    desk.become("deployed")
    whole = policies()
    assert list(whole) == ["ION error rate", "ION critical", "ION warning"]
    assert all(policy.enabled and policy.notification_channels for policy in whole.values())
    condition = whole["ION error rate"].conditions[0].condition_threshold
    assert (condition.threshold_value, condition.duration.total_seconds()) == (0.05, 300)
    assert [c.condition_threshold.threshold_value for c in whole["ION critical"].conditions] == [5000, 0.1, 0.78125]
    desk.become("deployed", "alert-policy-missing")
    assert "ION error rate" not in policies()
    desk.become("deployed", "alert-policy-disabled")
    assert not policies()["ION error rate"].enabled
    desk.become("deployed", "alert-policy-no-channel")
    assert not policies()["ION error rate"].notification_channels
    desk.become("deployed", "alert-policy-wrong-threshold")
    assert policies()["ION error rate"].conditions[0].condition_threshold.threshold_value == 0.5


def test_snoozes_and_their_fault(desk: Desk) -> None:
    """One snooze is active; with the fault another one ended five hours ago."""

    def ends(world: World) -> list[float]:
        found = desk.snoozes.list_snoozes(parent=PARENT, retry=None)
        return sorted((s.interval.end_time.timestamp() - world.now) / HOUR for s in found)

    assert ends(desk.become("deployed")) == pytest.approx([3], abs=0.01)
    assert ends(desk.become("deployed", "snooze-expired")) == pytest.approx([-5, 3], abs=0.01)


def test_alerts_by_rest(desk: Desk) -> None:
    """The alerts of a day need the token; one is open only with the fault; a fault denies them."""
    url = f"{desk.rest}/v3/{PARENT}/alerts"
    desk.become("deployed")
    assert [a["state"] for a in _get(url, TOKEN)["alerts"]] == ["CLOSED"]
    desk.become("deployed", "alert-open")
    assert [a["state"] for a in _get(url, TOKEN)["alerts"]] == ["OPEN", "CLOSED"]
    wanted = urllib.parse.urlencode({"filter": 'state="OPEN"'})
    only_open = _get(f"{url}?{wanted}", TOKEN)["alerts"]
    assert [a["policy"]["displayName"] for a in only_open] == ["ION error rate"]
    first = _get(f"{url}?pageSize=1", TOKEN)
    assert _get(f"{url}?pageSize=1&pageToken={first['nextPageToken']}", TOKEN)["alerts"][0]["state"] == "CLOSED"
    for token, fault, status in (("", "alert-open", 401), ("wrong", "alert-open", 401), (TOKEN, "alerts-denied", 403)):
        desk.become("deployed", fault)
        with pytest.raises(urllib.error.HTTPError) as refused:
            _get(url, token)
        assert refused.value.code == status


# -- Prometheus, Alertmanager, the CSV file


def _value(answer: Any) -> float:
    [series] = answer["data"]["result"]
    return float(series["value"][1])


def test_promql_of_the_checklists(desk: Desk) -> None:
    """Selectors and functions over time agree with one another."""
    desk.become("deployed")
    now = f"{time.time():.3f}"
    metric = "resonance_loop_latency_ms"
    [matrix] = desk.promql(metric, start=f"{float(now) - 300:.3f}", end=now, step="15s")["data"]["result"]
    values = [float(text) for _, text in matrix["values"]]
    assert len(values) == 21
    most = _value(_get(f"{desk.prometheus}/api/v1/query?query=max_over_time({metric}%5B5m%5D)&time={now}"))
    mean = _value(_get(f"{desk.prometheus}/api/v1/query?query=avg_over_time({metric}%5B5m%5D)&time={now}"))
    high = _value(desk.promql(f"quantile_over_time(0.95, {metric}[5m])"))
    assert min(values) < mean < high <= most <= 200
    assert most in values
    assert 0.95 < _value(desk.promql("resonance_adapter_success_rate")) <= 1
    assert _value(desk.promql('resonance_safety_state{state="OK"}')) == 1
    assert _value(desk.promql('resonance_safety_state{state="BLOCK"}')) == 0
    assert len(desk.promql("resonance_safety_state")["data"]["result"]) == 3
    assert desk.promql('resonance_safety_state{state="FINE"}')["data"]["result"] == []


@pytest.mark.parametrize(
    "query", ["", "up", "rate(resonance_loop_latency_ms[5m])", "resonance_loop_latency_ms[5m]", "1+"]
)
def test_promql_that_the_stand_in_does_not_know(desk: Desk, query: str) -> None:
    """Any other expression is 400 bad_data, as Prometheus answers to what it cannot parse."""
    with pytest.raises(urllib.error.HTTPError) as refused:
        desk.promql(query)
    body = json.loads(refused.value.read())
    assert (refused.value.code, body["status"], body["errorType"]) == (400, "error", "bad_data")
    assert refused.value.headers["X-Stand-In"].startswith("prometheus")


def test_loop_faults(desk: Desk) -> None:
    """Each fault of the loop shows in Prometheus, in its rules and alerts, and in the CSV file."""
    latest = "max_over_time(resonance_loop_latency_ms[5m])"
    desk.become("deployed")
    assert _get(f"{desk.alertmanager}/api/v2/alerts") == []
    assert _get(f"{desk.alertmanager}/api/v2/silences") == []
    desk.become("deployed", "loop-latency-350ms")
    assert _value(desk.promql(latest)) > 300
    assert [a["labels"]["alertname"] for a in _get(f"{desk.alertmanager}/api/v2/alerts")] == ["ResonanceLoopLate"]
    desk.become("deployed", "loop-adapter-70pct")
    assert _value(desk.promql("avg_over_time(resonance_adapter_success_rate[5m])")) == pytest.approx(0.7, abs=0.01)
    desk.become("deployed", "loop-safety-block")
    assert _value(desk.promql('resonance_safety_state{state="BLOCK"}')) == 1
    desk.become("deployed", "prometheus-nan")
    assert math.isnan(_value(desk.promql(latest)))
    desk.become("deployed", "prometheus-warns")
    assert desk.promql(latest)["warnings"]
    desk.become("deployed", "loop-rule-missing")
    [group] = _get(f"{desk.prometheus}/api/v1/rules")["data"]["groups"]
    assert [(rule["name"], rule["health"]) for rule in group["rules"]] == [("ResonanceLoopLate", "ok")]


def test_metrics_file_grows(desk: Desk) -> None:
    """A row a second is added to the file of the world that runs, and none to that of another."""
    path = resonance.write(desk.become("deployed"))
    stop = threading.Event()
    thread = threading.Thread(target=resonance.grow, args=(desk.ref, stop))
    thread.start()
    time.sleep(1.3)
    desk.become("deployed", "loop-safety-block")  # its file is not written yet
    time.sleep(0.2)
    grown = path.read_text(encoding="utf-8").splitlines()
    time.sleep(1.2)
    stop.set()
    thread.join(5)
    assert not thread.is_alive()
    assert len(grown) >= 602
    assert path.read_text(encoding="utf-8").splitlines() == grown


def test_metrics_file(desk: Desk) -> None:
    """The file has its four columns, a row a second up to now, and what the faults say."""

    def rows(*faults: str) -> list[list[str]]:
        path = resonance.write(desk.become("deployed", *faults))
        head, *lines = path.read_text(encoding="utf-8").splitlines()
        assert head == "timestamp,loop_latency_ms,adapter_success_rate,safety"
        return [line.split(",") for line in lines]

    healthy = rows()
    assert len(healthy) == 600
    assert max(float(row[1]) for row in healthy) <= 200
    assert min(float(row[2]) for row in healthy) > 0.95
    assert {row[3] for row in healthy} == {"OK"}
    today = time.strftime("%Y-%m-%dT%H:%M", time.gmtime())[:13]
    assert healthy[-1][0][:13] == today or time.gmtime().tm_min == 0
    assert min(float(row[1]) for row in rows("loop-latency-350ms")) > 300
    assert max(float(row[2]) for row in rows("loop-adapter-70pct")) < 0.75
    assert "BLOCK" in {row[3] for row in rows("loop-safety-block")}
    assert rows("loop-csv-stale")[-1][0] < healthy[-1][0][:10]
