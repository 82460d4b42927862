"""The stand-in for AI Factory's Prometheus held against the real one: every expression of its checklists and its watch.

The real server holds the stand-in's samples of the last days, written by promtool; both are asked the same.
"""

from __future__ import annotations

import subprocess
import sys
import time
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from tests.prometheus_servers import asked, binary, get, port, running, wait

from gonogo.config.environment import load_environment
from gonogo.model.environment import BackEnd, Environment
from gonogo.model.errors import ConfigError
from gonogo.probes.base import Vantage
from gonogo.probes.prometheus import Prometheus, look, read_samples

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "environments" / "rehearsal"))

import clock  # type: ignore[import-not-found]  # noqa: E402
from factory import alerting  # type: ignore[import-not-found]  # noqa: E402
from factory.flow import SCRAPE_S  # type: ignore[import-not-found]  # noqa: E402
from factory.prometheus import Observers  # type: ignore[import-not-found]  # noqa: E402
from factory.promql import Aggregation, Binary, Function, Selector, parse  # type: ignore[import-not-found]  # noqa: E402
from factory.world import World  # type: ignore[import-not-found]  # noqa: E402
from http_server import HttpServer  # type: ignore[import-not-found]  # noqa: E402

RELEASE = {"version": "1.4.0", "image": "registry.test/judgment-service:v1.4.0"}
# Errors, slowness, answers that cannot be parsed, alerts that come and go: no expression is of nothing.
FAULTS = frozenset(
    {"canary-errors-3pct", "canary-slow", "canary-unreadable", "mcp-timeouts", "alerts-flapping", "breaker-open"}
)
DAY = 86400.0
LONGEST = 1.5 * DAY  # of a range that is compared; longer ones are made of the same steps
UNITS = {"s": 1, "m": 60, "h": 3600, "d": DAY}


def _seconds(text: str) -> float:
    return float(text[:-1]) * UNITS[text[-1]]


LOOKS = [(one["query"], one.get("over"), one.get("step")) for one in asked("factory")]
LOOKS += [(rule.query, None, None) for rule in alerting.RULES]
INSTANT = sorted({query for query, over, _ in LOOKS if over is None})
RANGED = sorted({(query, over, step or "1m") for query, over, step in LOOKS if over is not None})
MORE = [
    'http_requests_total{service=~"judg.*",status!~"2..",track!="stable"}',
    'sum by (service, status) (rate(http_requests_total{namespace="production"}[5m]))',
    'count(circuit_breaker_state) - count(circuit_breaker_state{state="OPEN"} == 1)',
    "avg_over_time(circuit_breaker_state[10m]) >= 1",
    'min_over_time(http_requests_total{track="canary",status="503"}[2m])',
    "max by (track) (histogram_quantile(0.5, sum by (le, track) (rate(http_request_duration_seconds_bucket[3m]))))",
    'ALERTS{alertstate="firing",alertname="CircuitBreakerOpen"} or vector(3)',
    "2 * 3 + vector(1) / 4",
    'nothing_total{a="b"}',
]


def _watched() -> list[str]:
    """The selectors of the watch, as it asks for them."""
    watch = load_environment("factory-local", ROOT / "environments").watch
    assert watch is not None
    queries = watch.source.queries
    assert queries is not None
    texts = [queries.requests, queries.errors, queries.successes or "", queries.latency or "", *queries.counts.values()]
    return [f"{text.replace('{side}', side)}[360s]" for text in texts if text for side in queries.sides.values()]


def _needs(node: Any, more: float, needs: dict[str, float]) -> None:
    """Name of a metric -> seconds of it that an expression looks back."""
    match node:
        case Selector():
            needs[node.name] = max(needs.get(node.name, 0.0), (node.over or 300.0) + more)
        case Function() | Aggregation():
            _needs(node.inside, more, needs)
        case Binary():
            _needs(node.left, more, needs)
            _needs(node.right, more, needs)
        case _:
            pass


@dataclass(kw_only=True)
class Pair:
    """Base addresses of both; `until` is the newest sample."""

    real: str
    like: str
    until: float
    names: frozenset[str]  # of metrics that have samples

    def ask(self, path: str, **params: Any) -> tuple[tuple[int, Any], tuple[int, Any]]:
        """Status and document of both, the real one first."""
        query = f"/api/v1/{path}?{urllib.parse.urlencode(params)}"
        return get(self.real + query), get(self.like + query)


