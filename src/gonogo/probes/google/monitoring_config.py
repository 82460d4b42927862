"""What Cloud Monitoring is set up to do: dashboards, alert policies, snoozes; and which alerts are open."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from gonogo.model.evidence import Cause, Seen
from gonogo.probes.base import Probe, Sight, Vantage
from gonogo.probes.deadline import Deadline
from gonogo.probes.failure import Failure
from gonogo.probes.google.client import channel, host_of, missing, name_of, pages
from gonogo.probes.google.monitoring import ENDPOINT
from gonogo.probes.http.observer import Observer, observe, segment

_COMPARISONS = {1: ">", 2: ">=", 3: "<", 4: "<=", 5: "==", 6: "!="}
_MAX_PAGES = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class DashboardsOptions:
    """All dashboards of the project."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertPoliciesOptions:
    """All alert policies of the project."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SnoozesOptions:
    """All snoozes of the project, past ones too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenAlertsOptions:
    """Alerts that are open, or were within `over`."""

    over: timedelta = timedelta(hours=24)


def look_dashboards(_: DashboardsOptions, vantage: Vantage) -> Sight:
    """Every dashboard with the titles of its widgets."""
    where, project = _place(vantage, "dashboards", "Cloud Monitoring dashboards")

    def client() -> Any:
        from google.cloud import monitoring_dashboard_v1 as api  # noqa: PLC0415
        from google.cloud.monitoring_dashboard_v1.services.dashboards_service.transports import (  # noqa: PLC0415
            DashboardsServiceGrpcTransport as Transport,
        )

        return api.DashboardsServiceClient(transport=Transport(channel=channel(vantage, "dashboards", ENDPOINT)))

    def read() -> Seen:
        request = {"parent": f"projects/{project}"}
        deadline = Deadline(vantage.back_end("dashboards").timeout)
        return Seen(
            data={
                "dashboards": [
                    {"title": raw.display_name, "widgets": [widget.title for widget in _widgets(raw)]}
                    for page in pages(where, _made(client).list_dashboards, request, deadline)
                    for raw in page.dashboards
                ]
            }
        )

    return observe(where, read)


def look_alert_policies(_: AlertPoliciesOptions, vantage: Vantage) -> Sight:
    """Every alert policy with its conditions; one that does not say is enabled."""
    where, project = _place(vantage, "cloud_monitoring", "Cloud Monitoring alert policies")

    def client() -> Any:
        from google.cloud import monitoring_v3 as api  # noqa: PLC0415
        from google.cloud.monitoring_v3.services.alert_policy_service.transports import (  # noqa: PLC0415
            AlertPolicyServiceGrpcTransport as Transport,
        )

        return api.AlertPolicyServiceClient(transport=Transport(channel=channel(vantage, "cloud_monitoring", ENDPOINT)))

    def read() -> Seen:
        request = {"name": f"projects/{project}"}
        deadline = Deadline(vantage.back_end("cloud_monitoring").timeout)
        return Seen(
            data={
                "policies": [
                    {
                        "name": raw.display_name,
                        "enabled": raw.enabled.value if raw.HasField("enabled") else True,
                        "channels": list(raw.notification_channels),
                        "conditions": [_condition(one) for one in raw.conditions],
                    }
                    for page in pages(where, _made(client).list_alert_policies, request, deadline)
                    for raw in page.alert_policies
                ]
            }
        )

    return observe(where, read)


def look_snoozes(_: SnoozesOptions, vantage: Vantage) -> Sight:
    """Every snooze, and how long ago it expired."""
    where, project = _place(vantage, "cloud_monitoring", "Cloud Monitoring snoozes")

    def client() -> Any:
        from google.cloud import monitoring_v3 as api  # noqa: PLC0415
        from google.cloud.monitoring_v3.services.snooze_service.transports import (  # noqa: PLC0415
            SnoozeServiceGrpcTransport as Transport,
        )

        return api.SnoozeServiceClient(transport=Transport(channel=channel(vantage, "cloud_monitoring", ENDPOINT)))

    def read() -> Seen:
        request = {"parent": f"projects/{project}"}
        deadline = Deadline(vantage.back_end("cloud_monitoring").timeout)
        found = [
            _snooze(raw, vantage.now)
            for page in pages(where, _made(client).list_snoozes, request, deadline)
            for raw in page.snoozes
        ]
        return Seen(data={"snoozes": found})

    return observe(where, read)


