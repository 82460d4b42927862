"""What is set up in Cloud Monitoring: dashboards, alert policies, snoozes, channels, and the alerts of a day."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import grpc
from google.cloud.monitoring_dashboard_v1 import types as dashboard_types
from google.cloud.monitoring_v3 import types
from google_logging import Refused
from world import HOUR, PROJECT, STABLE, World

NAME = f"projects/{PROJECT}"
CHANNELS = (("1001", "slack", "production-alerts"), ("1002", "pagerduty", "ION on call"))
DASHBOARDS = {
    "ION performance": (
        "P50 P95 P99 response time", "Requests per minute", "Error rate", "Memory", "CPU", "Instance count",
    ),
    "ION errors": (
        "Error rate over time", "Errors by type", "Error rate by persona", "Top error messages", "Error frequency",
    ),
    "ION business": (
        "Daily active users", "Requests by persona", "Mean session length", "Requests by user", "Traffic by hour",
    ),
}  # fmt: skip
_SERVICE = f'resource.type = "cloud_run_revision" AND resource.labels.service_name = "{STABLE}"'
_REQUESTS = f'metric.type = "run.googleapis.com/request_count" AND {_SERVICE}'
_FAILED = f'{_REQUESTS} AND metric.labels.response_code_class = "5xx"'
_LATENCIES = f'metric.type = "run.googleapis.com/request_latencies" AND {_SERVICE}'
_MEMORY = f'metric.type = "run.googleapis.com/container/memory/utilizations" AND {_SERVICE}'


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """Fires above `threshold` for `duration_s`: milliseconds, a ratio of requests, a ratio of the limit of 1 GiB."""

    name: str
    filter: str
    threshold: float
    duration_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """One alert policy; any of its conditions fires it."""

    id: str
    name: str
    severity: str
    conditions: tuple[Condition, ...]
    enabled: bool = True
    channels: tuple[str, ...] = ("1001",)

    @property
    def path(self) -> str:
        return f"{NAME}/alertPolicies/{self.id}"


ERROR_RATE = Policy(
    id="2001",
    name="ION error rate",
    severity="WARNING",
    conditions=(Condition(name="error rate", filter=_FAILED, threshold=0.05, duration_s=300),),
)
CRITICAL = Policy(
    id="2002",
    name="ION critical",
    severity="CRITICAL",
    conditions=(
        Condition(name="P95 above 5 s", filter=_LATENCIES, threshold=5000, duration_s=60),
        Condition(name="error rate above 10 %", filter=_FAILED, threshold=0.10, duration_s=60),
        Condition(name="memory above 800 MB", filter=_MEMORY, threshold=800 / 1024, duration_s=60),
    ),
    channels=("1001", "1002"),
)
WARNING = Policy(
    id="2003",
    name="ION warning",
    severity="WARNING",
    conditions=(
        Condition(name="P95 above 3 s", filter=_LATENCIES, threshold=3000, duration_s=300),
        Condition(name="error rate above 5 %", filter=_FAILED, threshold=0.05, duration_s=300),
        Condition(name="memory above 600 MB", filter=_MEMORY, threshold=600 / 1024, duration_s=300),
    ),
)


def policies(world: World) -> list[Policy]:
    """The alert policies of this world."""
    first = ERROR_RATE
    if world.fault("alert-policy-wrong-threshold"):
        first = replace(first, conditions=(replace(first.conditions[0], threshold=0.5),))
    if world.fault("alert-policy-disabled"):
        first = replace(first, enabled=False)
    if world.fault("alert-policy-no-channel"):
        first = replace(first, channels=())
    return [CRITICAL, WARNING] if world.fault("alert-policy-missing") else [first, CRITICAL, WARNING]


def alerts(world: World) -> list[dict[str, Any]]:
    """The alerts of the last day as REST resources, newest first: one that closed, and one open if a fault says so."""
    found = []
    if world.fault("alert-open"):
        found.append(_alert("9002", ERROR_RATE, world.now - HOUR / 3, None))
    found.append(_alert("9001", WARNING, world.now - 20.5 * HOUR, world.now - 20.2 * HOUR))
    return found


def check_project(name: str) -> None:
    """Refuse every project but the one there is."""
    if name != NAME:
        raise Refused(grpc.StatusCode.PERMISSION_DENIED, f"Permission monitoring.read denied on resource '{name}'")


def list_alert_policies(world: World, asked: Any) -> Any:
    """All of them on one page, as are the snoozes, channels and dashboards."""
    check_project(asked.name)
    answer = types.ListAlertPoliciesResponse(alert_policies=[_policy(policy) for policy in policies(world)])
    return types.ListAlertPoliciesResponse.pb(answer)


def list_snoozes(world: World, asked: Any) -> Any:
    check_project(asked.parent)
    found = [_snooze("3001", "Nightly backup window", WARNING, world.now - HOUR, world.now + 3 * HOUR)]
    if world.fault("snooze-expired"):
        found.append(_snooze("3002", "Latency work", WARNING, world.now - 9 * HOUR, world.now - 5 * HOUR))
    return types.ListSnoozesResponse.pb(types.ListSnoozesResponse(snoozes=found))


def list_channels(_world: World, asked: Any) -> Any:
    check_project(asked.name)
    found = [
        types.NotificationChannel(
            name=f"{NAME}/notificationChannels/{channel}", type_=kind, display_name=name, enabled=True
        )
        for channel, kind, name in CHANNELS
    ]
    answer = types.ListNotificationChannelsResponse(notification_channels=found)
    return types.ListNotificationChannelsResponse.pb(answer)


def list_dashboards(world: World, asked: Any) -> Any:
    check_project(asked.parent)
    found = []
    for n, (title, widgets) in enumerate(DASHBOARDS.items(), start=1):
        if world.fault("dashboard-missing") and title == "ION errors":
            continue
        kept = [widget for widget in widgets if not (world.fault("dashboard-widget-missing") and widget == "Memory")]
        found.append(_dashboard(f"{NAME}/dashboards/{4000 + n}", title, kept))
    return dashboard_types.ListDashboardsResponse.pb(dashboard_types.ListDashboardsResponse(dashboards=found))


def _policy(policy: Policy) -> types.AlertPolicy:
    return types.AlertPolicy(
        name=policy.path,
        display_name=policy.name,
        enabled=policy.enabled,
        combiner=types.AlertPolicy.ConditionCombinerType.OR,
        severity=getattr(types.AlertPolicy.Severity, policy.severity),
        notification_channels=[f"{NAME}/notificationChannels/{channel}" for channel in policy.channels],
        conditions=[
            types.AlertPolicy.Condition(
                name=f"{policy.path}/conditions/{n}",
                display_name=condition.name,
                condition_threshold=types.AlertPolicy.Condition.MetricThreshold(
                    filter=condition.filter,
                    comparison=types.ComparisonType.COMPARISON_GT,
                    threshold_value=condition.threshold,
                    duration={"seconds": condition.duration_s},
                    denominator_filter=_REQUESTS if condition.filter == _FAILED else "",
                ),
            )
            for n, condition in enumerate(policy.conditions, start=1)
        ],
    )


def _snooze(number: str, name: str, policy: Policy, start: float, end: float) -> types.Snooze:
    return types.Snooze(
        name=f"{NAME}/snoozes/{number}",
        display_name=name,
        criteria={"policies": [policy.path]},
        interval={"start_time": _time(start), "end_time": _time(end)},
    )


def _dashboard(name: str, title: str, widgets: list[str]) -> dashboard_types.Dashboard:
    tiles = [
        {"x_pos": 16 * (n % 3), "y_pos": 16 * (n // 3), "width": 16, "height": 16, "widget": {"title": widget}}
        for n, widget in enumerate(widgets)
    ]
    layout = dashboard_types.MosaicLayout(columns=48, tiles=tiles)
    return dashboard_types.Dashboard(name=name, display_name=title, mosaic_layout=layout, etag=f"{len(widgets)}")


def _alert(number: str, policy: Policy, opened: float, closed: float | None) -> dict[str, Any]:
    resource = {"type": "cloud_run_revision", "labels": {"project_id": PROJECT, "service_name": STABLE}}
    ended = {} if closed is None else {"closeTime": stamp(closed)}
    return {
        "name": f"{NAME}/alerts/{number}",
        "state": "OPEN" if closed is None else "CLOSED",
        "openTime": stamp(opened),
        **ended,
        "resource": resource,
        "metric": {"type": policy.conditions[0].filter.split('"')[1]},
        "policy": {"name": policy.path, "displayName": policy.name, "severity": policy.severity},
    }


def stamp(at: float) -> str:
    """Epoch seconds as RFC 3339 with a Z."""
    return _time(at).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _time(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC)
