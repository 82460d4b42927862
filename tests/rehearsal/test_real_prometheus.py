"""The stand-in for Prometheus and Alertmanager held against the real ones, on the same samples."""

from __future__ import annotations

import http.server
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.prometheus_servers import asked, binary, get, port, running, wait

from gonogo.model.environment import BackEnd, Environment
from gonogo.model.evidence import Seen
from gonogo.probes.alerts import Alertmanager, Kept, PrometheusRules, look_at_alertmanager, look_at_rules
from gonogo.probes.base import Vantage
from gonogo.probes.prometheus import Prometheus, look

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "environments" / "rehearsal"))

import prometheus as stand_in  # noqa: E402
import resonance  # noqa: E402
from world import World, WorldRef  # noqa: E402

SERVER, TOOL, MANAGER = "prometheus", "promtool", "prometheus-alertmanager"
RELEASE = {"version": "1.3.0", "image": "registry.test/ion-api:v1.3.0"}
HISTORY_S = 1500


EXPRESSIONS = sorted({one["query"] for one in asked("ion")})
KNOWN = [
    "resonance_loop_latency_ms",
    'resonance_loop_latency_ms{job="resonance"}',
    'resonance_loop_latency_ms{job="other"}',
    'resonance_safety_state{state="OK"}',
    "resonance_safety_state",
    "min_over_time(resonance_loop_latency_ms[10m])",
    "avg_over_time(resonance_loop_latency_ms[5m])",
    "last_over_time(resonance_loop_latency_ms[5m])",
    "quantile_over_time(0.95, resonance_loop_latency_ms[5m])",
    "quantile_over_time(0.5, resonance_adapter_success_rate[90s])",
]


@dataclass(kw_only=True)
class Pair:
    """Base addresses of the real servers and of their stand-ins; `until` is the newest sample of their history."""

    real: str
    like: str
    real_manager: str
    like_manager: str
    world: World
    ref: WorldRef
    until: float

    def ask(self, path: str, **params: Any) -> tuple[tuple[int, Any], tuple[int, Any]]:
        """Status and document of both for one request, the real one first."""
        query = f"{path}?{urllib.parse.urlencode(params)}" if params else path
        return get(self.real + query), get(self.like + query)


def _samples(world: World, at: float) -> Iterator[tuple[str, dict[str, str], float]]:
    for name, series in stand_in.METRICS.items():
        for labels, value in series(world, at):
            yield name, labels, value


def _labels(labels: dict[str, str]) -> str:
    return "{" + ",".join(f'{name}="{value}"' for name, value in labels.items()) + "}" if labels else ""


