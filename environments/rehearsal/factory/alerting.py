"""The alert rules of AI Factory, and what they come to: ALERTS of Prometheus, alerts of Alertmanager and Grafana."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

import clock
from http_server import Call, Reply

from factory import episodes
from factory.promql import Node, parse
from factory.promql_eval import Evaluation, Read
from factory.world import World

EVERY_S = 30.0  # between two evaluations
SINCE_S = 600.0  # what is wrong now has been for so long
GROUP, FILE = "ai-factory", "/etc/prometheus/ai-factory.yml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """An alert, its expression, for how long it has to hold, in seconds."""

    name: str
    query: str
    lasts: float
    severity: str
    summary: str


RULES = (
    Rule(
        name="JudgmentServiceDown",
        query='sum(rate(http_requests_total{service="judgment",status=~"5.."}[5m])) /'
        ' sum(rate(http_requests_total{service="judgment"}[5m])) > 0.5',
        lasts=60,
        severity="critical",
        summary="More than half of the judgments fail",
    ),
    Rule(
        name="LLMHighFailureRate",
        query='sum(rate(llm_calls_total{outcome="error"}[5m])) / sum(rate(llm_calls_total[5m])) > 0.05',
        lasts=300,
        severity="critical",
        summary="More than 5 % of the LLM's calls fail",
    ),
    Rule(
        name="DatabaseHighCPU",
        query='max(rate(container_cpu_usage_seconds_total{namespace="production",container="postgresql"}[5m])) > 0.9',
        lasts=300,
        severity="warning",
        summary="PostgreSQL uses more than 90 % of its processor",
    ),
    Rule(
        name="CircuitBreakerOpen",
        query='max by (breaker) (circuit_breaker_state{state="OPEN"}) > 0',
        lasts=60,
        severity="warning",
        summary="A circuit breaker is open",
    ),
)


@cache
def _tree(query: str) -> Node:
    return parse(query)


def rules(world: World) -> tuple[Rule, ...]:
    """Those that are loaded."""
    if world.fault("alert-rules-gone"):
        return ()
    return tuple(
        rule for rule in RULES if not (world.fault("alert-rule-missing") and rule.name == "LLMHighFailureRate")
    )


def holding(rule: Rule, read: Read, at: float) -> list[dict[str, str]]:
    """Labels of what a rule holds for at a moment."""
    found = Evaluation(read, at, at).at(_tree(rule.query), at)
    return [] if isinstance(found, float) else [dict(key) for key in found]


def firing(world: World, read: Read) -> list[tuple[Rule, dict[str, str]]]:
    """What fires now: it holds, and held as long ago as it has to."""
    now = clock.now()
    found = []
    for rule in rules(world):
        before = holding(rule, read, now - rule.lasts)
        found += [(rule, labels) for labels in holding(rule, read, now) if labels in before]
    return found


def samples(
    world: World, read: Read, start: float, end: float
) -> Iterator[tuple[dict[str, str], list[tuple[float, float]]]]:
    """Series of ALERTS: 1 while an alert fires, and nothing else."""
    spans: dict[tuple[tuple[str, str], ...], list[tuple[float, float]]] = {}
    known = {rule.name: rule for rule in RULES}
    for name, since, until in episodes.fired(world):
        spans.setdefault(_key(known[name], {}), []).append((since, until))
    for rule, labels in firing(world, read):
        spans.setdefault(_key(rule, labels), []).append((world.now - SINCE_S, end))
    first, last = int(start // EVERY_S), int(end // EVERY_S)
    for key, times in spans.items():
        at = {
            n * EVERY_S
            for since, until in times
            for n in range(max(first, int(since // EVERY_S) + 1), min(last, int(until // EVERY_S)) + 1)
        }
        yield dict(key), [(each, 1.0) for each in sorted(at) if start <= each <= end]


def groups(world: World, read: Read) -> list[dict[str, Any]]:
    """The rules as /api/v1/rules tells them; none where there are none."""
    now = stamp(clock.now())
    active = [rule.name for rule, _ in firing(world, read)]
    told = [
        {
            "state": "firing" if rule.name in active else "inactive",
            "name": rule.name,
            "query": rule.query,
            "duration": rule.lasts,
            "labels": {"severity": rule.severity},
            "annotations": {"summary": rule.summary},
            "alerts": [],
            "health": "err" if world.fault("alert-rule-broken") and rule.name == "DatabaseHighCPU" else "ok",
            "evaluationTime": 0.0006,
            "lastEvaluation": now,
            "type": "alerting",
        }
        for rule in rules(world)
    ]
    if not told:
        return []
    of_all = {"interval": EVERY_S, "limit": 0, "evaluationTime": 0.002, "lastEvaluation": now}
    return [{"name": GROUP, "file": FILE, "rules": told, **of_all}]


def alertmanager(world: World, read: Read, call: Call) -> Reply:
    """Alertmanager's API, version 2."""
    match call.path:
        case "/api/v2/silences":
            return Reply(body=[])
        case "/api/v2/alerts":
            return Reply(body=list(_alerts(world, firing(world, read))))
        case "/api/v2/status" | "/-/ready" | "/-/healthy":
            return Reply(body={"cluster": {"status": "disabled"}, "versionInfo": {"version": "stand-in"}})
        case _:
            return Reply(status=404, body={"code": 404, "message": f"path {call.path} was not found"})


def _alerts(world: World, active: Iterable[tuple[Rule, dict[str, str]]]) -> Iterator[dict[str, Any]]:
    for rule, labels in active:
        told = dict(_key(rule, labels))
        told.pop("alertstate")
        yield {
            "labels": told,
            "annotations": {"summary": rule.summary},
            "startsAt": stamp(world.now - SINCE_S),
            "updatedAt": stamp(clock.now()),
            "endsAt": stamp(clock.now() + 240),
            "fingerprint": f"{zlib.crc32(repr(told).encode()):016x}",
            "receivers": [{"name": "factory-incidents"}],
            "status": {"state": "active", "silencedBy": [], "inhibitedBy": []},
            "generatorURL": "",
        }


def _key(rule: Rule, labels: dict[str, str]) -> tuple[tuple[str, str], ...]:
    told = {**labels, "alertname": rule.name, "severity": rule.severity, "alertstate": "firing"}
    return tuple(sorted(told.items()))


def stamp(at: float) -> str:
    """RFC 3339 with milliseconds."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