def _written(observers: Any, until: float) -> dict[str, list[str]]:
    """The samples that the expressions need, as OpenMetrics, by the name of the metric."""
    needs: dict[str, float] = {}
    for query in (*INSTANT, *MORE, *_watched()):
        _needs(parse(query), 700.0, needs)
    for query, over, _ in RANGED:
        _needs(parse(query), min(_seconds(over), LONGEST) + 700.0, needs)
    written: dict[str, list[str]] = {}
    for name, seconds in needs.items():
        for labels, points in observers.scraped.read(name, until - seconds, until):
            inside = ",".join(f'{key}="{value}"' for key, value in labels.items())
            lines = written.setdefault(name, [f"# TYPE {name} unknown"])
            lines += [f"{name}{{{inside}}} {value!r} {at:.0f}" for at, value in points]
    return written


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """The real server with the stand-in's samples, and the stand-in, at the same moment."""
    server, tool = binary("prometheus"), binary("promtool")
    folder = tmp_path_factory.mktemp("factory")
    until = time.time() // SCRAPE_S * SCRAPE_S
    observers = Observers(SimpleNamespace(parts={}, rate=40.0))
    patch = pytest.MonkeyPatch()
    patch.setattr(clock, "now", lambda: until)
    observers.apply(World("canary", FAULTS, until - 40.0, RELEASE, folder))
    written = _written(observers, until)
    lines = [line for each in written.values() for line in each]
    (folder / "history.txt").write_text("\n".join([*lines, "# EOF", ""]), encoding="utf-8")
    mine = port()
    itself = {"job_name": "prometheus", "static_configs": [{"targets": [f"127.0.0.1:{mine}"]}]}
    settings = {"global": {"scrape_interval": "1s"}, "scrape_configs": [itself]}
    (folder / "prometheus.yml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    made = subprocess.run(
        [tool, "tsdb", "create-blocks-from", "--max-block-duration=768h", "openmetrics", "history.txt", "data"],
        cwd=folder, capture_output=True, encoding="utf-8", check=False,
    )  # fmt: skip
    assert made.returncode == 0, made.stdout + made.stderr
    start = [server, "--config.file=prometheus.yml", "--storage.tsdb.path=data", "--storage.tsdb.retention.time=40d"]
    like = HttpServer(observers.prometheus)
    try:
        with running([*start, f"--web.listen-address=127.0.0.1:{mine}"], folder):
            both = Pair(real=f"http://127.0.0.1:{mine}", like=like.url, until=until, names=frozenset(written))
            wait("Prometheus", lambda: get(both.real + "/-/ready")[0] == 200)
            yield both
    finally:
        like.close()
        patch.undo()


def _plain(series: list[dict[str, Any]]) -> list[tuple[Any, list[tuple[float, float]]]]:
    """Labels and samples in a fixed order, values as numbers."""
    rows = [
        (
            sorted(each["metric"].items()),
            [(round(float(at), 3), float(value)) for at, value in each.get("values") or [each["value"]]],
        )
        for each in series
    ]
    return sorted(rows, key=lambda row: row[0])


def _alike(real: list[dict[str, Any]], like: list[dict[str, Any]]) -> None:
    mine, its = _plain(like), _plain(real)
    assert [row[0] for row in mine] == [row[0] for row in its]
    for (_, ours), (_, theirs) in zip(mine, its, strict=True):
        assert [at for at, _ in ours] == pytest.approx([at for at, _ in theirs], abs=1e-3)
        assert [v for _, v in ours] == pytest.approx([v for _, v in theirs], rel=1e-7, abs=1e-9, nan_ok=True)


def test_the_checklists_ask_something() -> None:
    """The comparisons below are of something."""
    assert len(INSTANT) >= 15
    assert len(RANGED) >= 2
    assert len(_watched()) == 10


@pytest.mark.parametrize("query", [*INSTANT, *MORE])
def test_an_expression_has_the_same_value(query: str, pair: Pair) -> None:
    """At times on a scrape and between two: the same series, the same numbers."""
    for at in (pair.until, pair.until - 310.7):
        (real_status, real), (status, like) = pair.ask("query", query=query, time=at)
        assert (status, like["status"]) == (real_status, real["status"]) == (200, "success"), (real, like)
        assert like["data"]["resultType"] == real["data"]["resultType"]
        if real["data"]["resultType"] == "vector":
            _alike(real["data"]["result"], like["data"]["result"])
            needs: dict[str, float] = {}
            _needs(parse(query), 0.0, needs)
            assert real["data"]["result"] or " > " in query or not pair.names & set(needs)


