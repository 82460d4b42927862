"""A stand-in for Prometheus and Alertmanager: their HTTP APIs, for the loop's metrics and a few functions only.

It is no Prometheus, and says so in the header X-Stand-In of every answer. What it knows:
METRIC, METRIC{label="value"}, count(METRIC), {max,min,avg,last}_over_time(METRIC[5m]),
quantile_over_time(0.95, METRIC[5m]); any other expression is 400 bad_data.
"""

from __future__ import annotations

import math
import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import clock
import resonance
from http_server import Call, HttpServer, Reply
from monitoring_setup import stamp
from prometheus_api import UNITS, Asked, BadData, Rows, answer, labelled, refused
from world import World, WorldRef

SCRAPE_S, LOOKBACK_S = 15, 300
TARGET = {"instance": "127.0.0.1:9108", "job": "resonance"}
_SELECTOR = r"(?P<metric>[a-zA-Z_:][\w:]*)\s*(?:\{\s*(?P<labels>[^}]*?)\s*,?\s*\})?"
_INSTANT = re.compile(_SELECTOR)
_OVER_TIME = re.compile(
    r"(?:(?P<function>max|min|avg|last)_over_time\s*\(\s*|quantile_over_time\s*\(\s*(?P<quantile>[\d.]+)\s*,\s*)"
    + _SELECTOR
    + r"\s*\[\s*(?P<range>\d+)(?P<unit>ms|[smhd])\s*\]\s*\)"
)
_COUNT = re.compile(r"count\s*\(\s*" + _SELECTOR + r"\s*\)")
_LABEL = re.compile(r'\s*(\w+)\s*=\s*"([^"]*)"\s*')


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """One expression: a selector, and a function over its last `range_s` seconds or none."""

    metric: str
    labels: dict[str, str]
    over: Callable[[list[float]], float] | None = None
    range_s: float = LOOKBACK_S
    counts: bool = False  # how many series there are, and nothing where there are none
    keeps_name: bool = False  # last_over_time is a sample of the metric; the others compute something else


def _latency(world: World, at: float) -> list[tuple[dict[str, str], float]]:
    return [({}, resonance.loop_latency_ms(world, at))]


def _adapter(world: World, at: float) -> list[tuple[dict[str, str], float]]:
    return [({}, resonance.adapter_success_rate(world, at))]


def _safety(world: World, at: float) -> list[tuple[dict[str, str], float]]:
    now = resonance.safety(world, at)
    return [({"state": state}, float(state == now)) for state in resonance.STATES]


METRICS = {
    "resonance_loop_latency_ms": _latency,
    "resonance_adapter_success_rate": _adapter,
    "resonance_safety_state": _safety,
}
RULES = (
    ("ResonanceLoopLate", "max_over_time(resonance_loop_latency_ms[5m]) > 200", 60, "warning"),
    ("ResonanceAdapterFails", "avg_over_time(resonance_adapter_success_rate[5m]) < 0.95", 120, "critical"),
)


def start(ref: WorldRef, host: str = "127.0.0.1") -> HttpServer:
    """Serve the Prometheus part."""
    return HttpServer(lambda call: labelled("prometheus", _prometheus(ref.world, call)), host)


def start_alertmanager(ref: WorldRef, host: str = "127.0.0.1") -> HttpServer:
    """Serve the Alertmanager part: nothing fires and nothing is silenced but what the loop's rules see."""
    return HttpServer(lambda call: labelled("alertmanager", _alertmanager(ref.world, call)), host)


def _prometheus(world: World, call: Call) -> Reply:
    try:
        match call.path:
            case "/api/v1/query" | "/api/v1/query_range":
                data = answer(call, lambda asked: _computed(world, asked))
            case "/api/v1/rules":
                data = {"groups": [_rules(world)]}
            case "/-/healthy" | "/-/ready":
                return Reply(body=b"Prometheus Server is Ready.\n", headers={"content-type": "text/plain"})
            case _:
                return Reply(status=404, body=b"404 page not found\n", headers={"content-type": "text/plain"})
    except BadData as error:
        return refused(error)
    body: dict[str, Any] = {"status": "success", "data": data}
    if world.fault("prometheus-warns") and call.path != "/api/v1/rules":
        body["warnings"] = ["PromQL warning: results are partial, a block could not be read"]
    return Reply(body=body)


def _computed(world: World, asked: Asked) -> dict[float, Rows | float]:
    query = _parse(asked.query)
    found = {at: _values(world, query, at) for at in asked.times}
    if query.counts:
        return {at: [({}, float(len(rows)))] if rows else [] for at, rows in found.items()}
    return dict(found)