def _history(world: World, until: float) -> str:
    """What the stand-in says of the past, as OpenMetrics with the times of its scrapes."""
    step = stand_in.SCRAPE_S
    times = [until - n * step for n in reversed(range(HISTORY_S // step))]
    lines: list[str] = []
    for name in stand_in.METRICS:
        lines.append(f"# TYPE {name} gauge")
        lines += [
            f"{one}{_labels({**labels, **stand_in.TARGET})} {value} {at:.0f}"
            for at in times
            for one, labels, value in _samples(world, at)
            if one == name
        ]
    return "\n".join([*lines, "# EOF", ""])


class Target(http.server.BaseHTTPRequestHandler):
    """What the loop exposes, for the real server to scrape."""

    world: World

    def do_GET(self) -> None:
        newest = time.time() // stand_in.SCRAPE_S * stand_in.SCRAPE_S
        lines = [f"{name}{_labels(labels)} {value}" for name, labels, value in _samples(self.world, newest)]
        body = ("\n".join(lines) + "\n").encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


def _configure(folder: Path, target: int, manager: int) -> None:
    rules = [
        {"alert": name, "expr": query, "for": f"{duration}s", "labels": {"severity": severity}}
        for name, query, duration, severity in stand_in.RULES
    ]
    always = [{"alert": "Always", "expr": "vector(1)", "labels": {"severity": "warning"}}]
    groups = [
        {"name": "resonance", "interval": "1s", "rules": rules},
        {"name": "test", "interval": "1s", "rules": always},
    ]
    scrape = {
        "job_name": stand_in.TARGET["job"],
        "static_configs": [{"targets": [f"127.0.0.1:{target}"]}],
        "relabel_configs": [{"target_label": "instance", "replacement": stand_in.TARGET["instance"]}],
    }
    settings = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": ["rules.yml"],
        "scrape_configs": [scrape],
        "alerting": {"alertmanagers": [{"static_configs": [{"targets": [f"127.0.0.1:{manager}"]}]}]},
    }
    receive = {
        "route": {"receiver": "production-alerts", "group_wait": "1s"},
        "receivers": [{"name": "production-alerts"}],
    }
    for name, document in (
        ("rules.yml", {"groups": groups}),
        ("prometheus.yml", settings),
        ("alertmanager.yml", receive),
    ):
        (folder / name).write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """Both of each kind, up; the real server holds the stand-in's past and scrapes its present every second."""
    server, tool, manager = binary(SERVER), binary(TOOL), binary(MANAGER)
    folder = tmp_path_factory.mktemp("prometheus")
    world = World("deployed", frozenset(), time.time(), RELEASE, folder)
    ref = WorldRef(world)
    until = time.time() // stand_in.SCRAPE_S * stand_in.SCRAPE_S - stand_in.SCRAPE_S
    (folder / "history.txt").write_text(_history(world, until), encoding="utf-8")
    made = subprocess.run(
        [tool, "tsdb", "create-blocks-from", "openmetrics", "history.txt", "data"],
        cwd=folder, capture_output=True, encoding="utf-8", check=False,
    )  # fmt: skip
    assert made.returncode == 0, made.stdout + made.stderr
    handler = type("TargetOfTest", (Target,), {"world": world})
    target = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=target.serve_forever, daemon=True).start()
    mine, its = port(), port()
    _configure(folder, target.server_port, its)
    alike, alike_manager = stand_in.start(ref), stand_in.start_alertmanager(ref)
    start = [
        server,
        "--config.file=prometheus.yml",
        "--storage.tsdb.path=data",
        "--rules.alert.resend-delay=1s",  # its first alert goes out before it has found Alertmanager
        f"--web.listen-address=127.0.0.1:{mine}",
    ]
    receive = [manager, "--config.file=alertmanager.yml", "--storage.path=kept", "--cluster.listen-address="]
    try:
        with running([*receive, f"--web.listen-address=127.0.0.1:{its}"], folder), running(start, folder):
            both = Pair(
                real=f"http://127.0.0.1:{mine}", like=alike.url, world=world, ref=ref, until=until,
                real_manager=f"http://127.0.0.1:{its}", like_manager=alike_manager.url,
            )  # fmt: skip
            wait("Prometheus", lambda: get(both.real + "/-/ready")[0] == 200)
            wait("Alertmanager", lambda: get(both.real_manager + "/-/ready")[0] == 200)
            yield both
    finally:
        for one in (alike, alike_manager):
            one.close()
        target.shutdown()
        target.server_close()


def _plain(series: list[dict[str, Any]]) -> list[tuple[Any, list[tuple[float, float]]]]:
    """Labels and samples in a fixed order, values as numbers."""
    rows = [
        (
            sorted(each["metric"].items()),
            [(pytest.approx(at, abs=1e-3), pytest.approx(float(v), rel=1e-9)) for at, v in each.get("values", [])]
            or [(pytest.approx(each["value"][0], abs=1e-3), pytest.approx(float(each["value"][1]), rel=1e-9))],
        )
        for each in series
    ]
    return sorted(rows, key=lambda row: row[0])


def test_the_checklists_ask_prometheus_something() -> None:
    """The comparison below is of something."""
    assert len(EXPRESSIONS) >= 2


@pytest.mark.parametrize("query", [*EXPRESSIONS, *KNOWN])
def test_an_expression_has_the_same_value(query: str, pair: Pair) -> None:
    """At any time of the recorded past: the same labels, the same number, the same time."""
    for at in (pair.until - 301.7, pair.until - 600.2, pair.until - 45.0):
        (real_status, real), (status, like) = pair.ask("/api/v1/query", query=query, time=at)
        assert (status, like["status"], set(like), set(like["data"])) == (
            real_status,
            real["status"],
            set(real),
            set(real["data"]),
        )
        assert like["data"]["resultType"] == real["data"]["resultType"] == "vector"
        found = like["data"]["result"]
        assert all(isinstance(each["value"][1], str) for each in found)
        assert _plain(found) == [
            (labels, [(one.expected, value.expected) for one, value in samples])
            for labels, samples in _plain(real["data"]["result"])
        ]
        assert bool(found) == ("other" not in query)


@pytest.mark.parametrize("query", [*EXPRESSIONS, "resonance_safety_state"])
def test_a_range_has_the_same_points(query: str, pair: Pair) -> None:
    """Ten minutes every 30 s: the same series, the same points."""
    asked = {"query": query, "start": pair.until - 660.3, "end": pair.until - 60.3, "step": "30s"}
    (real_status, real), (status, like) = pair.ask("/api/v1/query_range", **asked)
    assert (status, like["data"]["resultType"]) == (real_status, real["data"]["resultType"]) == (200, "matrix")
    assert [len(each["values"]) for each in like["data"]["result"]] == [21] * len(real["data"]["result"])
    assert _plain(like["data"]["result"]) == [
        (labels, [(one.expected, value.expected) for one, value in samples])
        for labels, samples in _plain(real["data"]["result"])
    ]


@pytest.mark.parametrize(
    ("path", "params"),
    [
        ("query", {"query": "resonance_loop_latency_ms}"}),
        ("query", {"query": "max_over_time(resonance_loop_latency_ms)"}),
        ("query", {"query": "max_over_time(resonance_loop_latency_ms[5])"}),
        ("query", {"query": ""}),
        ("query", {}),
        ("query", {"query": "resonance_loop_latency_ms", "time": "yesterday"}),
        ("query_range", {"query": "resonance_loop_latency_ms", "start": 1, "end": 2}),
        ("query_range", {"query": "resonance_loop_latency_ms", "start": 1, "end": 2, "step": 0}),
        ("query_range", {"query": "resonance_loop_latency_ms", "start": 2, "end": 1, "step": 1}),
        ("query_range", {"query": "resonance_loop_latency_ms", "start": 0, "end": 12_000, "step": 1}),
        ("query_range", {"query": "resonance_loop_latency_ms", "end": 12_000, "step": 1}),
        ("query_range", {"query": "resonance_loop_latency_ms}", "start": 1, "end": 2, "step": 1}),
    ],
)  # fmt: skip
def test_a_bad_request_is_refused_alike(path: str, params: dict[str, Any], pair: Pair) -> None:
    """The same status, the same kind of error, the same beginning of its text."""
    (real_status, real), (status, like) = pair.ask(f"/api/v1/{path}", **params)
    assert (status, like["status"], like["errorType"], set(like)) == (
        real_status,
        real["status"],
        real["errorType"],
        set(real),
    )
    if "parse error" in real["error"]:  # some versions name the parameter before it, some do not
        assert "parse error" in like["error"]
    else:
        assert like["error"][:24] == real["error"][:24]


def test_rules_have_the_same_fields(pair: Pair) -> None:
    """Group and rule: the same keys, the same rules, in the same state."""
    wait(
        "the rules' first evaluation",
        lambda: all(
            rule["health"] == "ok" for rule in get(pair.real + "/api/v1/rules")[1]["data"]["groups"][0]["rules"]
        ),
    )
    (_, real), (_, like) = pair.ask("/api/v1/rules")
    ours, theirs = like["data"]["groups"][0], real["data"]["groups"][0]
    assert set(ours) == set(theirs)
    assert ours["name"] == theirs["name"]
    kept = ("name", "query", "duration", "labels", "annotations", "alerts", "state", "health", "type")
    for mine, its in zip(ours["rules"], theirs["rules"], strict=True):
        assert set(mine) == set(its)
        assert {key: mine[key] for key in kept} == {key: its[key] for key in kept}


def test_alerts_and_silences_have_the_same_fields(pair: Pair) -> None:
    """An alert that the real server sent to the real Alertmanager has the keys of the stand-in's."""
    pair.ref.world = World("deployed", frozenset({"loop-latency-350ms"}), time.time(), RELEASE, pair.world.folder)
    try:
        status, ours = get(pair.like_manager + "/api/v2/alerts")
        silences = get(pair.like_manager + "/api/v2/silences")
    finally:
        pair.ref.world = pair.world
    wait("an alert on its way", lambda: bool(get(pair.real_manager + "/api/v2/alerts")[1]))
    real_status, theirs = get(pair.real_manager + "/api/v2/alerts")
    assert status == real_status == 200
    mine, its = ours[0], theirs[0]
    assert set(mine) == set(its)
    assert set(mine["status"]) >= set(its["status"]) - {"mutedBy"}
    assert mine["receivers"] == its["receivers"]
    assert mine["status"]["state"] == its["status"]["state"] == "active"
    for key in ("startsAt", "updatedAt", "endsAt"):
        assert datetime.fromisoformat(mine[key]).utcoffset() == datetime.fromisoformat(its[key]).utcoffset()
    assert silences == (200, [])


@pytest.fixture
def vantage(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> Iterator[Vantage]:
    """A vantage point on the real servers."""
    monkeypatch.setenv("NO_PROXY", "*")
    backs = {"prometheus": BackEnd(address=pair.real), "alertmanager": BackEnd(address=pair.real_manager)}
    environment = Environment(name="test", system="ion", describe="The real servers", back_ends=backs)
    made = Vantage(environment=environment, release=None, now=datetime.now(UTC), t0=None, reveal=lambda name: name)
    yield made
    made.close()


@pytest.mark.parametrize("query", EXPRESSIONS)
def test_the_probe_reads_the_real_server(query: str, pair: Pair, vantage: Vantage) -> None:
    """One series, a fresh value, now and over a range: what the checklists rely on."""
    wait(
        "a scrape", lambda: bool(get(pair.real + "/api/v1/query?query=resonance_loop_latency_ms")[1]["data"]["result"])
    )
    outcome = look(Prometheus(query=query), vantage).outcome
    assert isinstance(outcome, Seen), outcome
    low, high = (0.9, 1) if "adapter" in query else (100, 200)
    assert low <= outcome.data["value"] <= high
    assert outcome.newest is not None
    assert abs((vantage.now - outcome.newest).total_seconds()) < 30
    ranged = look(Prometheus(query=query, over=timedelta(minutes=10), step=timedelta(seconds=30)), vantage).outcome
    assert isinstance(ranged, Seen), ranged
    assert len(ranged.data["points"]) == 21


def test_the_probes_of_rules_and_alertmanager_read_the_real_servers(pair: Pair, vantage: Vantage) -> None:
    """Rules in health, an alert that fires, a silence that was set and has expired since."""
    wait("an alert on its way", lambda: bool(get(pair.real_manager + "/api/v2/alerts")[1]))
    rules = look_at_rules(PrometheusRules(), vantage).outcome
    assert isinstance(rules, Seen), rules
    wanted = [(name, query, "alerting", "resonance") for name, query, *_ in stand_in.RULES]
    assert [(r["name"], r["query"], r["type"], r["group"]) for r in rules.data["rules"]][:2] == wanted
    alerts = look_at_alertmanager(Alertmanager(look=Kept.ALERTS), vantage).outcome
    assert isinstance(alerts, Seen), alerts
    assert [(a["name"], a["state"], a["severity"]) for a in alerts.data["alerts"]] == [("Always", "active", "warning")]
    assert -1 <= alerts.data["alerts"][0]["age_s"] < 120
    now = datetime.now(UTC)
    silence = {
        "matchers": [{"name": "alertname", "value": "Other", "isRegex": False, "isEqual": True}],
        "startsAt": now.isoformat(), "endsAt": (now + timedelta(hours=1)).isoformat(),
        "createdBy": "kim", "comment": "a deploy",
    }  # fmt: skip
    status, made = get(pair.real_manager + "/api/v2/silences", silence)
    assert status == 200, made
    silences = look_at_alertmanager(Alertmanager(look=Kept.SILENCES), vantage).outcome
    assert isinstance(silences, Seen), silences
    one = next(s for s in silences.data["silences"] if s["id"] == made["silenceID"])
    assert (one["state"], one["expired"], one["by"], one["matchers"]) == ("active", False, "kim", ["alertname=Other"])


def test_the_loops_samples_are_those_of_its_file(pair: Pair) -> None:
    """The real server, scraping, tells what the loop's own functions tell."""
    wait(
        "a scrape", lambda: bool(get(pair.real + "/api/v1/query?query=resonance_loop_latency_ms")[1]["data"]["result"])
    )
    (_, real), _ = pair.ask("/api/v1/query", query="resonance_loop_latency_ms")
    at, value = real["data"]["result"][0]["value"]
    step = stand_in.SCRAPE_S
    near = {resonance.loop_latency_ms(pair.world, at // step * step - n * step) for n in range(3)}
    assert float(value) in near
