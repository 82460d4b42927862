"""Cloud Monitoring's GET /v3/projects/PROJECT/alerts, which Google's client libraries do not have."""

from __future__ import annotations

from typing import Any

import monitoring_setup
from filter_language import FilterError, parse, predicate
from http_server import Call, HttpServer, Reply
from world import PROJECT, World, WorldRef

PATH = f"/v3/projects/{PROJECT}/alerts"
LARGEST_PAGE = 1000
_FIELDS = {
    "state": ("state",),
    "open_time": ("openTime",),
    "close_time": ("closeTime",),
    "resource.type": ("resource", "type"),
    "metric.type": ("metric", "type"),
    "policy.display_name": ("policy", "displayName"),
    "policy.name": ("policy", "name"),
}


def start(ref: WorldRef, host: str = "127.0.0.1") -> HttpServer:
    """Serve; the bearer token is the secret GONOGO_GCP_TOKEN."""
    return HttpServer(lambda call: _answer(ref.world, call, ref.secrets["GONOGO_GCP_TOKEN"]), host)


def _answer(world: World, call: Call, token: str) -> Reply:
    if not call.bearer(token):
        return _refused(401, "UNAUTHENTICATED", "Request had invalid authentication credentials.")
    if call.method != "GET" or not call.path.startswith("/v3/projects/") or not call.path.endswith("/alerts"):
        return _refused(404, "NOT_FOUND", f"{call.method} {call.path} is not known to the rehearsal")
    if call.path != PATH or world.fault("alerts-denied"):
        return _refused(403, "PERMISSION_DENIED", "Permission monitoring.alerts.list denied (or it may not exist).")
    return _page(monitoring_setup.alerts(world), call)


def _page(alerts: list[dict[str, Any]], call: Call) -> Reply:
    try:
        fits = predicate(parse(call.query.get("filter", "")), _field, str)
        skip = int(call.query.get("pageToken") or 0)
        size = min(int(call.query.get("pageSize") or LARGEST_PAGE), LARGEST_PAGE)
    except (FilterError, ValueError) as error:
        return _refused(400, "INVALID_ARGUMENT", str(error))
    found = [alert for alert in alerts if fits(alert)]
    body: dict[str, Any] = {"alerts": found[skip : skip + size], "totalSize": len(found)} if found else {}
    if skip + size < len(found):
        body["nextPageToken"] = str(skip + size)
    return Reply(body=body)


def _field(alert: dict[str, Any], path: str) -> Any:
    if path not in _FIELDS:
        raise FilterError(f"Field '{path}' is not known to filters of alerts")
    value: Any = alert
    for key in _FIELDS[path]:
        value = value.get(key) if value is not None else None
    return value


def _refused(code: int, status: str, message: str) -> Reply:
    return Reply(status=code, body={"error": {"code": code, "message": message, "status": status}})