@pytest.mark.parametrize(("query", "over", "step"), RANGED)
def test_a_range_has_the_same_points(query: str, over: str, step: str, pair: Pair) -> None:
    """As the checklist asks for it, over at most a day and a half."""
    span = {"start": pair.until - min(_seconds(over), LONGEST), "end": pair.until, "step": step}
    (real_status, real), (status, like) = pair.ask("query_range", query=query, **span)
    assert (status, real_status) == (200, 200), (real, like)
    _alike(real["data"]["result"], like["data"]["result"])
    assert real["data"]["result"]


@pytest.mark.parametrize("query", _watched())
def test_the_raw_samples_of_the_watch_are_the_same(query: str, pair: Pair) -> None:
    """What the watch counts with: every sample of every series of a side."""
    (_, real), (_, like) = pair.ask("query", query=query, time=pair.until - 3.3)
    assert real["data"]["resultType"] == like["data"]["resultType"] == "matrix"
    _alike(real["data"]["result"], like["data"]["result"])
    assert real["data"]["result"]


@pytest.fixture
def vantage(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> Iterator[Vantage]:
    """A vantage point on the real server, at the moment of the newest sample."""
    monkeypatch.setenv("NO_PROXY", "*")
    back_ends = {"prometheus": BackEnd(address=pair.real)}
    environment = Environment(name="e", system="factory", describe="d", back_ends=back_ends)
    at = datetime.fromtimestamp(pair.until, UTC)
    made = Vantage(environment=environment, release=None, now=at, t0=None, reveal=str)
    yield made
    made.close()


def test_the_watch_reads_the_real_server(vantage: Vantage) -> None:
    """Its own reader, on the real server's answer."""
    rows = read_samples(_watched()[0], vantage.now, vantage)
    assert rows
    assert all(len(points) in (12, 13) for _, points in rows)


def test_row_42_the_real_server_knows_its_gauges(pair: Pair, vantage: Vantage) -> None:
    """It scrapes itself here, and tells the type of what it has scraped."""
    wait("its metadata", lambda: bool(get(pair.real + "/api/v1/metadata?metric=go_goroutines")[1]["data"]))
    with pytest.raises(ConfigError, match="go_goroutines is a gauge"):
        look(Prometheus(query="rate(go_goroutines[5m])"), vantage)


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("query", "sum(http_requests_total[5m])"),
        ("query", "rate(http_requests_total)"),
        ("query", "http_requests_total[5m] + 1"),
        ("query", "http_requests_total{status=500}"),
        ("query", 'http_requests_total{status="500"'),
        ("query", "http_requests_total)"),
        ("query", "unheard_of(http_requests_total)"),
        ("query", 'http_requests_total{status=~"("}'),
        ("query", ""),
        ("query", "sum by (le (x)"),
        ("query", "1 ** 2"),
        ("query_range", "http_requests_total[5m]"),
        ("query_range", "sum(rate(http_requests_total[5x]))"),
    ],
)
def test_a_bad_expression_is_refused_alike(path: str, query: str, pair: Pair) -> None:
    """400, bad_data, and the same beginning of its text."""
    span = {"start": pair.until - 60, "end": pair.until, "step": 15} if path == "query_range" else {}
    (real_status, real), (status, like) = pair.ask(path, query=query, **span)
    assert (status, like["status"], like["errorType"]) == (real_status, real["status"], real["errorType"])
    assert real_status == 400
    assert ("parse error" in like["error"]) == ("parse error" in real["error"]), (real, like)


@pytest.mark.parametrize(
    "query",
    [
        "circuit_breaker_state + (circuit_breaker_state or vector(2))",
        'sum by (track) (http_requests_total) / max_over_time(http_requests_total{track="canary"}[2m])',
    ],
)
def test_series_are_matched_alike(query: str, pair: Pair) -> None:
    """One to one, those without a partner left out; what would be many to one is no answer."""
    (real_status, real), (status, like) = pair.ask("query", query=query, time=pair.until)
    assert (status, like["status"], like.get("errorType")) == (real_status, real["status"], real.get("errorType"))
    if real_status == 200:
        _alike(real["data"]["result"], like["data"]["result"])
