"""Rules of Prometheus or Grafana, alerts and silences of Alertmanager or Grafana, into documents."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from gonogo.model.evidence import Cause, Seen, Unseen
from gonogo.probes.base import Probe, Sight, Vantage
from gonogo.probes.http.observer import Observer, observe
from gonogo.probes.prometheus import ask

# Grafana serves the API of Prometheus' rules and that of Alertmanager for its own, each below a path.
_UNDER = {"grafana": {"rules": "/api/prometheus/grafana", "alerts": "/api/alertmanager/grafana"}}


@dataclass(frozen=True, slots=True, kw_only=True)
class PrometheusRules:
    """Nothing to choose: all rules that the server holds."""


class Kept(StrEnum):
    """What Alertmanager keeps."""

    ALERTS = "alerts"
    SILENCES = "silences"


@dataclass(frozen=True, slots=True, kw_only=True)
class Alertmanager:
    """`look` at alerts or silences."""

    look: Kept


def look_at_rules(_: PrometheusRules, vantage: Vantage, name: str = "prometheus") -> Sight:
    """{rules: [{name, query, state, health, type, group}]}; `state` is null for a recording rule."""
    observer = Observer(vantage=vantage, name=name)
    path = f"{_UNDER.get(name, {}).get('rules', '')}/api/v1/rules"

    def see() -> Seen | Unseen:
        data = ask(observer, path, {})["data"]
        if data.get("groupNextToken"):
            return Unseen(cause=Cause.PARTIAL, detail=f"{name} holds back some groups of rules")
        rules = [
            {key: rule.get(key) for key in ("name", "query", "state", "health", "type")} | {"group": group["name"]}
            for group in data["groups"]
            for rule in group["rules"]
        ]
        if not rules:
            return Unseen(cause=Cause.NO_DATA, detail=f"{observer.url} holds no rules")
        return Seen(data={"rules": rules})

    return observe(f"{observer.url}{path}", see)


def look_at_alertmanager(options: Alertmanager, vantage: Vantage, name: str = "alertmanager") -> Sight:
    """{alerts: [{name, state, severity, started, age_s, silenced_by, labels, annotations}], count} or
    {silences: [{id, state, start, end, expired, expired_age_s, by, comment, matchers}], count}. None is an answer.
    """
    observer = Observer(vantage=vantage, name=name)
    path = f"{_UNDER.get(name, {}).get('alerts', '')}/api/v2/{options.look}"

    def see() -> Seen | Unseen:
        document = observer.json(path)
        if not isinstance(document, list):
            return Unseen(cause=Cause.BROKEN, detail=f"{observer.url}{path} is no list")
        shape = _alert if options.look is Kept.ALERTS else _silence
        rows = [shape(item, vantage.now) for item in document]
        return Seen(data={options.look.value: rows, "count": len(rows)})

    return observe(f"{observer.url}{path}", see)


def _alert(item: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    labels, status = item["labels"], item["status"]
    started = datetime.fromisoformat(item["startsAt"])
    return {
        "name": labels.get("alertname"),
        "state": status["state"],
        "severity": labels.get("severity"),
        "started": started.isoformat(),
        "age_s": _since(started, now),
        "silenced_by": list(status.get("silencedBy") or ()),
        "labels": dict(labels),
        "annotations": dict(item.get("annotations") or {}),
    }


def _silence(item: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    start, end = (datetime.fromisoformat(item[key]) for key in ("startsAt", "endsAt"))
    expired = item["status"]["state"] == "expired" or end <= now
    return {
        "id": item["id"],
        "state": item["status"]["state"],
        "start": start.isoformat(),
        "end": end.isoformat(),
        "expired": expired,
        "expired_age_s": _since(end, now) if expired else None,
        "by": item.get("createdBy"),
        "comment": item.get("comment"),
        "matchers": [f"{each['name']}={each['value']}" for each in item.get("matchers") or ()],
    }


def _since(moment: datetime, now: datetime) -> float:
    """Seconds since then, never negative: its clock and ours differ by a little."""
    return max(0.0, (now - moment).total_seconds())


def look_at_grafana_rules(options: PrometheusRules, vantage: Vantage) -> Sight:
    """As prometheus_rules, of Grafana's own rules."""
    return look_at_rules(options, vantage, "grafana")


def look_at_grafana_alerts(options: Alertmanager, vantage: Vantage) -> Sight:
    """As alertmanager, of the Alertmanager inside Grafana."""
    return look_at_alertmanager(options, vantage, "grafana")


RULES = Probe(options=PrometheusRules, look=look_at_rules, back_ends=("prometheus",))
ALERTMANAGER = Probe(options=Alertmanager, look=look_at_alertmanager, back_ends=("alertmanager",))
GRAFANA_RULES = Probe(options=PrometheusRules, look=look_at_grafana_rules, back_ends=("grafana",))
GRAFANA_ALERTS = Probe(options=Alertmanager, look=look_at_grafana_alerts, back_ends=("grafana",))
