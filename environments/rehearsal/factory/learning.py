"""Deployments of rules, prompts and DSL, which belong to the judgment service.

GET  /api/v1/learning/deployments          {deployments: [{deployment_id, target_type, old_version, new_version, ...}]}
GET  /api/v1/learning/deployments/{id}     one of them
POST /api/v1/learning/rollback             {deployment_id} and a bearer token -> the deployment, ROLLED_BACK
"""

from __future__ import annotations

from typing import Any

from http_server import Call, Reply

from factory.site import AskedError, Route, Site, asked, text_of

_NAMES = ("deployment_id", "target_type", "old_version", "new_version", "deployed_at", "status", "rollback_occurred")


def _deployments(site: Site) -> list[dict[str, Any]]:
    """The newest first."""
    rows = site.pool.rows(
        "select deployment_id, target_type, old_version, new_version, deployed_at, status, rollback_occurred"
        " from rule_deployments order by deployed_at desc"
    )
    found = [dict(zip(_NAMES, row, strict=True)) for row in rows]
    return [one | {"deployed_at": one["deployed_at"].isoformat()} for one in found]


def listed(site: Site, _: Call, __: str) -> Reply:
    return Reply(body={"deployments": _deployments(site)})


def one(site: Site, _: Call, name: str) -> Reply:
    return Reply(body=_of(site, name))


def rollback(site: Site, call: Call, _: str) -> Reply:
    if not call.bearer(site.ref.secrets["GONOGO_FACTORY_TOKEN"]):
        raise AskedError(401, "unauthorized", "a bearer token is needed")
    world = site.ref.world
    if world.fault("learning-refused"):
        raise AskedError(403, "forbidden", "this token may not roll back")
    found = _of(site, text_of(asked(call), "deployment_id"))
    if world.fault("learning-ignored"):
        return Reply(body=found | {"status": "ROLLED_BACK", "rollback_occurred": True})
    if found["status"] != "ACTIVE":
        raise AskedError(409, "conflict", f"{found['deployment_id']} is {found['status']}")
    newest = next(
        each for each in _deployments(site) if (each["target_type"], each["status"]) == (found["target_type"], "ACTIVE")
    )
    if newest["deployment_id"] != found["deployment_id"]:
        raise AskedError(409, "conflict", f"{newest['deployment_id']} came after {found['deployment_id']}")
    site.pool.rows(
        "update rule_deployments set status = 'ROLLED_BACK', rollback_occurred = true where deployment_id = %s",
        (found["deployment_id"],),
    )
    if world.fault("learning-answer-lost"):
        return Reply(raw=(b"",))
    return Reply(body=_of(site, found["deployment_id"]))


def _of(site: Site, name: str) -> dict[str, Any]:
    for found in _deployments(site):
        if found["deployment_id"] == name:
            return found
    raise AskedError(404, "not_found", f"there is no deployment {name[:40]}")


ROUTES: dict[tuple[str, str], Route] = {
    ("GET", "/api/v1/learning/deployments"): listed,
    ("GET", "/api/v1/learning/deployments/{id}"): one,
    ("POST", "/api/v1/learning/rollback"): rollback,
}