def look_open_alerts(options: OpenAlertsOptions, vantage: Vantage) -> Sight:
    """Alerts over REST: Google's client has no call for them."""
    observer = Observer(vantage=vantage, name="cloud_monitoring_rest")
    path = f"/v3/projects/{segment(observer.named('project'))}/alerts"

    def read() -> Seen:
        since = vantage.now - options.over
        found = [_alert(raw, vantage.now) for raw in _alert_pages(observer, path)]
        kept = [one for one in found if one["state"] == "OPEN" or _within(one, since)]
        kept.sort(key=lambda one: one["opened"] or "", reverse=True)
        still = [one for one in kept if one["state"] == "OPEN"]
        return Seen(data={"alerts": kept, "open": still, "count": len(kept)})

    return observe(f"GET {observer.url}{path}", read)


def _place(vantage: Vantage, name: str, what: str) -> tuple[str, str]:
    back_end = vantage.back_end(name)
    return f"{what} at {host_of(back_end, ENDPOINT)}", name_of(back_end, name, "project")


def _made(client: Callable[[], Any]) -> Any:
    try:
        return client()
    except ImportError:
        raise missing() from None


def _widgets(raw: Any) -> Iterator[Any]:
    match raw.WhichOneof("layout"):
        case "grid_layout":
            yield from raw.grid_layout.widgets
        case "mosaic_layout":
            yield from (tile.widget for tile in raw.mosaic_layout.tiles)
        case "row_layout":
            yield from (widget for row in raw.row_layout.rows for widget in row.widgets)
        case "column_layout":
            yield from (widget for column in raw.column_layout.columns for widget in column.widgets)
        case _:
            return


def _condition(raw: Any) -> dict[str, Any]:
    kind = raw.WhichOneof("condition")
    body = getattr(raw, kind) if kind else None
    threshold = body if kind == "condition_threshold" else None
    duration = getattr(body, "duration", None)
    return {
        "name": raw.display_name,
        "threshold": threshold.threshold_value if threshold is not None else None,
        "comparison": _COMPARISONS.get(threshold.comparison) if threshold is not None else None,
        "duration_s": duration.seconds if duration is not None else None,
        "filter": getattr(body, "filter", None) or getattr(body, "query", None),
    }


def _snooze(raw: Any, now: datetime) -> dict[str, Any]:
    start, end = (stamp.ToDatetime(tzinfo=UTC) for stamp in (raw.interval.start_time, raw.interval.end_time))
    return {
        "name": raw.display_name,
        "policies": list(raw.criteria.policies),
        "start": start.isoformat(),
        "end": end.isoformat(),
        "expired": end <= now,
        "expired_age_s": (now - end).total_seconds() if end <= now else None,
    }


def _alert_pages(observer: Observer, path: str) -> Iterator[Any]:
    token = ""
    used: set[str] = set()
    for _ in range(_MAX_PAGES):
        page = observer.json(path, {"pageSize": "100", **({"pageToken": token} if token else {})})
        yield from page.get("alerts", [])
        token = page.get("nextPageToken", "")
        if not token:
            return
        if token in used:
            raise Failure(Cause.PARTIAL, f"{observer.url}{path}: a page token came again")
        used.add(token)
    raise Failure(Cause.PARTIAL, f"{observer.url}{path}: more than {_MAX_PAGES} pages")


def _alert(raw: Any, now: datetime) -> dict[str, Any]:
    opened = datetime.fromisoformat(raw["openTime"])
    return {
        "name": raw["name"],
        "state": raw["state"],
        "opened": opened.isoformat(),
        "closed": datetime.fromisoformat(raw["closeTime"]).isoformat() if raw.get("closeTime") else None,
        "policy": raw.get("policy", {}).get("displayName"),
        "age_s": (now - opened).total_seconds(),
    }


def _within(alert: dict[str, Any], since: datetime) -> bool:
    return datetime.fromisoformat(alert["closed"] or alert["opened"]) >= since


DASHBOARDS = Probe(
    options=DashboardsOptions,
    look=look_dashboards,
    back_ends=("dashboards",),
    extra="google",
    clients=("google.cloud.monitoring_dashboard_v1",),
)
ALERT_POLICIES = Probe(
    options=AlertPoliciesOptions,
    look=look_alert_policies,
    back_ends=("cloud_monitoring",),
    extra="google",
    clients=("google.cloud.monitoring_v3",),
)
SNOOZES = Probe(
    options=SnoozesOptions,
    look=look_snoozes,
    back_ends=("cloud_monitoring",),
    extra="google",
    clients=("google.cloud.monitoring_v3",),
)
OPEN_ALERTS = Probe(options=OpenAlertsOptions, look=look_open_alerts, back_ends=("cloud_monitoring_rest",))