def _parse(text: str) -> Query:
    """The expression as a Query; BadData with the text that Prometheus begins with."""
    bad = f'invalid parameter "query": 1:1: parse error: the stand-in does not know the expression {text.strip()!r}'
    found = _OVER_TIME.fullmatch(text.strip()) or _COUNT.fullmatch(text.strip()) or _INSTANT.fullmatch(text.strip())
    if found is None or found["metric"] not in METRICS:
        raise BadData(bad)
    labels: dict[str, str] = {}
    for part in (found["labels"] or "").split(",") if found["labels"] else ():
        label = _LABEL.fullmatch(part)
        if label is None:
            raise BadData(bad)
        labels[label[1]] = label[2]
    if found.re is not _OVER_TIME:
        return Query(metric=found["metric"], labels=labels, counts=found.re is _COUNT)
    over = _quantile(float(found["quantile"])) if found["quantile"] else _FUNCTIONS[found["function"]]
    range_s = int(found["range"]) * UNITS[found["unit"]]
    last = found["function"] == "last"
    return Query(metric=found["metric"], labels=labels, over=over, range_s=range_s, keeps_name=last)


def _quantile(ratio: float) -> Callable[[list[float]], float]:
    """Linear between the two nearest samples, as Prometheus does."""

    def quantile(values: list[float]) -> float:
        ordered, rank = sorted(values), ratio * (len(values) - 1)
        low = min(int(rank), len(ordered) - 1)
        high = min(low + 1, len(ordered) - 1)
        return ordered[low] + (ordered[high] - ordered[low]) * (rank - low)

    return quantile


_FUNCTIONS: dict[str, Callable[[list[float]], float]] = {
    "max": max,
    "min": min,
    "avg": lambda values: math.fsum(values) / len(values),
    "last": lambda values: values[-1],
}


def _values(world: World, query: Query, at: float) -> list[tuple[dict[str, str], float]]:
    """Labels and value of every series of a query at one time."""
    newest = int(at // SCRAPE_S) * SCRAPE_S
    count = max(int((newest - (at - query.range_s)) // SCRAPE_S) + 1, 1) if query.over else 1
    samples: dict[tuple[tuple[str, str], ...], list[float]] = {}
    for n in reversed(range(count)):
        for own, value in METRICS[query.metric](world, newest - n * SCRAPE_S):
            labels = {**own, **TARGET}
            if all(labels.get(name, "") == wanted for name, wanted in query.labels.items()):
                told = math.nan if world.fault("prometheus-nan") else value
                samples.setdefault(tuple(labels.items()), []).append(told)
    name = {} if query.over and not query.keeps_name else {"__name__": query.metric}
    return [({**name, **dict(key)}, query.over(found) if query.over else found[-1]) for key, found in samples.items()]


def _firing(world: World, query: str) -> bool:
    expression, sign, limit = query.rsplit(" ", 2)
    value = _values(world, _parse(expression), clock.now())[0][1]
    return value > float(limit) if sign == ">" else value < float(limit)


def _rules(world: World) -> dict[str, Any]:
    rules: list[dict[str, Any]] = [
        {
            "name": name,
            "query": query,
            "duration": duration,
            "keepFiringFor": 0,
            "labels": {"severity": severity},
            "annotations": {},
            "alerts": [],
            "state": "firing" if _firing(world, query) else "inactive",
            "health": "ok",
            "type": "alerting",
            "lastEvaluation": stamp(clock.now()),
            "evaluationTime": 0.0004,
        }
        for name, query, duration, severity in RULES
        if not (world.fault("loop-rule-missing") and "adapter" in query)
    ]
    return {
        "name": "resonance",
        "file": "/etc/prometheus/resonance.yml",
        "interval": SCRAPE_S,
        "limit": 0,
        "rules": rules,
        "evaluationTime": 0.0009,
        "lastEvaluation": stamp(clock.now()),
    }


def _alertmanager(world: World, call: Call) -> Reply:
    match call.path:
        case "/api/v2/silences":
            return Reply(body=[])
        case "/api/v2/alerts":
            return Reply(body=[_alert(world, *rule) for rule in RULES if _firing(world, rule[1])])
        case "/api/v2/status" | "/-/ready" | "/-/healthy":
            return Reply(body={"cluster": {"status": "disabled"}, "versionInfo": {"version": "stand-in"}})
        case _:
            return Reply(status=404, body={"code": 404, "message": f"path {call.path} was not found"})


def _alert(world: World, name: str, query: str, _duration: int, severity: str) -> dict[str, Any]:
    since = world.now - 600
    return {
        "labels": {"alertname": name, "severity": severity, **TARGET},
        "annotations": {"summary": query},
        "startsAt": stamp(since),
        "updatedAt": stamp(clock.now()),
        "endsAt": stamp(clock.now() + 240),
        "fingerprint": f"{zlib.crc32(name.encode()):016x}",
        "receivers": [{"name": "production-alerts"}],
        "status": {"state": "active", "silencedBy": [], "inhibitedBy": []},
        "generatorURL": "",
    }
