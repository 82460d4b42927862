"""The LLM provider's public status page, in the shape of a Statuspage's summary.json."""

from __future__ import annotations

from typing import Any

from http_server import Call, HttpServer, Reply

from factory.documents import stamp
from factory.rehearsal import Stage
from factory.world import DAY, HOUR, World

SUMMARY = "/api/v2/summary.json"
COMPONENTS = ("API", "Console", "Chat application")
OUTAGES = ("provider-incident", "incident-llm-down")  # faults that the provider tells of


def start(stage: Stage) -> None:
    """Serve the page; address provider-status."""
    server = HttpServer(lambda call: _answer(stage.ref.world, call), stage.host)
    stage.ref.addresses["provider-status"] = server.url + SUMMARY


def _answer(world: World, call: Call) -> Reply:
    if call.path != SUMMARY:
        return Reply(status=404, body=b"not found", headers={"Content-Type": "text/plain"})
    if world.fault("provider-status-broken"):
        return Reply(body={"error": "try again later"})
    out = any(world.fault(name) for name in OUTAGES)
    states = dict.fromkeys(COMPONENTS, "operational") | {"Console": "under_maintenance"}
    incidents = [_incident("Slow sign-in", "Chat application", begin=world.now - 3 * HOUR, minutes=40)]
    if out:
        states["API"] = "major_outage"
        incidents.insert(0, _incident("Elevated errors of the API", "API", begin=world.now - HOUR / 2, minutes=None))
    return Reply(
        body={
            "page": {"id": "q1w2e3r4", "name": "The LLM provider", "updated_at": stamp(world.now - 60)},
            "status": {"indicator": "major" if out else "none", "description": "Outage" if out else "All operational"},
            "components": [{"id": name, "name": name, "status": state} for name, state in states.items()],
            "incidents": incidents,
            "scheduled_maintenances": [
                {
                    "id": "m1",
                    "name": "Console upgrade",
                    "status": "in_progress",
                    "scheduled_for": stamp(world.now - HOUR),
                },
                {"id": "m2", "name": "Console upgrade", "status": "scheduled", "scheduled_for": stamp(world.now + DAY)},
            ],
        }
    )


def _incident(name: str, component: str, *, begin: float, minutes: int | None) -> dict[str, Any]:
    """One incident; open without `minutes`."""
    end = None if minutes is None else stamp(begin + 60 * minutes)
    status = "investigating" if end is None else "resolved"
    return {
        "id": name.lower().replace(" ", "-"),
        "name": name,
        "status": status,
        "impact": "major",
        "created_at": stamp(begin),
        "started_at": stamp(begin),
        "updated_at": end or stamp(begin + 300),
        "resolved_at": end,
        "components": [{"id": component, "name": component, "status": "major_outage"}],
        "incident_updates": [{"body": f"{name}.", "status": status, "created_at": stamp(begin + 300)}],
    }
